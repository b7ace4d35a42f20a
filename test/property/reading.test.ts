import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvReader, type Decoded, lineReader, ndjsonReader, type RecordReader } from "../../core/records/index.ts";
import { blocksOf, RUNS } from "./chunking-support.ts";

/** Text of many records, of which some are longer than what is cut into records at once. */
const piece = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom("a", "é", "漢", ",", ";", '"', '""', "\n", "\r\n", "\r", "1", " ") },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 5_000 }).map((n) => "x,y".repeat(n / 3)) },
  { weight: 1, arbitrary: fc.integer({ min: 500, max: 3_000 }).map((n) => `"${"é,\n".repeat(n / 3)}"`) },
);
const text = fc.array(piece, { maxLength: 150 }).map((pieces) => Buffer.from(pieces.join("")));
const sizes = fc.array(fc.integer({ min: 1, max: 6_000 }), { minLength: 1, maxLength: 4 });

type Outcome<T> = readonly Decoded<T>[] | { readonly code: unknown; readonly offset: unknown };

function outcome<T>(reader: RecordReader<T>, blocks: Iterable<Uint8Array>): Outcome<T> {
  const found: Decoded<T>[] = [];
  try {
    for (const block of blocks) found.push(...reader.push(block));
    found.push(...reader.end());
    return found;
  } catch (error) {
    const { code, details } = error as { code?: unknown; details?: { offset?: unknown } };
    return { code, offset: details?.offset };
  }
}

const bytewise = (bytes: Buffer): Iterable<Uint8Array> => blocksOf(bytes, [1]);

const READERS: readonly (readonly [string, (offset: number) => RecordReader<unknown>])[] = [
  ["lines", (offset) => lineReader({ offset })],
  ["ndjson", (offset) => ndjsonReader({ offset, reject: () => undefined })],
  ["csv", (offset) => csvReader({ offset })],
  ["csv, another delimiter", (offset) => csvReader({ offset, delimiter: ";" })],
];

describe("records read many at a time are those that are read byte by byte", () => {
  it.each(READERS)("%s", (_, make) => {
    fc.assert(
      fc.property(text, sizes, fc.constantFrom(0, 7), (bytes, sizes, offset) => {
        const slow = outcome(make(offset), bytewise(bytes));
        expect(outcome(make(offset), [bytes])).toEqual(slow);
        expect(outcome(make(offset), blocksOf(bytes, sizes))).toEqual(slow);
      }),
      { numRuns: RUNS / 4 },
    );
  });

  it.each(READERS)("%s: of a byte that is no UTF-8, the same one is named", (_, make) => {
    fc.assert(
      fc.property(text, fc.nat(), sizes, (clean, at, sizes) => {
        const bytes = Buffer.from(clean.toString().replaceAll('"', "q"));
        if (bytes.length === 0) return;
        bytes[at % bytes.length] = 0xff;
        const slow = outcome(make(7), bytewise(bytes));
        expect(outcome(make(7), [bytes])).toEqual(slow);
        expect(outcome(make(7), blocksOf(bytes, sizes))).toEqual(slow);
      }),
      { numRuns: RUNS / 4 },
    );
  });

  it("a record over the limit is refused wherever the blocks fall", () => {
    const long = Buffer.from(`1\n${"2".repeat(40)}\n3\n`);
    const limited = () => lineReader({ maxRecordBytes: 39 });

    expect(outcome(limited(), [long])).toEqual(outcome(limited(), bytewise(long)));
    expect(outcome(limited(), [long])).toMatchObject({ code: "RECORD_TOO_LARGE" });
  });
});
