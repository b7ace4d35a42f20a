import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ByteChunk,
  type CutPlan,
  cutAt,
  ExactChunker,
  type ExactChunkerState,
  planCuts,
} from "../../core/chunks/index.ts";
import { csvReader, formatCsvRecord, readCsvHeader } from "../../core/records/index.ts";
import { anyCsv, csvFile, csvParse, naiveCsv } from "./chunking-csv-support.ts";
import { blockSizes, blocksOf, cutAll, RUNS, recordsOf } from "./chunking-support.ts";

const chunkCount = fc.integer({ min: 1, max: 12 });

function scan(file: Buffer, plan: CutPlan, sizes: readonly number[]): ByteChunk[] {
  const chunker = new ExactChunker({ plan });
  const chunks: ByteChunk[] = [];
  for (const block of blocksOf(file.subarray(plan.start), sizes)) chunks.push(...chunker.push(block));
  chunks.push(...chunker.end());
  return chunks;
}

/** A scan that stops and goes on in "another process" after every few blocks. */
function scanInSteps(file: Buffer, plan: CutPlan, sizes: readonly number[], steps: readonly number[]): ByteChunk[] {
  const chunks: ByteChunk[] = [];
  let stored: string | null = null;
  for (let step = 0; ; step++) {
    const state: ExactChunkerState | null = stored === null ? null : JSON.parse(stored);
    const chunker: ExactChunker = state ? ExactChunker.resume(state, { plan }) : new ExactChunker({ plan });
    let left = steps[step % steps.length] ?? 1;
    for (const block of blocksOf(file.subarray(chunker.position, plan.size), sizes)) {
      chunks.push(...chunker.push(block));
      if (--left === 0) break;
    }
    if (chunker.position >= plan.size) {
      chunks.push(...chunker.end());
      return chunks;
    }
    stored = JSON.stringify(chunker.state());
  }
}

describe("exact chunks of CSV with newlines in quotes", () => {
  it("hold exactly the records of the file, end at the first record's end at or behind their cuts, and are never empty", () => {
    const property = fc.property(csvFile({ newlines: true }), chunkCount, blockSizes, (file, count, sizes) => {
      const plan = planCuts({ size: file.length, config: { chunks: count } });
      const whole = recordsOf("csv", file, [1 << 20]);

      const chunks = scan(file, plan, sizes);

      const { cuts } = cutAll("csv", file, chunks, 3, sizes);
      expect(cuts.flatMap((cut) => recordsOf("csv", cut.bytes, sizes, cut.start))).toEqual(whole);
      expect(Buffer.concat(cuts.map((cut) => cut.bytes)).equals(file)).toBe(true);
      expect(chunks.every((chunk) => chunk.exact && chunk.to > chunk.from)).toBe(true);
      const inner = Array.from({ length: plan.count }, (_, k) => cutAt(plan, k + 1));
      for (const { from, to } of chunks) expect(inner.some((cut) => from < cut && cut <= to)).toBe(true);
    });
    fc.assert(property, { numRuns: RUNS });
  });

  it("are the same when the scan stops and goes on anywhere", () => {
    const steps = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 });
    const files = fc.oneof(csvFile({ newlines: true }), anyCsv);
    const property = fc.property(files, chunkCount, blockSizes, steps, (file, count, sizes, at) => {
      fc.pre(naiveCsv(file.toString()) !== null);
      const plan = planCuts({ size: file.length, config: { chunks: count } });
      expect(scanInSteps(file, plan, sizes, at)).toEqual(scan(file, plan, [1 << 20]));
    });
    fc.assert(property, { numRuns: RUNS });
  });

  it("are the virtual chunks' real ranges where no quotes hide newlines", () => {
    const property = fc.property(csvFile({ newlines: false }), chunkCount, (file, count) => {
      const plan = planCuts({ size: file.length, config: { chunks: count } });
      const virtual = Array.from({ length: plan.count }, (_, k) => ({
        from: cutAt(plan, k),
        to: cutAt(plan, k + 1),
        exact: false,
      }));

      const { cuts } = cutAll("csv", file, virtual, 2, [7]);

      const real = cuts
        .filter((cut) => cut.end > cut.start)
        .map(({ start, end }) => ({ from: start, to: end, exact: true }));
      expect(scan(file, plan, [64])).toEqual(real);
    });
    fc.assert(property, { numRuns: RUNS });
  });
});

