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

/** Bytes looked at one by one before a native search is worth its call. */
const NEAR = 16;

/**
 * Where CSV records end, block by block, on bytes. Where quotes are dense it walks byte by byte; where they are far it jumps
 * natively, from newline to newline (`nextEnd`) or straight to the next quote (`advance`), since nothing else can change
 * what a newline means. `mode` and `recordStart` are its whole state.
 */
export class CsvMachine {
  mode: CsvMode;
  /** File offset at which the current record starts; kept by `advance` alone. */
  recordStart: number;
  readonly #delimiter: number;
  /** The first quote behind some point of this block that has been passed; the block's size if there is none. */
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
    while (p < size) {
      if (this.mode === CsvMode.Quoted) {
        p = this.#leaveQuotes(block, p, size);
        continue;
      }
      if (this.#isDoubled(block, p)) {
        p++;
        continue;
      }
      const delimiter = this.#delimiter;
      let opens = this.mode === CsvMode.FieldStart;
      let open = false;
      for (let near = Math.min(size, p + NEAR); !open && p < size; ) {
        while (p < near) {
          const byte = block[p++];
          if (byte === LF) {
            this.mode = CsvMode.FieldStart;
            return p;
          }
          if (byte === QUOTE && opens) {
            open = true;
            break;
          }
          opens = byte === delimiter;
        }
        if (open || p >= size) break;
        const quote = this.#quoteFrom(block, p);
        if (newline < p) {
          newline = block.indexOf(LF, p);
          if (newline < 0) newline = size;
        }
        if (newline < quote) {
          this.mode = CsvMode.FieldStart;
          return newline + 1;
        }
        if (quote > p) opens = block[quote - 1] === delimiter;
        p = quote;
        near = Math.min(size, p + NEAR);
      }
      this.mode = open ? CsvMode.Quoted : opens ? CsvMode.FieldStart : CsvMode.Unquoted;
    }
    return -1;
  }

  /** Consumes block[at, to) without asking where records end. `base` = file offset of block[0], for `recordStart`. */
  advance(block: Buffer, at: number, to: number, base: number): void {
    let p = at;
    while (p < to) {
      if (this.mode === CsvMode.Quoted) {
        p = this.#leaveQuotes(block, p, to);
        continue;
      }
      if (this.#isDoubled(block, p)) {
        p++;
        continue;
      }
      const delimiter = this.#delimiter;
      let opens = this.mode === CsvMode.FieldStart;
      let open = false;
      let newline = -1;
      for (let near = this.#quote - p > NEAR ? p : Math.min(to, p + NEAR); !open && p < to; ) {
        while (p < near) {
          const byte = block[p++];
          if (byte === QUOTE && opens) {
            open = true;
            break;
          }
          opens = byte === delimiter;
          if (byte === LF) {
            newline = p - 1;
            opens = true;
          }
        }
        if (open || p >= to) break;
        const quote = Math.min(to, this.#quoteFrom(block, p));
        newline = Math.max(newline, lastNewline(block, p, quote));
        if (quote > p) opens = block[quote - 1] === delimiter || newline === quote - 1;
        p = quote;
        near = Math.min(to, p + NEAR);
      }
      if (newline >= 0) this.recordStart = base + newline + 1;
      this.mode = open ? CsvMode.Quoted : opens ? CsvMode.FieldStart : CsvMode.Unquoted;
    }
  }

  /** From inside quotes to behind the next quote, or to `to`. */
  #leaveQuotes(block: Buffer, from: number, to: number): number {
    const near = Math.min(to, from + NEAR);
    let p = from;
    while (p < near && block[p] !== QUOTE) p++;
    if (p === near) {
      if (p < to) p = this.#quoteFrom(block, p);
      if (p >= to) return to;
    }
    this.mode = CsvMode.QuoteInQuoted;
    return p + 1;
  }

  /** Settles what a quote inside quotes was, by the byte behind it: doubled (then back into the quotes), or closing. */
  #isDoubled(block: Buffer, p: number): boolean {
    if (this.mode !== CsvMode.QuoteInQuoted) return false;
    const doubled = block[p] === QUOTE;
    this.mode = doubled ? CsvMode.Quoted : CsvMode.Unquoted;
    return doubled;
  }

  /** The first quote at or behind `from`, or the block's size; remembered, so that a block without quotes is searched once. */
  #quoteFrom(block: Buffer, from: number): number {
    if (this.#quote < from) {
      const quote = block.indexOf(QUOTE, from);
      this.#quote = quote < 0 ? block.length : quote;
    }
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
