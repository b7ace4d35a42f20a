import { InvalidInputError, JobJobError } from "../errors.ts";
import { asBuffer, LF, type RecordFormat } from "../records/bytes.ts";
import { CsvMachine, CsvMode } from "../records/csv-machine.ts";
import { skipMark } from "../records/encoding.ts";
import type { ByteChunk } from "./byte-chunk.ts";
import { inputTruncated } from "./chunk-errors.ts";

export interface CutterOptions {
  readonly format: RecordFormat;
  /** Ascending, not overlapping; normally neighbours. What lies in a gap is read over and dropped. */
  readonly chunks: readonly ByteChunk[];
  /** Size of the whole source in bytes. */
  readonly size: number;
  /** CSV only. @default "," */
  readonly delimiter?: string | undefined;
}

/** Some bytes of a chunk, never none. `chunk` = its place in the list given. They point into the pushed block. */
export interface CutPiece {
  readonly type: "piece";
  readonly chunk: number;
  /** File offset of the first byte. */
  readonly offset: number;
  readonly bytes: Buffer;
}

/** A chunk is whole: its real edges. start = end: no record begins in it. */
export interface CutEnd {
  readonly type: "end";
  readonly chunk: number;
  readonly start: number;
  readonly end: number;
  /** CSV_MISALIGNED: the edge lies inside quotes, so this chunk and the next hold halves of a record. */
  readonly error?: JobJobError;
}

export type CutEvent = CutPiece | CutEnd;

const MAX_PROBE = 1024 * 1024;
const MIN_PROBE = 256;

/**
 * Cuts one stream of a source into a run of chunks: the stream begins at `readFrom`, and for each chunk come its pieces
 * and then one end, in order. Edges of text are newlines (a virtual chunk of CSV promises that no quotes hide one; that is
 * checked at each edge). A worker thus reads a run once, and behind its last cut only as far as one record reaches.
 */
export class ChunkCutter {
  /** The stream must begin here: one byte in front of a virtual chunk, whose newline would make `from` itself an edge. */
  readonly readFrom: number;
  /** [readFrom, readTo) is worth fetching at once: everything that is surely needed, and a small probe for the last edge. */
  readonly readTo: number;
  readonly #chunks: readonly ByteChunk[];
  readonly #size: number;
  readonly #machine: CsvMachine | null;
  #position: number;
  #index = 0;
  /** Real start of the chunk in hand; null while it's looked for. */
  #start: number | null = null;
  #lastEdge = -1;
  #probe: number;

