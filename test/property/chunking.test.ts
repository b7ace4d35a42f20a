import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { csvReader, lineReader, ndjsonReader, type TextFormat } from "../../core/records/index.ts";
import { csvFile, csvParse } from "./chunking-csv-support.ts";
import {
  blockSizes,
  blocksOf,
  type Cut,
  chunksAt,
  cutAll,
  cuts,
  mark,
  nastyText,
  RUNS,
  recordsOf,
  type Seen,
  terminator,
} from "./chunking-support.ts";

const linesFile = fc
  .record({
    mark,
    lines: fc.array(
      fc.tuple(
        fc.oneof({ weight: 8, arbitrary: nastyText(8) }, { weight: 1, arbitrary: fc.constant("huge ".repeat(900)) }),
        terminator,
      ),
      { maxLength: 20 },
    ),
    last: nastyText(4),
  })
  .map(({ mark, lines, last }) => Buffer.from(mark + lines.map((line) => line.join("")).join("") + last));

const ndjsonFile = fc
  .record({
    mark,
    lines: fc.array(
      fc.tuple(
        fc.oneof(
          { weight: 4, arbitrary: fc.json({ maxDepth: 1 }) },
          { weight: 1, arbitrary: fc.constantFrom("", "  ", "\t") },
          { weight: 1, arbitrary: nastyText(9).map((s) => JSON.stringify({ s, line: "\n" })) },
        ),
        terminator,
      ),
      { maxLength: 16 },
    ),
    closed: fc.boolean(),
  })
  .map(({ mark, lines, closed }) => {
    const text = lines.map((line) => line.join("")).join("");
    return Buffer.from(mark + (closed ? text : text.replace(/\r?\n$/, "")));
  });

/** The records of all chunks in order; the edges must meet. */
function recordsOfChunks(format: TextFormat, found: readonly Cut[], sizes: readonly number[], start: number): Seen[] {
  let edge = start;
  return found.flatMap((cut) => {
    expect(cut.error).toBeUndefined();
    expect(cut.start).toBe(edge);
    expect(cut.bytes.length).toBe(cut.end - cut.start);
    edge = cut.end;
    return recordsOf(format, cut.bytes, sizes, cut.start);
  });
}

function decodeAll<T>(
  reader: { push(b: Uint8Array): { value: T }[]; end(): { value: T }[] },
  file: Buffer,
  sizes: readonly number[],
) {
  const values: T[] = [];
  for (const block of blocksOf(file, sizes)) for (const { value } of reader.push(block)) values.push(value);
  for (const { value } of reader.end()) values.push(value);
  return values;
}

describe("the records of virtual chunks, in order, are exactly the records of the file", () => {
  for (const { format, files } of [
    { format: "lines", files: linesFile },
    { format: "ndjson", files: ndjsonFile },
    { format: "csv", files: csvFile({ newlines: false }) },
  ] as const) {
    it(`${format}${format === "csv" ? ", quotedNewlines never" : ""}`, () => {
      const property = fc.property(files, cuts, blockSizes, (file, { at, run }, sizes) => {
        const whole = recordsOf(format, file, [1 << 20]);
        const chunks = chunksAt(0, file.length, at, false);

        const { cuts: found } = cutAll(format, file, chunks, run, sizes);

        expect(found.length).toBe(chunks.length);
        expect(recordsOfChunks(format, found, sizes, 0)).toEqual(whole);
        expect(Buffer.concat(found.map((cut) => cut.bytes)).equals(file)).toBe(true);
      });
      fc.assert(property, { numRuns: RUNS });
    });
  }

  it("bytes", () => {
    const property = fc.property(fc.uint8Array({ maxLength: 400 }), cuts, blockSizes, (bytes, { at, run }, sizes) => {
      const file = Buffer.from(bytes);
      const chunks = chunksAt(0, file.length, at, true);

      const { cuts: found, read } = cutAll("bytes", file, chunks, run, sizes);

      expect(found.map(({ start, end }) => [start, end])).toEqual(chunks.map(({ from, to }) => [from, to]));
      expect(Buffer.concat(found.map((cut) => cut.bytes)).equals(file)).toBe(true);
      expect(read).toBeLessThanOrEqual(file.length + found.length * 40);
    });
    fc.assert(property, { numRuns: RUNS });
  });
});

describe("records agree with what others read", () => {
  it("lines: String.split", () => {
    const property = fc.property(linesFile, blockSizes, (file, sizes) => {
      const text = file.toString().replace(/^\uFEFF/, "");
      const expected = text.split("\n").map((line, i, all) => (i < all.length - 1 ? line.replace(/\r$/, "") : line));
      if (expected.at(-1) === "") expected.pop();

      expect(decodeAll(lineReader(), file, sizes)).toEqual(expected);
    });
    fc.assert(property, { numRuns: RUNS });
  });

  it("ndjson: JSON.parse of each line", () => {
    const property = fc.property(ndjsonFile, blockSizes, (file, sizes) => {
      const lines = file
        .toString()
        .replace(/^\uFEFF/, "")
        .split("\n");
      const expected: unknown[] = lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line));

      expect(decodeAll(ndjsonReader(), file, sizes)).toEqual(expected);
    });
    fc.assert(property, { numRuns: RUNS });
  });

  it("csv: csv-parse", () => {
    const property = fc.property(csvFile({ newlines: true }), blockSizes, (file, sizes) => {
      expect(decodeAll(csvReader(), file, sizes)).toEqual(csvParse(file));
    });
    fc.assert(property, { numRuns: RUNS });
  });
});
