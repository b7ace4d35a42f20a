import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { MemoryObjectStore } from "../../adapters/memory/index.ts";
import { type ChunkLine, type ChunksFile, OFFSET_STRIDE, type SourceLine } from "../../core/contracts/chunk-index.ts";
import { AppendLog, type LogPart } from "../../core/partition/append-log.ts";
import { IndexWriter } from "../../core/partition/index-writer.ts";
import { locateBatches } from "../../core/partition/locate-batches.ts";
import { readChunkLines, sourcesOf } from "../../core/partition/read-batch.ts";

const BUCKET = "own";

interface Job {
  readonly store: MemoryObjectStore;
  readonly chunks: ChunksFile;
  readonly lines: readonly ChunkLine[];
  readonly sources: readonly SourceLine[];
}

/** A job of files with so many chunks each (0 = an empty one), or of sets of so many objects, or of numbers. */
async function job(kind: "files" | "sets" | "numbers", counts: readonly number[]): Promise<Job> {
  const store = new MemoryObjectStore({ buckets: [BUCKET], minPartBytes: 4_096, blockBytes: 1_000 });
  const ports = { objects: store, bucket: BUCKET, partBytes: 4_096, partLimit: 10_000 };
  const table = new AppendLog(ports, "sources", null);
  const index = new AppendLog(ports, "index", null);
  const offsets = new AppendLog(ports, "offsets", null);
  const writer = new IndexWriter(index, offsets);
  const lines: ChunkLine[] = [];
  const sources: SourceLine[] = [];
  const source = () => {
    const row = { b: BUCKET, k: `key/${"ü".repeat(sources.length % 7)}${sources.length}`, e: '"e"', z: 1 };
    const first = sources.length;
    const from = table.size;
    sources.push(row);
    table.write(`${JSON.stringify(row)}\n`);
    return { first, from, end: table.size };
  };
  const add = (line: ChunkLine, rows: Parameters<IndexWriter["add"]>[1]) => {
    lines.push(line);
    writer.add(line, rows, 1);
  };
  for (const count of counts) {
    if (kind === "numbers") for (let i = 0; i < count; i++) add({ i: lines.length }, null);
    if (kind === "files") {
      const rows = source();
      for (let i = 0; i < count; i++) add({ s: rows.first, f: i, t: i + 1, x: 1 }, rows);
    }
    if (kind === "sets" && count > 0) {
      const rows = Array.from({ length: count }, source);
      const [first, last] = [rows[0], rows[count - 1]];
      if (first && last) add({ s: first.first, n: count }, { ...first, end: last.end });
    }
    if (writer.full) await writer.drain();
    if (table.full) await table.drain();
  }
  const [sealed, listed, rows] = [await table.seal(), await index.seal(), await offsets.seal()];
  const chunks: ChunksFile = {
    v: 1,
    tasks: writer.counts.tasks,
    bytes: writer.counts.bytes,
    readBytes: 0,
    sources: sources.length,
    index: listed.key,
    indexSize: listed.size,
    sourcesKey: kind === "numbers" ? null : sealed.key,
    sourcesEnd: writer.counts.sourcesEnd,
    offsets: rows.key,
    stride: OFFSET_STRIDE,
    sourceRoot: "",
    header: null,
  };
  return { store, chunks, lines, sources };
}

describe("batches", () => {
  test.prop(
    [
      fc.constantFrom("files", "sets", "numbers"),
      fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 130 })), { maxLength: 120 }),
      fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.constantFrom(50, 100, 150, 1_000)),
    ],
    { numRuns: 300 },
  )("of any size read back every chunk and its sources once, in order", async (kind, counts, size) => {
    const { store, chunks, lines, sources } = await job(kind, counts);
    const found: ChunkLine[] = [];
    let n = 0;

    for await (const place of locateBatches({ objects: store, bucket: BUCKET }, chunks, size)) {
      const keys = { index: chunks.index, sources: chunks.sourcesKey };
      const batch = await readChunkLines(store, BUCKET, keys, place);
      expect(place).toMatchObject({ n: n++, first: found.length, count: batch.lines.length });
      expect(batch.lines.length).toBe(Math.min(size, chunks.tasks - found.length));
      for (const line of batch.lines) {
        const used = sourcesOf(line);
        expect(await batch.sources(line)).toEqual(used ? sources.slice(used.first, used.first + used.count) : []);
        found.push(line);
      }
      // No source more than the batch needs is read.
      const last = batch.lines.map(sourcesOf).at(-1);
      if (place.sources && last) {
        const text = store.text({ bucket: BUCKET, key: chunks.sourcesKey ?? "" }) ?? "";
        const bytes = Buffer.from(text).subarray(place.sources[1], place.sources[2]).toString();
        expect(bytes.split("\n")).toHaveLength(last.first + last.count - place.sources[0] + 1);
      }
    }

    expect(found).toEqual(lines);
  });

  test("of big sets are read in windows, in any order and side by side", async () => {
    const { store, chunks, lines, sources } = await job(
      "sets",
      Array.from({ length: 150 }, () => 900),
    );
    const places = [];
    for await (const place of locateBatches({ objects: store, bucket: BUCKET }, chunks, 1_000)) places.push(place);
    const [place] = places;
    if (!place) throw new Error("there must be a batch");
    const keys = { index: chunks.index, sources: chunks.sourcesKey };
    const batch = await readChunkLines(store, BUCKET, keys, place);
    store.resetStats();

    const order = [...batch.lines.keys(), 3, 149, 0, 77];
    const read = await Promise.all(order.map((o) => batch.sources(batch.lines[o] ?? { i: -1 })));

    expect(places).toHaveLength(1);
    expect(chunks.sourcesEnd).toBeGreaterThan(5 * 1024 * 1024);
    for (const [at, rows] of read.entries()) {
      const used = sourcesOf(lines[order[at] ?? 0] ?? { i: 0 });
      expect(rows).toEqual(sources.slice(used?.first ?? 0, (used?.first ?? 0) + (used?.count ?? 0)));
    }
    expect(store.stats.get?.bytes).toBeLessThan(4 * chunks.sourcesEnd);
  });
});

describe("a log that several claims write in turn", () => {
  test.prop(
    [
      fc.array(fc.array(fc.string({ maxLength: 90, unit: "grapheme" }), { maxLength: 60 }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.integer({ min: 5, max: 12 }),
      fc.integer({ min: 3_000, max: 20_000 }),
    ],
    { numRuns: 300 },
  )("holds all they wrote, in order, whatever the limits of parts and copies", async (claims, partLimit, copyBytes) => {
    const store = new MemoryObjectStore({ buckets: [BUCKET], minPartBytes: 16, maxParts: 10_000 });
    const ports = { objects: store, bucket: BUCKET, partBytes: 32, partLimit, copyBytes };
    let part: LogPart | null = null;
    let text = "";

    for (const [claim, writes] of claims.entries()) {
      const log: AppendLog = new AppendLog(ports, `c${claim}/log`, part);
      for (const one of writes) {
        text += one;
        log.write(claim % 2 === 0 ? one : Buffer.from(one));
        if (log.full) await log.drain();
        expect(log.size).toBe(Buffer.byteLength(text));
      }
      part = await log.seal();
    }

    expect(part?.size).toBe(Buffer.byteLength(text));
    expect(store.text({ bucket: BUCKET, key: part?.key ?? "" })).toBe(text);
    expect(await store.listUploads(BUCKET, "")).toEqual([]);
  });
});