  constructor(options: CutterOptions) {
    const { format, chunks, size } = options;
    checkRun(chunks, size);
    this.#chunks = format === "bytes" ? chunks.map((chunk) => ({ ...chunk, exact: true })) : chunks;
    this.#size = size;
    this.#machine = format === "csv" ? new CsvMachine(options.delimiter) : null;
    const first = this.#chunks[0];
    const last = this.#chunks.at(-1);
    this.readFrom = first ? (first.exact ? first.from : Math.max(0, first.from - 1)) : 0;
    this.#position = this.readFrom;
    // 0.5 % of the run: with what a window reads too much, bytes read stay under 1.02 × the file.
    this.#probe = last ? Math.min(16 * 1024, Math.max(MIN_PROBE, Math.floor((last.to - this.readFrom) / 200))) : 0;
    this.readTo = last ? (last.exact ? last.to : Math.min(size, last.to + this.#probe)) : 0;
  }

  /** Offset of the next byte it wants. */
  get position(): number {
    return this.#position;
  }

  /** All chunks have ended: no further byte is needed. */
  get done(): boolean {
    return this.#index >= this.#chunks.length;
  }

  /** What to fetch next when everything up to `position` was pushed and it isn't done: [position, moreTo()), growing. */
  moreTo(): number {
    if (this.done) return this.#position;
    if (this.#position < this.readTo) return this.readTo;
    this.#probe = Math.min(MAX_PROBE, this.#probe * 2);
    return Math.min(this.#size, this.#position + this.#probe);
  }

  /** The bytes at `position`. What lies behind the last edge is ignored. */
  push(block: Uint8Array): CutEvent[] {
    const events: CutEvent[] = [];
    if (this.done) return events;
    const bytes = asBuffer(block);
    const base = this.#position;
    const behind = base + bytes.length;
    this.#machine?.enter();
    let at = base;
    for (let chunk = this.#chunks[this.#index]; chunk; chunk = this.#chunks[this.#index]) {
      if (this.#start === null) {
        const start = this.#edge(chunk.from, chunk.exact, bytes, base, at);
        if (start === null) break;
        this.#open(start);
        at = Math.max(at, start);
      }
      const start = this.#start ?? at;
      const end = this.#edge(chunk.to, chunk.exact, bytes, base, at);
      const until = end ?? behind;
      const error = this.#check(chunk, bytes, base, at, until, end !== null);
      if (until > at) {
        events.push({ type: "piece", chunk: this.#index, offset: at, bytes: bytes.subarray(at - base, until - base) });
      }
      at = until;
      if (end === null) break;
      events.push({ type: "end", chunk: this.#index, start, end, ...(error ? { error } : {}) });
      this.#lastEdge = end;
      this.#start = null;
      this.#index++;
    }
    this.#position = behind;
    return events;
  }

  /**
   * The stream is over.
   * @throws JobJobError INPUT_TRUNCATED (retryable) when it ended in front of bytes that a chunk needs
   */
  end(): CutEvent[] {
    const events = this.push(Buffer.alloc(0));
    if (!this.done) throw inputTruncated(this.#position, this.#size);
    return events;
  }

  #open(start: number): void {
    this.#start = start;
    this.#lastEdge = start;
    if (this.#machine) this.#machine.mode = CsvMode.FieldStart;
  }

  /** The edge for a nominal cut, or null when the block (base = its offset, `at` = where we stand) doesn't show it. */
  #edge(cut: number, exact: boolean, bytes: Buffer, base: number, at: number): number | null {
    const behind = base + bytes.length;
    if (exact) return cut <= behind ? Math.max(cut, at) : null;
    if (cut === 0) return 0;
    if (this.#lastEdge >= cut) return this.#lastEdge;
    if (cut < this.#size) {
      // The newline in front of `cut` counts: an edge may lie at the cut itself.
      const from = Math.max(at, cut - 1) - base;
      const newline = from < bytes.length ? bytes.indexOf(LF, from) : -1;
      if (newline >= 0) return base + newline + 1;
    }
    return behind >= this.#size ? this.#size : null;
  }

  /** Follows the quotes of a virtual CSV chunk, and tells when its last newline turns out to be quoted. */
  #check(chunk: ByteChunk, bytes: Buffer, base: number, at: number, until: number, ends: boolean): JobJobError | null {
    if (!this.#machine || chunk.exact || until <= at) return null;
    const atNewline = ends && bytes[until - base - 1] === LF;
    const from = skipMark(bytes, at - base, base);
    this.#machine.advance(bytes, from, until - base - (atNewline ? 1 : 0), base);
    if (!atNewline || until === this.#size || this.#machine.mode !== CsvMode.Quoted) return null;
    return new JobJobError({
      code: "CSV_MISALIGNED",
      message: `The newline in front of byte ${until} lies inside a quoted field, so the chunks meet in the middle of a record; set quotedNewlines to "auto" and requeue with repartition.`,
      details: { offset: until, from: chunk.from, to: chunk.to },
    });
  }
}

function checkRun(chunks: readonly ByteChunk[], size: number): void {
  let before = 0;
  for (const [index, { from, to }] of chunks.entries()) {
    const whole = Number.isSafeInteger(from) && Number.isSafeInteger(to);
    if (!whole || from < before || to < from || to > size) {
      throw new InvalidInputError(
        `chunks[${index}]`,
        `[${from}, ${to}) must lie behind the chunk before it (${before}) and within the source's ${size} bytes`,
      );
    }
    before = to;
  }
}
