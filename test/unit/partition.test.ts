import { describe, expect, it } from "vitest";
import { unavailable } from "../../adapters/memory/index.ts";
import { partitioners } from "../../apps/partitioners/index.ts";
import type { ChunkLine } from "../../core/contracts/chunk-index.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { partitionMethod } from "../../core/partition/method.ts";
import { partition } from "../../core/steps/partition.ts";
import { prepare } from "../../core/steps/prepare.ts";
import {
  cut,
  drive,
  failureOf,
  IN,
  JOB,
  OWN,
  outcome,
  readBack,
  STEP,
  s3,
  theJob,
  type WorldOptions,
  world,
} from "../helpers/partition-world.ts";

const run = async (options: WorldOptions) => cut(await world(options));
const edges = (lines: readonly ChunkLine[]) =>
  lines.map((line) => ("f" in line ? [line.s, line.f, line.t, line.x ?? 0] : []));

/** A CSV of `rows` records with quoted newlines, doubled quotes and multi-byte text. */
function quotedCsv(rows: number): string {
  const row = (i: number) => `${i},"line one\nline ""two"", ${i}",größe ${"x".repeat(i % 17)}\n`;
  return `id,text,note\n${Array.from({ length: rows }, (_, i) => row(i)).join("")}`;
}

describe("chunks", () => {
  it("of lines are nominal ranges, and nothing of the file is read for them but its first bytes", async () => {
    const text = "a line\n".repeat(10_000);
    const w = await world({ partitioner: "lines", objects: { "a.csv": text }, params: { chunks: 7 } });

    const { lines, chunks } = await cut(w);

    expect(lines).toHaveLength(7);
    expect(edges(lines)[0]).toEqual([0, 0, 10_000, 0]);
    expect(chunks).toMatchObject({ tasks: 7, bytes: text.length, readBytes: 0, sources: 1, header: null });
    const input = (w.store.stats.get?.bytes ?? 0) + (w.store.stats.stream?.bytes ?? 0);
    const scratch = [chunks.sourcesKey, (await theJob(w.ctx)).prepared];
    expect(scratch.every(Boolean)).toBe(true);
    // Everything read, the step's own scratch included, and still a thousandth of a file of 1 MiB.
    expect(input).toBeLessThan(1_048);
  });

  it("of CSV are exact, behind the header, and cost one reading of the file", async () => {
    const text = quotedCsv(3_000);
    const size = Buffer.byteLength(text);
    const w = await world({ partitioner: "csv", objects: { "a.csv": text }, config: { maxChunkSize: 10_000 } });
    await drive(prepare, w.ctx);
    w.store.resetStats();
    const reads: number[] = [];
    const counting = new Proxy(w.ctx.objects, {
      get: (target, name) =>
        name === "stream"
          ? async function* (...args: Parameters<typeof target.stream>) {
              for await (const block of target.stream(...args)) {
                if (args[0].bucket === IN) reads.push(block.length);
                yield block;
              }
            }
          : Reflect.get(target, name),
    });

    await drive(partition, { ...w.ctx, objects: counting });

    const { lines, chunks, sources } = await outcome(w);
    const bytes = Buffer.from(text);
    const parts = edges(lines).map(([, from = 0, to = 0]) => bytes.subarray(from, to).toString());
    expect(parts.join("")).toBe(text.slice("id,text,note\n".length));
    for (const part of parts) expect(part).toMatch(/^\d+,"line one\n/);
    expect(lines.length).toBeGreaterThan(10);
    expect(edges(lines).every(([, , , exact]) => exact === 1)).toBe(true);
    expect(sources).toMatchObject([{ h: "id,text,note" }]);
    expect(chunks.header).toBe("id,text,note");
    expect(reads.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(size);
    expect(chunks.readBytes).toBe(size - "id,text,note\n".length);
  });

  it("of CSV without quoted newlines are nominal, without a scan", async () => {
    const text = `h\n${"1,2\n".repeat(5_000)}`;
    const w = await world({
      partitioner: "csv",
      objects: { "a.csv": text },
      config: { partitioningSettings: { quotedNewlines: "never", chunks: 4 } },
    });

    const { lines } = await cut(w);

    expect(edges(lines)[0]).toEqual([0, 2, 5_002, 0]);
    expect(lines).toHaveLength(4);
  });

  it("of each file of a prefix stand by themselves", async () => {
    const { lines, sources, chunks } = await run({
      partitioner: "csv",
      source: s3("d/"),
      objects: { "d/a": "h\n1\n2\n", "d/b": "", "d/c": "h\n", "d/d": "h\n3\n" },
      params: { chunks: 2 },
    });

    expect(edges(lines)).toEqual([
      [0, 2, 4, 1],
      [0, 4, 6, 1],
      [3, 2, 4, 1],
    ]);
    expect(sources).toHaveLength(4);
    expect(chunks).toMatchObject({ tasks: 3, sources: 4, bytes: 6, sourceRoot: "d/" });
  });

  it("of bytes are exact ranges, of passthrough whole objects", async () => {
    const objects = { "d/a": "x".repeat(10), "d/b": "", "d/c": "yy" };

    const bytes = await run({ partitioner: "bytes", source: s3("d/"), objects, config: { maxChunkSize: 4 } });
    const whole = await run({ partitioner: "passthrough", source: s3("d/"), objects, config: { maxChunkSize: 4 } });

    expect(edges(bytes.lines)).toEqual([
      [0, 0, 4, 1],
      [0, 4, 8, 1],
      [0, 8, 10, 1],
      [2, 0, 2, 1],
    ]);
    expect(edges(whole.lines)).toEqual([
      [0, 0, 10, 1],
      [2, 0, 2, 1],
    ]);
  });

  it("of objects are sets by count and by bytes; empty objects belong to them", async () => {
    const objects = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`d/${i}`, "x".repeat(i === 3 ? 50 : i)]));

    const byCount = await run({ partitioner: "objects", source: s3("d/"), objects, params: { objectsPerChunk: 4 } });
    const byBytes = await run({ partitioner: "objects", source: s3("d/"), objects, params: { bytesPerChunk: 12 } });
    const single = await run({ partitioner: "objects", source: s3("d/"), objects });

    expect(byCount.lines).toEqual([
      { s: 0, n: 4 },
      { s: 4, n: 4 },
      { s: 8, n: 2 },
    ]);
    expect(byBytes.lines).toEqual([
      { s: 0, n: 3 },
      { s: 3, n: 1 },
      { s: 4, n: 2 },
      { s: 6, n: 1 },
      { s: 7, n: 1 },
      { s: 8, n: 1 },
      { s: 9, n: 1 },
    ]);
    expect(single.lines).toHaveLength(10);
    expect(single.chunks.bytes).toBe(92);
  });

  it("of generators need no source", async () => {
    const range = await run({ partitioner: "range", source: null, params: { range: "1-10,20,30-40x5", perChunk: 4 } });
    const replicas = await run({ partitioner: "fanout-replica", source: null, config: { replicationFactor: 3 } });
    const nothing = await run({ partitioner: "passthrough", source: { kind: "bypass", descriptor: "bypass" } });

    expect(range.lines).toEqual([
      { r: [[1, 4]] },
      { r: [[5, 8]] },
      {
        r: [
          [9, 10],
          [20, 20],
          [30, 30],
        ],
      },
      { r: [[35, 40, 5]] },
    ]);
    expect(replicas.lines).toEqual([{ i: 0 }, { i: 1 }, { i: 2 }]);
    expect(nothing.lines).toEqual([{ i: 0 }]);
    expect(range.chunks).toMatchObject({ sourcesKey: null, sources: 0, bytes: 0 });
  });

  it("of replicas carry the source", async () => {
    const objects = { "a.csv": "12345" };

    const { lines, chunks } = await run({ partitioner: "replicate-fanout", objects, params: { replicas: 2 } });

    expect(lines).toEqual([
      { i: 0, s: 0 },
      { i: 1, s: 0 },
    ]);
    expect(chunks.bytes).toBe(10);
  });

  it("of nothing are none, and a header survives", async () => {
    const empty = await run({ partitioner: "csv", objects: { "a.csv": "" } });
    const header = await run({ partitioner: "csv", objects: { "a.csv": "\uFEFFa,b" } });
    const prefix = await run({ partitioner: "csv", source: s3("d/") });

    expect([empty, header, prefix].map(({ chunks }) => [chunks.tasks, chunks.header])).toEqual([
      [0, null],
      [0, "a,b"],
      [0, null],
    ]);
    expect(prefix.chunks.sources).toBe(0);
  });

  it("of a record larger than a chunk is one", async () => {
    const { lines } = await run({
      partitioner: "csv",
      objects: { "a.csv": `h\n"${"\n".repeat(5_000)}"\n1\n` },
      config: { maxChunkSize: 100 },
    });

    expect(edges(lines)).toEqual([
      [0, 2, 5_005, 1],
      [0, 5_005, 5_007, 1],
    ]);
  });

  it("is only the first for a test job", async () => {
    const config = { isTestJob: true, maxChunkSize: 100 };
    const names = ["csv", "lines", "bytes", "passthrough", "objects", "range", "replicate-fanout"];

    const all = await Promise.all(
      names.map((partitioner) =>
        run({
          partitioner,
          source: s3("d/"),
          objects: { "d/1": "", "d/2": quotedCsv(200), "d/3": quotedCsv(3) },
          config: { ...config, replicationFactor: 5 },
          ...(partitioner === "range" ? { params: { range: "1-100" } } : {}),
        }),
      ),
    );

    expect(all.map(({ chunks }) => chunks.tasks)).toEqual(names.map(() => 1));
  });
});

