import { asBuffer, DEFAULT_MAX_RECORD_BYTES } from "../records/bytes.ts";
import { CsvMachine, CsvMode } from "../records/csv-machine.ts";
import { skipMark } from "../records/encoding.ts";
import { recordTooLarge, unterminatedQuote } from "../records/record-errors.ts";
import type { ByteChunk } from "./byte-chunk.ts";
import { inputTruncated } from "./chunk-errors.ts";
import { type CutPlan, cutAt, nextCut } from "./sizing.ts";

export interface ExactChunkerOptions {
  /** `start` = behind the header (0 without one). */
  readonly plan: CutPlan;
  /** @default "," */
  readonly delimiter?: string | undefined;
  /** @default 64 MiB */
  readonly maxRecordBytes?: number | undefined;
  /** Stop behind the first chunk (`isTestJob`). @default false */
  readonly firstOnly?: boolean | undefined;
}

/** Plain JSON, a hundred bytes: where a scan stands. Go on reading at `position`. */
export interface ExactChunkerState {
  readonly position: number;
  readonly mode: CsvMode;
  readonly recordStart: number;
  /** Start of the chunk that isn't closed yet. */
  readonly chunkStart: number;
  /** Index of the nominal cut that closes it. */
  readonly cut: number;
  readonly finished: boolean;
}

/**
 * One sequential scan of a CSV source, with the readers' own machine, that finds exact chunks: each ends at the first
 * record's end at or behind its nominal cut; cuts that one record swallows make no chunk. Far from a cut it only follows
 * quotes. Feed [plan.start, plan.size) in blocks of any size.
 * @throws JobJobError CSV_UNTERMINATED_QUOTE, RECORD_TOO_LARGE, UNSUPPORTED_ENCODING, INPUT_TRUNCATED
 */
export class ExactChunker {
  readonly #plan: CutPlan;
  readonly #machine: CsvMachine;
  readonly #max: number;
  readonly #firstOnly: boolean;
  #position: number;
  #chunkStart: number;
  #cut: number;
  #finished: boolean;

  constructor(options: ExactChunkerOptions, state?: ExactChunkerState) {
    const { plan, delimiter, maxRecordBytes, firstOnly } = options;
    this.#plan = plan;
    this.#machine = new CsvMachine(delimiter, state?.mode, state?.recordStart ?? plan.start);
    this.#max = maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES;
    this.#firstOnly = firstOnly ?? false;
    this.#position = state?.position ?? plan.start;
    this.#chunkStart = state?.chunkStart ?? plan.start;
    this.#cut = state?.cut ?? 1;
    this.#finished = state?.finished ?? plan.count === 0;
  }

  /** A scan that goes on where another one, perhaps in another process, stopped; the options must be the same. */
  static resume(state: ExactChunkerState, options: ExactChunkerOptions): ExactChunker {
    return new ExactChunker(options, state);
  }

  /** Offset of the next byte it wants. */
  get position(): number {
    return this.#position;
  }

  /** No further byte is needed and no further chunk will come. */
  get done(): boolean {
    return this.#finished;
  }

  state(): ExactChunkerState {
    return {
      position: this.#position,
      mode: this.#machine.mode,
      recordStart: this.#machine.recordStart,
      chunkStart: this.#chunkStart,
      cut: this.#cut,
      finished: this.#finished,
    };
  }

  /** The chunks that ended in this block. */
  push(block: Uint8Array): ByteChunk[] {
    const chunks: ByteChunk[] = [];
    if (this.#finished) return chunks;
    const bytes = asBuffer(block);
    const base = this.#position;
    this.#machine.enter();
    let at = skipMark(bytes, 0, base);
    while (at < bytes.length && this.#cut <= this.#plan.count) {
      // The newline in front of the cut counts: a record may end at the cut itself.
      const near = Math.min(bytes.length, cutAt(this.#plan, this.#cut) - 1 - base);
      if (near > at) {
        this.#machine.advance(bytes, at, near, base);
        at = near;
        continue;
      }
      const next = this.#machine.nextEnd(bytes, at);
      if (next < 0) break;
      chunks.push(this.#close(base + next));
      at = next;
      if (this.#firstOnly) {
        this.#position = base + next;
        this.#finished = true;
        return chunks;
      }
    }
    this.#position = base + bytes.length;
    const { mode, recordStart } = this.#machine;
    if (mode === CsvMode.Quoted && this.#position - recordStart > this.#max)
      throw recordTooLarge(recordStart, this.#max);
    return chunks;
  }

  /** The last chunk, where the file doesn't end in a newline. */
  end(): ByteChunk[] {
    if (this.#finished) return [];
    if (this.#position < this.#plan.size) throw inputTruncated(this.#position, this.#plan.size);
    if (this.#machine.mode === CsvMode.Quoted) throw unterminatedQuote(this.#machine.recordStart);
    this.#finished = true;
    return this.#chunkStart < this.#plan.size ? [this.#close(this.#plan.size)] : [];
  }

  #close(end: number): ByteChunk {
    const chunk = { from: this.#chunkStart, to: end, exact: true };
    this.#chunkStart = end;
    this.#machine.recordStart = end;
    this.#cut = nextCut(this.#plan, end, this.#cut);
    return chunk;
  }
}
