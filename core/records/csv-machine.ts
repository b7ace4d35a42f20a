import { LF, QUOTE } from "./bytes.ts";
import { checkDelimiter } from "./delimiter.ts";

/** Between two bytes, a CSV reader is in one of four modes. Numbers, since they go into a stored state. */
export const CsvMode = {
  /** At a field's start: only here does a quote open. */
  FieldStart: 0,
  /** Inside an unquoted field, or behind a closing quote: everything up to the delimiter is literal. */
  Unquoted: 1,
  Quoted: 2,
  /** Behind a quote inside a quoted field: the first half of a doubled one, or the closing one. */
  QuoteInQuoted: 3,
} as const;
export type CsvMode = (typeof CsvMode)[keyof typeof CsvMode];

/** Bytes looked at one by one before a native search is worth its call (about 50 ns). */
const NEAR = 24;

/**
 * Where CSV records end, block by block, on bytes. It never looks at a byte that can't matter: it jumps from newline to
 * newline (`nextEnd`) or from quote to quote (`advance`), since a quote matters only directly behind a delimiter, a
 * record's end, or inside quotes. `mode` and `recordStart` are its whole state.
 */
export class CsvMachine {
  mode: CsvMode;
  /** File offset at which the current record starts; kept by `advance` alone. */
  recordStart: number;
  readonly #delimiter: number;
  #quote = -1;

  constructor(delimiter = ",", mode: CsvMode = CsvMode.FieldStart, recordStart = 0) {
    this.#delimiter = checkDelimiter(delimiter).charCodeAt(0);
    this.mode = mode;
    this.recordStart = recordStart;
  }

  /** To be called before the first look into a block: what is remembered of the last one no longer holds. */
  enter(): void {
    this.#quote = -1;
  }

  /** Consumes from `at` up to the next record's end: the index behind its newline, or -1 when the block is used up. */
  nextEnd(block: Buffer, at: number): number {
    const size = block.length;
    let newline = -1;
    let p = at;
    for (;;) {
      if (this.mode === CsvMode.Quoted) {
        const closing = this.#quoteFrom(block, p);
        if (closing === size) return -1;
        p = closing + 1;
        this.mode = CsvMode.QuoteInQuoted;
      }
      if (p >= size) return -1;
      if (this.#opens(block, p)) {
        p++;
        this.mode = CsvMode.Quoted;
        continue;
      }
      if (newline < p) {
        newline = block.indexOf(LF, p);
        if (newline < 0) newline = size;
      }
      let quote = this.#quoteFrom(block, p + 1);
      while (quote < newline && block[quote - 1] !== this.#delimiter) quote = this.#quoteFrom(block, quote + 1);
      if (quote < newline) {
        p = quote + 1;
        this.mode = CsvMode.Quoted;
        continue;
      }
      if (newline === size) {
        this.mode = block[size - 1] === this.#delimiter ? CsvMode.FieldStart : CsvMode.Unquoted;
        return -1;
      }
      this.mode = CsvMode.FieldStart;
      return newline + 1;
    }
  }

  /** Consumes block[at, to) without asking where records end. `base` = file offset of block[0], for `recordStart`. */
  advance(block: Buffer, at: number, to: number, base: number): void {
    let p = at;
    while (p < to) {
      if (this.mode === CsvMode.Quoted) {
        const closing = this.#quoteFrom(block, p);
        if (closing >= to) return;
        p = closing + 1;
        this.mode = CsvMode.QuoteInQuoted;
        continue;
      }
      if (this.#opens(block, p)) {
        p++;
        this.mode = CsvMode.Quoted;
        continue;
      }
      let quote = this.#quoteFrom(block, p + 1);
      while (quote < to && !this.#endsField(block[quote - 1])) quote = this.#quoteFrom(block, quote + 1);
      const until = Math.min(quote, to);
      const newline = lastNewline(block, p, until);
      if (newline >= 0) this.recordStart = base + newline + 1;
      if (quote < to) {
        p = quote + 1;
        this.mode = CsvMode.Quoted;
      } else {
        p = to;
        this.mode = this.#endsField(block[to - 1]) ? CsvMode.FieldStart : CsvMode.Unquoted;
      }
    }
  }

  /** Whether the byte at p (not consumed) leads into quotes; settles what the quote before it was. */
  #opens(block: Buffer, p: number): boolean {
    const isQuote = block[p] === QUOTE;
    if (this.mode === CsvMode.QuoteInQuoted) {
      if (isQuote) return true;
      this.mode = CsvMode.Unquoted;
      return false;
    }
    return isQuote && this.mode === CsvMode.FieldStart;
  }

  #endsField(byte: number | undefined): boolean {
    return byte === this.#delimiter || byte === LF;
  }

  /** The first quote at or behind `from`, or the block's size; remembered, so that a block without quotes is searched once. */
  #quoteFrom(block: Buffer, from: number): number {
    if (this.#quote >= from) return this.#quote;
    const near = Math.min(block.length, from + NEAR);
    let at = from;
    while (at < near && block[at] !== QUOTE) at++;
    if (at === near && at < block.length) {
      at = block.indexOf(QUOTE, at);
      if (at < 0) at = block.length;
    }
    this.#quote = Math.min(at, block.length);
    return this.#quote;
  }
}

/** The last newline in block[from, to), or -1. Usually near; `Buffer.lastIndexOf` alone would search on in front of `from`. */
function lastNewline(block: Buffer, from: number, to: number): number {
  const near = Math.max(from, to - 4 * NEAR);
  for (let at = to - 1; at >= near; at--) if (block[at] === LF) return at;
  if (near === from) return -1;
  const found = block.subarray(from, near).lastIndexOf(LF);
  return found < 0 ? -1 : from + found;
}