describe("a connection that breaks", () => {
  const breaking = (w: Awaited<ReturnType<typeof world>>, every: number) => {
    let blocks = 0;
    return new Proxy(w.ctx.objects, {
      get: (target, name) =>
        name === "stream"
          ? async function* (...args: Parameters<typeof target.stream>) {
              for await (const block of target.stream(...args)) {
                if (args[0].bucket === IN && ++blocks % every === 0) throw unavailable("STORE_UNAVAILABLE");
                yield block;
              }
            }
          : Reflect.get(target, name),
    });
  };
  const options = { partitioner: "csv", objects: { "a.csv": quotedCsv(300) }, config: { maxChunkSize: 500 } };

  it("is taken up where it broke", async () => {
    const whole = await run(options);
    const w = await world(options);
    await drive(prepare, w.ctx);

    await drive(partition, { ...w.ctx, objects: breaking(w, 4) });

    expect((await outcome(w)).lines).toEqual(whole.lines);
  });

  it("again and again, without a byte between, is for the workflow to retry", async () => {
    const w = await world(options);
    await drive(prepare, w.ctx);

    const failure = await failureOf(partition({ ...w.ctx, objects: breaking(w, 1) }, STEP));

    expect(failure).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(await drive(partition, w.ctx)).toMatchObject({ answer: { next: "plan" } });
  });
});

