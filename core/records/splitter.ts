import type { Bulk } from "./bulk.ts";
import { asBuffer, CR, DEFAULT_MAX_RECORD_BYTES, LF, type TextFormat } from "./bytes.ts";
import { CsvMachine, CsvMode } from "./csv-machine.ts";
import { MARK_BYTES, textStart } from "./encoding.ts";
import { recordTooLarge, unterminatedQuote } from "./record-errors.ts";

/** One record. Offsets in bytes from the start of the file. */
export interface RecordSlice {
  /** Without its terminator. Points into the pushed block where it can. */
  readonly bytes: Buffer;
  readonly offset: number;
  /** Just behind its terminator. */
  readonly end: number;
}

/** The same without an allocation per record: bytes[start, end) begins at `offset` in the file, the next record at `next`. */
export type RecordSink = (bytes: Buffer, start: number, end: number, offset: number, next: number) => void;

export interface SplitterOptions {
  readonly format: TextFormat;
  /** File offset of the first byte that will be pushed. A byte order mark is looked for only at 0. @default 0 */
  readonly offset?: number | undefined;
  /** CSV only: one ASCII character. @default "," */
  readonly delimiter?: string | undefined;
  /** @default 64 MiB */
  readonly maxRecordBytes?: number | undefined;
}

/** As large as the blocks that workers read. */
const PIECE_BYTES = 64 * 1024;

/** Tails up to this size are copied, so that a few bytes left over don't keep a block of megabytes alive. */
const COPY_TAIL = 64 * 1024;

/**
 * Cuts a stream of blocks into records; records may span blocks. `lines`: each line is a record, an empty one too;
 * `ndjson`: lines of white space are none; `csv`: empty lines are none (as in pandas and csv-parse's
 * `skip_empty_lines`), newlines inside quotes belong to the record. After an error it must not be used any more.
 * @throws JobJobError RECORD_TOO_LARGE, CSV_UNTERMINATED_QUOTE (at the end), UNSUPPORTED_ENCODING
 */
export class RecordSplitter {
  readonly #format: TextFormat;
  readonly #machine: CsvMachine | null;
  readonly #max: number;
  #position: number;
  /** Bytes at offset 0 that may still become a byte order mark; null once that is settled. */
  #head: Buffer | null;
  /** The beginning of the record that the blocks so far didn't end. */
  #carry: Buffer[] = [];
  #carried = 0;

  constructor(options: SplitterOptions) {
    this.#format = options.format;
    this.#machine = options.format === "csv" ? new CsvMachine(options.delimiter) : null;
    this.#max = options.maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES;
    this.#position = options.offset ?? 0;
    this.#head = this.#position === 0 ? Buffer.alloc(0) : null;
  }

  /** File offset behind the last byte pushed. */
  get position(): number {
    return this.#position;
  }

  push(block: Uint8Array): RecordSlice[] {
    const records: RecordSlice[] = [];
    this.scan(block, collectInto(records));
    return records;
  }

  /** The last record, where the file doesn't end in a newline. */
  end(): RecordSlice[] {
    const records: RecordSlice[] = [];
    this.finish(collectInto(records));
    return records;
  }

  /** @param bulk is offered the records first that lie whole in the block; `sink` gets those that it leaves */
  scan(block: Uint8Array, sink: RecordSink, bulk?: Bulk): void {
    const bytes = asBuffer(block);
    this.#position += bytes.length;
    if (this.#head === null) {
      this.#split(bytes, 0, sink, bulk);
      return;
    }
    const head = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes]);
    if (head.length < MARK_BYTES) this.#head = Buffer.from(head);
    else this.#begin(head, sink, bulk);
  }

  finish(sink: RecordSink): void {
    if (this.#head !== null) this.#begin(this.#head, sink);
    if (this.#carried === 0) return;
    const offset = this.#position - this.#carried;
    if (this.#machine?.mode === CsvMode.Quoted) throw unterminatedQuote(offset);
    const record = this.#takeCarry();
    this.#emit(record, 0, record.length, offset, this.#position, sink);
  }

  #begin(head: Buffer, sink: RecordSink, bulk?: Bulk): void {
    this.#head = null;
    this.#split(head, textStart(head), sink, bulk);
  }

  #split(block: Buffer, from: number, sink: RecordSink, bulk?: Bulk): void {
    const base = this.#position - block.length;
    this.#machine?.enter();
    let at = from;
    for (;;) {
      if (this.#carried === 0) {
        if (bulk) at = bulk.read(block, at, base);
        else if (this.#format === "lines") at = this.#wholeLines(block, at, base, sink);
      }
      const next = this.#machine ? this.#machine.nextEnd(block, at) : block.indexOf(LF, at) + 1;
      if (next <= 0) break;
      if (this.#carried > 0) {
        const offset = base + at - this.#carried;
        this.#carry.push(block.subarray(at, next));
        const record = this.#takeCarry();
        this.#emit(record, 0, withoutTerminator(record, 0, record.length), offset, base + next, sink);
      } else {
        this.#emit(block, at, withoutTerminator(block, at, next), base + at, base + next, sink);
      }
      at = next;
    }
    if (at < block.length) this.#keep(block.subarray(at));
  }

  /**
   * The same as one line at a time. A piece of the block is taken as a string of one character a byte: the engine searches
   * that without a call out of JavaScript.
   * @returns where the line begins that the block, or a piece, doesn't end
   */
  #wholeLines(block: Buffer, from: number, base: number, sink: RecordSink): number {
    const max = this.#max;
    let at = from;
    for (let begin = -1; begin !== at && at < block.length; ) {
      begin = at;
      const piece = block.toString("latin1", begin, begin + PIECE_BYTES);
      for (let newline = piece.indexOf("\n"); newline >= 0; newline = piece.indexOf("\n", at - begin)) {
        const next = begin + newline + 1;
        const end = next - 1 > at && piece.charCodeAt(newline - 1) === CR ? next - 2 : next - 1;
        if (end - at > max) throw recordTooLarge(base + at, max);
        sink(block, at, end, base + at, base + next);
        at = next;
      }
    }
    return at;
  }

  #keep(tail: Buffer): void {
    this.#carry.push(tail.length <= COPY_TAIL ? Buffer.from(tail) : tail);
    this.#carried += tail.length;
    // One byte more may be the carriage return of the terminator.
    if (this.#carried > this.#max + 1) throw recordTooLarge(this.#position - this.#carried, this.#max);
  }

  #takeCarry(): Buffer {
    const [only] = this.#carry;
    const record = this.#carry.length === 1 && only ? only : Buffer.concat(this.#carry);
    this.#carry = [];
    this.#carried = 0;
    return record;
  }

  #emit(bytes: Buffer, start: number, end: number, offset: number, next: number, sink: RecordSink): void {
    if (end - start > this.#max) throw recordTooLarge(offset, this.#max);
    if (this.#format === "csv" && start === end) return;
    if (this.#format === "ndjson" && isBlank(bytes, start, end)) return;
    sink(bytes, start, end, offset, next);
  }
}

/** `next` is the index behind a newline. */
function withoutTerminator(bytes: Buffer, start: number, next: number): number {
  const end = next - 1;
  return end > start && bytes[end - 1] === CR ? end - 1 : end;
}

/** Nothing but what JSON calls white space. */
function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== CR) return false;
  }
  return true;
}

function collectInto(records: RecordSlice[]): RecordSink {
  return (bytes, start, end, offset, next) => {
    records.push({ bytes: bytes.subarray(start, end), offset, end: next });
  };
}