describe("any text over the characters of CSV", () => {
  it("is read as the naive reader reads it, in chunks behind the header, and refused when a quote stays open", () => {
    const property = fc.property(anyCsv, chunkCount, blockSizes, (file, count, sizes) => {
      const expected = naiveCsv(file.toString());
      const read = () => {
        const plan = planCuts({ size: file.length, config: { chunks: count } });
        return cutAll("csv", file, scan(file, plan, sizes), 2, sizes).cuts.flatMap((cut) => {
          const reader = csvReader({ offset: cut.start });
          return [...reader.push(cut.bytes), ...reader.end()].map((record) => record.value);
        });
      };
      if (expected === null) expect(read).toThrow(expect.objectContaining({ code: "CSV_UNTERMINATED_QUOTE" }));
      else expect(read()).toEqual(expected);
    });
    fc.assert(property, { numRuns: 2 * RUNS });
  });

  it("of a misaligned edge under quotedNewlines never, tells it rather than handing out halves of records", () => {
    const property = fc.property(csvFile({ newlines: true }), chunkCount, blockSizes, (file, count, sizes) => {
      const plan = planCuts({ size: file.length, config: { chunks: count } });
      const virtual = Array.from({ length: plan.count }, (_, k) => ({
        from: cutAt(plan, k),
        to: cutAt(plan, k + 1),
        exact: false,
      }));
      const ends = new Set([file.length, ...recordEnds(file)]);

      const { cuts } = cutAll("csv", file, virtual, 2, sizes);

      // Behind the first wrong edge the sides have changed: nothing more can be said.
      const wrong = cuts.findIndex((cut) => cut.start < cut.end && !ends.has(cut.end));
      const told = cuts.findIndex((cut) => cut.error?.code === "CSV_MISALIGNED");
      expect(told).toBe(wrong);
    });
    fc.assert(property, { numRuns: RUNS });
  });
});

describe("header and writing", () => {
  it("the header's end is where the second record may begin", () => {
    const property = fc.property(csvFile({ newlines: true }), fc.integer({ min: 0, max: 60 }), (file, shown) => {
      const [first, ...others] = csvParse(file);
      fc.pre(first === undefined || new Set(first).size === first.length);
      const partial = readCsvHeader(file.subarray(0, shown), { atEnd: shown >= file.length });
      const header = partial === "more" ? readCsvHeader(file, { atEnd: true }) : partial;

      expect(header === "more").toBe(false);
      if (first === undefined || header === null || header === "more") {
        expect([first, header]).toEqual([undefined, null]);
        return;
      }
      expect(header.names).toEqual(first.map((name, i) => name || `column_${i + 1}`));
      const reader = csvReader({ offset: header.end });
      expect([...reader.push(file.subarray(header.end)), ...reader.end()].map((r) => r.value)).toEqual(others);
    });
    fc.assert(property, { numRuns: RUNS });
  });

  it("what is written is read back, by us and by csv-parse", () => {
    const text = fc.array(fc.constantFrom("a", '"', ",", "\n", "\r", "\uFEFF", " ", "é", ""), { maxLength: 5 });
    const rows = fc.array(
      fc.array(
        text.map((parts) => parts.join("")),
        { minLength: 1, maxLength: 4 },
      ),
      { maxLength: 8 },
    );
    const property = fc.property(rows, fc.boolean(), (records, closed) => {
      const file = Buffer.from(records.map((fields) => formatCsvRecord(fields)).join("\n") + (closed ? "\n" : ""));
      const reader = csvReader();
      expect([...reader.push(file), ...reader.end()].map((record) => record.value)).toEqual(records);
      expect(csvParse(file)).toEqual(records);
    });
    fc.assert(property, { numRuns: RUNS });
  });
});

function recordEnds(file: Buffer): number[] {
  // One chunk a byte: every record's end is some chunk's.
  return scan(file, planCuts({ size: file.length, config: { chunks: file.length } }), [1 << 20]).map(
    (chunk) => chunk.to,
  );
}