describe("refused", () => {
  const late = async (options: WorldOptions, change: (w: Awaited<ReturnType<typeof world>>) => Promise<unknown>) => {
    const w = await world(options);
    await drive(prepare, w.ctx);
    await change(w);
    return failureOf(drive(partition, w.ctx));
  };

  it("an input that was overwritten or deleted since it was prepared", async () => {
    const objects = { "a.csv": quotedCsv(10) };
    const overwritten = await late({ partitioner: "csv", objects }, ({ store }) =>
      store.put({ bucket: IN, key: "a.csv" }, quotedCsv(11)),
    );
    const deleted = await late({ partitioner: "csv", objects }, ({ store }) => store.delete(IN, ["a.csv"]));

    expect([overwritten.code, deleted.code]).toEqual(["INPUT_CHANGED", "INPUT_CHANGED"]);
    expect(overwritten.message).toMatch(/s3:\/\/input\/a\.csv.*again/);
  });

  it("an input that is overwritten while it is read", async () => {
    const w = await world({ partitioner: "csv", objects: { "a.csv": quotedCsv(1_000) }, budgetMs: 2_000, callMs: 100 });
    await drive(prepare, w.ctx);
    const first = await partition(w.ctx, STEP);
    await w.store.put({ bucket: IN, key: "a.csv" }, quotedCsv(1_000).replace("größe", "GRÖSSE"));

    const failure = await failureOf(drive(partition, w.ctx));

    expect(first.next).toBe("again");
    expect(failure.code).toBe("INPUT_CHANGED");
  });

  it("a quote that never ends, by file and offset", async () => {
    const failure = await late({ partitioner: "csv", objects: { "a.csv": 'h\n1\n"open\n2\n' } }, async () => undefined);

    expect(failure.code).toBe("CSV_UNTERMINATED_QUOTE");
    expect(failure.message).toContain("s3://input/a.csv");
    expect(failure.details).toMatchObject({ offset: 4, key: "a.csv" });
  });

  it.each([
    [{ minChunkSize: -1 }, /minChunkSize/],
    [{ maxChunkSize: 1.5 }, /maxChunkSize/],
    [{ minChunkSize: 10, maxChunkSize: 5 }, /minChunkSize.*maxChunkSize/],
  ])("chunk sizes %j", (sizes, message) => {
    const config = { minChunkSize: 0, maxChunkSize: 0, replicationFactor: 0, partitioningSettings: {}, ...sizes };

    expect(() => partitionMethod({ name: "lines", params: { partitioner: {} }, config })).toThrow(message);
  });

  it.each([
    ["csv", { delimiter: '"' }, /params\.partitioner\.delimiter/],
    ["csv", { quotedNewlines: "maybe" }, /quotedNewlines.*"never"/],
    ["csv", { header: "yes" }, /header/],
    ["objects", { objectsPerChunk: 0.5 }, /objectsPerChunk/],
    ["objects", { include: "*.csv" }, /include/],
    ["range", {}, /params\.partitioner\.range/],
    ["range", { range: "10-1" }, /params\.partitioner\.range/],
    ["range", { range: "1-10", perChunk: 0 }, /perChunk/],
    ["replicate-fanout", { replicas: 0 }, /replicas/],
    ["passthrough", { chunks: 3 }, /chunks/],
  ])("%s with %j", (name, params, message) => {
    const config = { minChunkSize: 0, maxChunkSize: 0, replicationFactor: 0, partitioningSettings: {} };

    expect(() => partitionMethod({ name, params: { partitioner: params }, config })).toThrow(message);
    const info = partitioners.find((one) => one.name === name);
    const known = info?.params.safeParse(params).success;
    expect(name === "range" && "range" in params && params.range === "10-1" ? true : known === false).toBe(true);
  });

  it("a partitioner that there is none of", async () => {
    const config = { minChunkSize: 0, maxChunkSize: 0, replicationFactor: 0, partitioningSettings: {} };

    expect(() => partitionMethod({ name: "lines2", params: { partitioner: {} }, config })).toThrow(
      /built in are .*lines/,
    );
  });
});

