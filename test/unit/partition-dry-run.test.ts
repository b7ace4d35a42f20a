import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { dryRunPartition } from "../../core/partition/dry-run.ts";
import { cut, failureOf, OWN, s3, type WorldOptions, world } from "../helpers/partition-world.ts";

const csv = (rows: number) => `id,text\n${Array.from({ length: rows }, (_, i) => `${i},"a\n""b"" ${i}"\n`).join("")}`;

describe("a dry run", () => {
  it.each([
    ["csv", { objects: { "a.csv": csv(2_000) }, config: { maxChunkSize: 300 } }],
    [
      "csv",
      {
        source: s3("d/"),
        objects: { "d/1": csv(30), "d/2": "", "d/3": gzipSync(csv(900)) },
        config: { maxChunkSize: 300 },
      },
    ],
    [
      "lines",
      { source: s3("d/"), objects: { "d/1": gzipSync("x\n".repeat(9_000)), "d/2": "y" }, params: { chunks: 30 } },
    ],
    ["bytes", { objects: { "a.csv": "x".repeat(5_000) }, params: { chunks: 2_500 } }],
    ["passthrough", { source: s3("d/"), objects: { "d/1": "1", "d/2": "" } }],
    [
      "objects",
      { source: s3("d/"), objects: { "d/1.x": "1", "d/2": "2", "d/3.x": "3" }, params: { include: ["*.x"] } },
    ],
    ["objects", { source: s3("d/"), objects: { "d/1": "1", "d/2": "2", "d/3": "3" }, params: { objectsPerChunk: 2 } }],
    ["range", { source: null, params: { range: "1-5000", perChunk: 2 } }],
    ["replicate-fanout", { objects: { "a.csv": "1" }, params: { replicas: 1_500 } }],
    ["csv", { objects: { "a.csv": csv(100) }, config: { isTestJob: true, maxChunkSize: 200 } }],
    ["csv", { source: s3("none/") }],
  ] as const)("of %s (%#) says what partition then does, and writes nothing", async (partitioner, options) => {
    const w = await world({ partitioner, ...(options as Partial<WorldOptions>) });

    const rehearsed = await dryRunPartition(w.ctx, w.spec);

    expect(w.store.keys(OWN)).toEqual([]);
    const { chunks, lines } = await cut(w);
    expect(rehearsed).toMatchObject({ tasks: chunks.tasks, exact: true });
    expect(rehearsed.chunks).toHaveLength(Math.min(1_000, chunks.tasks));
    for (const chunk of rehearsed.chunks) {
      const line = lines[chunk.index];
      if (line && "f" in line) expect([chunk.from, chunk.to]).toEqual([line.f, line.t]);
      if (line && "n" in line) expect(chunk.objects).toBe(line.n);
      if (line && "r" in line) expect(chunk.numbers).toEqual(line.r);
      if (line && "i" in line) expect(chunk.replica).toBe(line.i);
    }
  });

  it("names the objects relative to the source", async () => {
    const w = await world({ partitioner: "passthrough", source: s3("d"), objects: { "d/x/1": "12" } });

    const { chunks } = await dryRunPartition(w.ctx, w.spec);

    expect(chunks).toEqual([{ index: 0, source: "x/1", from: 0, to: 2 }]);
  });

  it("estimates what there is no time to read", async () => {
    const w = await world({
      partitioner: "csv",
      objects: { "a.csv": csv(5_000) },
      config: { maxChunkSize: 300 },
      callMs: 10,
    });

    const some = await dryRunPartition(w.ctx, w.spec, { budgetMs: 500 });

    const { chunks } = await cut(w);
    expect(some.exact).toBe(false);
    expect(some.chunks.length).toBeGreaterThan(3);
    expect(some.chunks.length).toBeLessThan(500);
    expect(Math.abs(some.tasks / chunks.tasks - 1)).toBeLessThan(0.1);
  });

  it("fails as the job would", async () => {
    const missing = await world({ partitioner: "csv", source: s3("no.csv") });
    const open = await world({ partitioner: "csv", objects: { "a.csv": 'h\n"x\n' } });

    const codes = [
      (await failureOf(dryRunPartition(missing.ctx, missing.spec))).code,
      (await failureOf(dryRunPartition(open.ctx, open.spec))).code,
    ];

    expect(codes).toEqual(["OBJECT_MISSING", "CSV_UNTERMINATED_QUOTE"]);
  });
});
