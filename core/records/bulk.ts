import { isAscii } from "node:buffer";
import type { TextFormat } from "./bytes.ts";
import { decodeRange } from "./encoding.ts";

/**
 * Bytes that become one string. Text is cut out of it, which costs a tenth of decoding each record by itself; since the
 * cuttings keep the whole alive, it is small: an app that keeps one field of many keeps little more.
 */
const PIECE_BYTES = 2 * 1024;
const TERMINATOR_BYTES = 2;
const NOT_ASCII = /[\x80-\xff]/g;
const CR = 0x0d;
const QUOTE = 0x22;
const NOTHING: Buffer = Buffer.alloc(0);

/** Gets a record and the file offset of its first byte. */
export type BulkSink<T> = (record: T, offset: number) => void;

/**
 * Whole records of a block, many at a time. A piece of the block is taken as a string of one character a byte, in which an
 * index is an offset: the engine searches and cuts it without a call out of JavaScript; what isn't ASCII is decoded by
 * itself. It stops in front of a record that the block doesn't end, or that is too long: those are the splitter's.
 */
export abstract class Bulk {
  readonly #max: number;
  #block = NOTHING;
  #isAscii = true;
  /** Where the piece begins, in the block and in the file. */
  #from = 0;
  #base = 0;
  /** The first byte of the piece behind some passed point that isn't ASCII; its length if there is none. */
  #foreign = -1;

  constructor(maxRecordBytes: number) {
    this.#max = maxRecordBytes;
  }

  /**
   * @param at where a record begins
   * @param base file offset of block[0]
   * @returns the beginning of the first record that it left alone
   * @throws JobJobError INVALID_UTF8
   */
  read(block: Buffer, at: number, base: number): number {
    this.#block = block;
    this.#base = base;
    this.#isAscii = isAscii(block);
    let length = PIECE_BYTES;
    for (this.#from = at; this.#from < block.length; ) {
      const piece = block.toString("latin1", this.#from, Math.min(block.length, this.#from + length));
      this.#foreign = this.#isAscii ? piece.length : -1;
      const taken = this.take(piece, base + this.#from, this.#max);
      this.#from += taken;
      if (taken > 0) length = PIECE_BYTES;
      else if (piece.length < length || length > this.#max + TERMINATOR_BYTES) break;
      else length *= 2;
    }
    this.#block = NOTHING;
    return this.#from;
  }

  /** @returns how much of the piece is in records that were taken */
  protected abstract take(piece: string, offset: number, max: number): number;

  /** The text of piece[start, end). Asked for from front to back. */
  protected text(piece: string, start: number, end: number): string {
    if (this.#foreign < start) {
      NOT_ASCII.lastIndex = start;
      this.#foreign = NOT_ASCII.test(piece) ? NOT_ASCII.lastIndex - 1 : piece.length;
    }
    if (this.#foreign >= end) return piece.slice(start, end);
    const from = this.#from;
    return decodeRange(this.#block, from + start, from + end, this.#base + from + start);
  }
}

/** The text of lines and of NDJSON's values, whose blank lines are none. */
export class BulkLines extends Bulk {
  readonly #blanks: boolean;
  readonly #sink: BulkSink<string>;

  constructor(format: Exclude<TextFormat, "csv">, maxRecordBytes: number, sink: BulkSink<string>) {
    super(maxRecordBytes);
    this.#blanks = format === "lines";
    this.#sink = sink;
  }

  protected take(piece: string, offset: number, max: number): number {
    for (let at = 0; ; ) {
      const newline = piece.indexOf("\n", at);
      if (newline < 0) return at;
      const end = newline > at && piece.charCodeAt(newline - 1) === CR ? newline - 1 : newline;
      if (end - at > max) return at;
      if (this.#blanks || !isBlank(piece, at, end)) this.#sink(this.text(piece, at, end), offset + at);
      at = newline + 1;
    }
  }
}

/** The fields of CSV records, empty lines left out; the same ones as `splitFields` makes of each. */
export class BulkFields extends Bulk {
  readonly #delimiter: string;
  readonly #sink: BulkSink<string[]>;
  readonly #fields: string[] = [];

  constructor(delimiter: string, maxRecordBytes: number, sink: BulkSink<string[]>) {
    super(maxRecordBytes);
    this.#delimiter = delimiter;
    this.#sink = sink;
  }

  protected take(piece: string, offset: number, max: number): number {
    const delimiter = this.#delimiter;
    const fields = this.#fields;
    let newline = -1;
    let divider = -1;
    for (let at = 0; ; at = newline + 1) {
      let count = 0;
      for (let from = at; ; from = divider + 1) {
        let quoted = "";
        if (piece.charCodeAt(from) === QUOTE) {
          for (;;) {
            const quote = piece.indexOf('"', from + 1);
            if (quote < 0) return at;
            quoted += this.text(piece, from + 1, quote);
            from = quote + 1;
            if (piece.charCodeAt(from) !== QUOTE) break;
            quoted += '"';
          }
        }
        // Both are searched once, however many fields and records lie in front of them.
        if (newline < from) {
          newline = piece.indexOf("\n", from);
          if (newline < 0) return at;
        }
        if (divider < from) {
          divider = piece.indexOf(delimiter, from);
          if (divider < 0) divider = piece.length;
        }
        const isLast = newline < divider;
        const end = !isLast ? divider : newline > from && piece.charCodeAt(newline - 1) === CR ? newline - 1 : newline;
        const text = this.text(piece, from, end);
        fields[count++] = quoted === "" ? text : quoted + text;
        if (!isLast) continue;
        if (end - at > max) return at;
        if (end > at) this.#sink(fields.slice(0, count), offset + at);
        break;
      }
    }
  }
}

/** Nothing but what JSON calls white space. */
function isBlank(piece: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const code = piece.charCodeAt(at);
    if (code !== 0x20 && code !== 0x09 && code !== CR) return false;
  }
  return true;
}
