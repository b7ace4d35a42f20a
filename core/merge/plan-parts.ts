/**
 * From segments to the parts of a multipart upload, lazily. Big runs of one object are copied inside S3 (UploadPartCopy);
 * the small ones between them, a hole, are streamed through a buffer. A hole of at least a part's bytes is streamed alone,
 * in parts of the least size, the last of them with the rest (under two parts): so the big run behind it is copied whole. A
 * smaller hole borrows that run's head, and the rest is copied; where that rest would be too small for a part, the hole
 * takes in the whole run and what is small behind it, and the next big run is copied whole.
 *
 * Where a part ends depends only on what comes behind its beginning, never on what came before. So planning may stop
 * behind any part and go on from the next one's `start` in another process, with the same parts as without the stop.
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
  const hole = new Hole();
  for (let run = await runs.next(); run; run = await runs.next()) {
    const missing = hole.bytes === 0 ? 0 : Math.max(0, partBytes - hole.bytes);
    if (isLiteral(run.segment) || run.segment.size <= partBytes || lengthOf(run.segment) < missing + partBytes) {
      hole.take(run, lengthOf(run.segment));
      while (hole.bytes >= 2 * partBytes) yield hole.part(partBytes);
      continue;
    }
    if (missing > 0) hole.take(run, missing);
    if (hole.bytes > 0) yield hole.part(hole.bytes);
    for (let rest = behind(run, missing); lengthOf(rest.segment) > 0; ) {
      const bytes = copyLength(lengthOf(rest.segment), copyBytes);
      const extent = headOf(rest.segment, bytes);
      if (isLiteral(extent)) throw new TypeError("a literal can't be copied");
      yield { kind: "copy", extent, bytes, start: rest.start };
      rest = behind(rest, bytes);
    }
  }
  if (hole.bytes > 0) yield hole.part(hole.bytes);
}

/** Bytes that are streamed, up to the next big run. */
class Hole {
  #pieces: Run[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Puts in the first `bytes` of the run. */
  take(run: Run, bytes: number): void {
    this.#pieces.push({ ...run, segment: headOf(run.segment, bytes) });
    this.#bytes += bytes;
  }

  /** Takes out the first `bytes`. */
  part(bytes: number): Unmarked {
    const [first] = this.#pieces;
    if (!first) throw new RangeError("an empty hole makes no part");
    const pieces: Segment[] = [];
    let missing = bytes;
    let taken = 0;
    for (const piece of this.#pieces) {
      const length = lengthOf(piece.segment);
      if (length > missing) break;
      pieces.push(piece.segment);
      missing -= length;
      taken++;
    }
    const left = this.#pieces.slice(taken);
    const [cutThrough] = left;
    if (cutThrough && missing > 0) {
      pieces.push(headOf(cutThrough.segment, missing));
      left[0] = behind(cutThrough, missing);
    }
    this.#pieces = left;
    this.#bytes -= bytes;
    return { kind: "buffer", pieces, bytes, start: first.start };
  }
}

/** Neighbouring bytes of one object, or a literal, and where they begin in the output. */
interface Run {
  readonly segment: Segment;
  readonly start: Checkpoint;
}

/** What is left of a run without its first `bytes`. */
const behind = ({ segment, start }: Run, bytes: number): Run => ({
  segment: withoutHead(segment, bytes),
  start: { ...start, skip: start.skip + bytes },
});

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
  #ahead: Run | undefined;

  constructor(source: SegmentSource, from: Checkpoint) {
    this.#segments = (from.at === null ? source.open() : source.open(from.at))[Symbol.asyncIterator]();
    this.#size = from.size;
    this.#crc = from.crc;
    this.#skip = from.skip;
  }

  get total() {
    return { size: this.#size, crc: this.#crc };
  }

  async next(): Promise<Run | undefined> {
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

  async #read(): Promise<Run | undefined> {
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