describe("with a budget of 2 s and 8 parts", () => {
  const tiny = { budgetMs: 2_000, callMs: 25, partLimit: 8, partBytes: 256 };
  const files = Object.fromEntries(
    Array.from({ length: 250 }, (_, i) => [`d/${String(i).padStart(3, "0")}`, "x".repeat(i)]),
  );

  it.each([
    ["csv", { objects: { "a.csv": quotedCsv(1_500) }, config: { maxChunkSize: 150 }, callMs: 5 }],
    [
      "csv",
      {
        source: s3("d/"),
        objects: { "d/1": quotedCsv(400), "d/2": quotedCsv(400) },
        config: { maxChunkSize: 400 },
        callMs: 10,
      },
    ],
    ["objects", { source: s3("d/"), objects: files, params: { objectsPerChunk: 3 }, callMs: 60 }],
    ["bytes", { source: s3("d/"), objects: files, config: { maxChunkSize: 10 } }],
    ["lines", { objects: { "a.csv": "x\n".repeat(50_000) }, params: { chunks: 8_000 }, callMs: 60 }],
    ["range", { source: null, params: { range: "1-8000" }, callMs: 60 }],
    ["replicate-fanout", { objects: { "a.csv": "x" }, params: { replicas: 5_000 }, callMs: 60 }],
  ] as const)("%s gives the same index in several calls as in one", async (partitioner, options) => {
    const given = options as Partial<WorldOptions>;
    const one = await world({ partitioner, ...given });
    const whole = await cut(one);

    const w = await world({ partitioner, ...tiny, ...given });
    const some = await cut(w);

    expect(whole.partitionCalls).toBe(1);
    expect(some.partitionCalls).toBeGreaterThanOrEqual(4);
    expect(some.lines).toEqual(whole.lines);
    const { tasks, bytes, readBytes, indexSize } = whole.chunks;
    expect(some.chunks).toMatchObject({ tasks, bytes, readBytes, indexSize });
    expect(w.store.text({ bucket: OWN, key: some.chunks.offsets })).toBe(
      one.store.text({ bucket: OWN, key: whole.chunks.offsets }),
    );
    const back = await readBack(w, some.chunks, 150);
    expect(back.map(({ line }) => line)).toEqual(whole.lines);
    expect(await w.store.listUploads(OWN, "")).toEqual([]);
  });

  it("isn't disturbed by a zombie of an older claim", async () => {
    const options = { partitioner: "csv", objects: { "a.csv": quotedCsv(1_500) }, config: { maxChunkSize: 150 } };
    const whole = await run(options);
    const w = await world({ ...options, ...tiny, callMs: 5 });
    await drive(prepare, w.ctx);
    await partition(w.ctx, STEP);
    let release = () => {};
    const gate = new Promise<void>((open) => {
      release = open;
    });
    // The zombie holds the same cursor as its successor, and stops in the middle of its work.
    const stuckObjects = new Proxy(w.ctx.objects, {
      get: (target, name) =>
        name === "stream"
          ? async function* (...args: Parameters<typeof target.stream>) {
              let blocks = 0;
              for await (const block of target.stream(...args)) {
                if (args[0].bucket === IN && ++blocks === 3) await gate;
                yield block;
              }
            }
          : Reflect.get(target, name),
    });
    const zombie = partition({ ...w.ctx, objects: stuckObjects }, STEP);
    await new Promise((next) => setTimeout(next, 20));

    const { answer } = await drive(partition, w.ctx);
    const before = await theJob(w.ctx);
    const keys = w.store.keys(OWN).map((key) => [key, w.store.peek({ bucket: OWN, key })?.etag]);
    release();
    const late = await zombie;

    expect([answer.next, late.next]).toEqual(["plan", "again"]);
    expect(await theJob(w.ctx)).toEqual(before);
    for (const [key, etag] of keys) expect(w.store.peek({ bucket: OWN, key: key ?? "" })?.etag).toBe(etag);
    expect((await outcome(w)).lines).toEqual(whole.lines);
  });

  it("is superseded when the run is aborted in between, and answers plan again when done", async () => {
    const w = await world({ partitioner: "range", source: null, params: { range: "1-5000" }, ...tiny, callMs: 60 });
    await drive(prepare, w.ctx);
    expect((await partition(w.ctx, STEP)).next).toBe("again");
    await w.table.write({ update: jobKey(JOB.jobId), changes: { set: { wish: 3 } } });
    const aborted = await partition(w.ctx, STEP);
    await w.table.write({ update: jobKey(JOB.jobId), changes: { set: { wish: 0 } } });
    await drive(partition, w.ctx);
    const { chunks } = await theJob(w.ctx);

    expect(aborted.next).toBe("superseded");
    expect(await partition(w.ctx, STEP)).toEqual({ next: "plan" });
    expect((await theJob(w.ctx)).chunks).toBe(chunks);
  });
});
