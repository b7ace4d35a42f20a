import { defineReducer } from "../../../runtime/node/contract.ts";
import { compareUtf8 } from "../shared/byte-order.ts";
import { readEntries } from "../shared/entries.ts";
import { WORD_COUNT_COLUMNS, wordCountParams } from "./info.ts";

/** Letters, marks and digits; an apostrophe or hyphen inside a word belongs to it. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*/gu;

type Counts = Map<string, number>;

export const wordCountApp = defineReducer<Record<string, never>, Counts, string>({
  params: wordCountParams,
  read: (chunk) => chunk.lines(),
  init: () => new Map(),
  add(counts, line) {
    for (const [word] of line.toLowerCase().matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1);
    return undefined;
  },
  merge(first, second) {
    for (const [word, count] of second) first.set(word, (first.get(word) ?? 0) + count);
    return first;
  },
  finish: (counts) => ({
    columns: WORD_COUNT_COLUMNS,
    types: ["text", "number"],
    rows: sorted(counts).map(([word, count]) => [word, String(count)]),
  }),
  toJson: (counts) => sorted(counts),
  fromJson: (value) => new Map(readEntries(value).map(([word, count]) => [word, Number(count)])),
});

const sorted = (counts: Counts): [string, number][] => [...counts].sort(([a], [b]) => compareUtf8(a, b));
