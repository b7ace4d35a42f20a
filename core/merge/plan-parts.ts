/**
 * From segments to the parts of a multipart upload, lazily. Big runs of one object are copied inside S3 (UploadPartCopy);
 * small ones are streamed through a buffer until it makes a part. A buffer still short of a part in front of a big run
 * borrows that run's head, so that the rest is copied: at most one part's bytes are streamed per hole in front of a run of
 * two parts or more. A run that is shorter is streamed whole, so that no remnant travels on to the run behind it.
 *
 * Where a part ends depends only on what comes behind its beginning, never on what came before. So planning may stop
 * behind any part and go on from its `end` in another process, with the same parts as without the stop.
 */
import type { Value } from "../ports/index.ts";
import { crc32, crc32Combine } from "./crc32.ts";
import {
  type Extent,
  headOf,
  isLiteral,
  lengthOf,
  type PositionedSegment,
  type Segment,
  type SegmentSource,
  withoutHead,
} from "./segment.ts";

const MIB = 1024 * 1024;
/** S3's limit for one part. */
export const MAX_PART_BYTES = 5 * 1024 * MIB;
/** One copied part: small enough to be copied within seconds and side by side; 5 TiB make 5,120 of them. */
export const COPY_BYTES = 1024 * MIB;

/** A place between two bytes of the output. */
export interface Checkpoint {
  /** Position of a segment, and how many bytes from its beginning were dealt with; null = the very first. */
  readonly at: Value;
  readonly skip: number;
  /** Length and CRC-32 (null: not known) of everything before segment `at`. */
  readonly size: number;
  readonly crc: number | null;
}

export const START: Checkpoint = { at: null, skip: 0, size: 0, crc: 0 };

export type PlannedPart = (
  | { readonly kind: "copy"; readonly extent: Extent }
  | { readonly kind: "buffer"; readonly pieces: readonly Segment[] }
) & {
  readonly bytes: number;
  readonly start: Checkpoint;
  /** Nothing follows. */
  readonly last: boolean;
};

export interface PartSizes {
  /** The least bytes of a part but the last. */
  readonly partBytes: number;
  /** The most bytes of a copied part, ≥ 2 × partBytes. */
  readonly copyBytes: number;
}

export interface Planned {
  readonly parts: AsyncGenerator<PlannedPart>;
  /** Of the whole output; valid once `parts` has ended. */
  readonly total: () => { readonly size: number; readonly crc: number | null };
}

export function planParts(source: SegmentSource, sizes: PartSizes, from: Checkpoint = START): Planned {
  const reader = new Runs(source, from);
  return { parts: withLast(cut(reader, sizes)), total: () => reader.total };
}

type Unmarked = Omit<PlannedPart, "last"> & ({ kind: "copy"; extent: Extent } | { kind: "buffer"; pieces: Segment[] });

async function* cut(runs: Runs, { partBytes, copyBytes }: PartSizes): AsyncGenerator<Unmarked> {
  let pieces: Segment[] = [];
  let buffered = 0;
  let start: Checkpoint = START;
  const take = (segment: Segment, at: Checkpoint) => {
    if (buffered === 0) start = at;
    pieces.push(segment);
    buffered += lengthOf(segment);
  };
  const flush = (): Unmarked => {
    const part: Unmarked = { kind: "buffer", pieces, bytes: buffered, start };
    pieces = [];
    buffered = 0;
    return part;
  };
  for (let run = await runs.next(); run; run = await runs.next()) {
    let { segment } = run;
    let { start: at } = run;
    const drop = (bytes: number) => {
      segment = withoutHead(segment, bytes);
      at = { ...at, skip: at.skip + bytes };
    };
    const copyable = !isLiteral(segment) && segment.size > partBytes;
    while (lengthOf(segment) > 0) {
      const length = lengthOf(segment);
      if (copyable && buffered === 0 && length >= partBytes) {
        const bytes = copyLength(length, copyBytes);
        const extent = headOf(segment, bytes);
        if (isLiteral(extent)) throw new TypeError("a literal can't be copied");
        yield { kind: "copy", extent, bytes, start: at };
        drop(bytes);
        continue;
      }
      const missing = partBytes - buffered;
      const bytes = !copyable
        ? Math.min(length, missing)
        : length - missing >= partBytes || length < missing
          ? Math.min(length, missing)
          : length;
      take(headOf(segment, bytes), at);
      drop(bytes);
      if (buffered >= partBytes) yield flush();
    }
  }
  if (buffered > 0) yield flush();
}

/** Whole copies while there is plenty, then two halves, so that the last one is no remnant too small for a part. */
const copyLength = (length: number, most: number): number =>
  length <= most ? length : length >= 2 * most ? most : Math.ceil(length / 2);

async function* withLast(parts: AsyncGenerator<Unmarked>): AsyncGenerator<PlannedPart> {
  let held: Unmarked | undefined;
  for await (const part of parts) {
    if (held) yield { ...held, last: false };
    held = part;
  }
  if (held) yield { ...held, last: true };
}

/** Reads segments as runs: neighbours in one object become one run; empty ones vanish. Sums up sizes and checksums. */
class Runs {
  readonly #segments: AsyncIterator<PositionedSegment>;
  #size: number;
  #crc: number | null;
  #skip: number;
  #ahead: { readonly segment: Segment; readonly start: Checkpoint } | undefined;

  constructor(source: SegmentSource, from: Checkpoint) {
    this.#segments = (from.at === null ? source.open() : source.open(from.at))[Symbol.asyncIterator]();
    this.#size = from.size;
    this.#crc = from.crc;
    this.#skip = from.skip;
  }

  get total() {
    return { size: this.#size, crc: this.#crc };
  }

  async next(): Promise<{ readonly segment: Segment; readonly start: Checkpoint } | undefined> {
    const run = this.#ahead ?? (await this.#read());
    this.#ahead = undefined;
    if (!run || isLiteral(run.segment)) return run;
    // The checksum of a part of a run is nobody's.
    const { crc: _, ...first } = run.segment;
    let segment: Extent = first;
    for (;;) {
      const next = await this.#read();
      if (next && continues(segment, next.segment)) segment = { ...segment, to: next.segment.to };
      else {
        this.#ahead = next;
        return { segment, start: run.start };
      }
    }
  }

  async #read(): Promise<{ readonly segment: Segment; readonly start: Checkpoint } | undefined> {
    for (;;) {
      const next = await this.#segments.next();
      if (next.done) return undefined;
      const { segment, at } = next.value;
      const length = lengthOf(segment);
      const start: Checkpoint = { at, skip: this.#skip, size: this.#size, crc: this.#crc };
      const crc = isLiteral(segment) ? crc32(segment.literal) : (segment.crc ?? null);
      if (length > 0) {
        this.#crc = this.#crc === null || crc === null ? null : crc32Combine(this.#crc, crc, length);
        this.#size += length;
      }
      const skipped = Math.min(this.#skip, length);
      this.#skip -= skipped;
      if (length > skipped) return { segment: withoutHead(segment, skipped), start: { ...start, skip: skipped } };
    }
  }
}

const continues = (run: Extent, next: Segment): next is Extent =>
  !isLiteral(next) &&
  next.key === run.key &&
  next.from === run.to &&
  next.bucket === run.bucket &&
  next.etag === run.etag;
