import { crc32 } from "node:zlib";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MemoryObjectStore, unavailable, withFaults } from "../../../adapters/memory/index.ts";
import { ExactChunker, nominalChunks, planCuts } from "../../../core/chunks/index.ts";
import type { ChunkLine } from "../../../core/contracts/worker.ts";
import { BUCKET, bundleThread, type HandResult, WorkerHarness } from "./harness.ts";

let thread: Awaited<ReturnType<typeof bundleThread>>;
const open: WorkerHarness[] = [];
const harness = (options: Partial<ConstructorParameters<typeof WorkerHarness>[0]> = {}): WorkerHarness => {
  const made = new WorkerHarness({ thread: thread.url, ...options });
  open.push(made);
  return made;
};

beforeAll(async () => {
  thread = await bundleThread();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.worker.close()));
});
afterAll(async () => {
  await thread.remove();
});

/** Ten lines of ten bytes, one a chunk. */
const LINES = Array.from({ length: 10 }, (_, i) => `line ${i}---\n`).join("");
const lineChunks = (count: number): ChunkLine[] =>
  Array.from({ length: count }, (_, i) => ({ s: 0, f: i * 10, t: i * 10 + 10, x: 1 }));
const lineJob = (app: string, extra = {}) => ({
  app,
  sources: [{ key: "in/a.txt", body: LINES }],
  chunks: lineChunks(10),
  input: { format: "lines" as const },
  ...extra,
});
/** Sixty lines, a task each. */
const MANY = { sources: [{ key: "in/a.txt", body: LINES.repeat(6) }], chunks: lineChunks(60) };

describe("a hand of tasks", () => {
  it("runs every task and packs the results in order", async () => {
    const job = harness();
    await job.prepare(lineJob("passthrough"));

    const result = await job.run();

    expect(result.outcomes).toBe("CCCCCCCCCC");
    expect(result.joined).toBe(LINES);
    expect(result.index.pack).toMatchObject({ z: 100, k: "o/ann/jobs/job1/results/g0/b7/c1/pack" });
    expect(result.entry(3).r).toEqual([{ n: "data.txt", f: 30, t: 40, c: crc32("line 3---\n") }]);
    expect(result.index).toMatchObject({ batch: 7, claim: 1, run: 1, worker: "w1", requestId: "req1", header: null });
    expect(result.index.stats).toMatchObject({ downloadBytes: 100, uploadBytes: 100 });
    expect(result.index.maxRss).toBeGreaterThan(10_000_000);
  });

  it("shares one window between neighbouring chunks: six requests for a thousand tasks", async () => {
    const job = harness();
    const lines = Array.from({ length: 1_000 }, (_, i) => `${i}\n`);
    const ends = lines.map((_, i) => lines.slice(0, i + 1).join("").length);
    const chunks = lines.map(
      (line, i): ChunkLine => ({ s: 0, f: (ends[i] ?? 0) - line.length, t: ends[i] ?? 0, x: 1 }),
    );
    await job.prepare({ ...lineJob("passthrough"), sources: [{ key: "in/a.txt", body: lines.join("") }], chunks });

    const result = await job.run();

    const calls = Object.values(job.store.stats).reduce((sum, { calls }) => sum + calls, 0);
    expect(result.joined).toBe(lines.join(""));
    expect(calls).toBe(6);
  });

  it("reads only what is in hand, and knows the attempts", async () => {
    const job = harness();
    await job.prepare(lineJob("info"));

    const result = await job.run({ tasks: [2, 3, 8], attempts: [[3, "3"]] });

    expect(result.index.tasks.map(({ o }) => o)).toEqual([2, 3, 8]);
    expect(JSON.parse(result.text(3))).toEqual({
      jobId: "job1",
      ordinal: 3,
      attempt: 3,
      count: 10,
      size: 10,
      source: "a.txt",
      numbers: [],
    });
    expect(JSON.parse(result.text(8))).toMatchObject({ ordinal: 8, attempt: 1 });
  });

  it("answers an empty hand without touching the store", async () => {
    const job = harness();
    await job.prepare(lineJob("passthrough"));

    const answer = await job.answer({ tasks: [], claim: 0 });

    expect(answer).toMatchObject({ claim: 0, indexKey: "", etag: "" });
    expect(job.store.stats).toEqual({});
  });

  it("skips chunks without records, and finds the edges of virtual chunks", async () => {
    const job = harness();
    const chunks = [...nominalChunks(planCuts({ size: LINES.length, config: { maxChunkSize: 4 } }))];
    await job.prepare(lineJob("passthrough", { chunks: chunks.map(({ from, to }) => ({ s: 0, f: from, t: to })) }));

    const result = await job.run();

    expect(result.joined).toBe(LINES);
    expect(result.outcomes).toMatch(/^[CK]{25}$/);
    expect(result.outcomes.match(/K/g)).toHaveLength(15);
    expect(result.index.stats.downloadBytes).toBe(100);
  });

  it("reports the real edges of CSV whose newlines are promised to be unquoted", async () => {
    const job = harness();
    const input = { format: "csv" as const, header: true, quotedNewlines: "never" as const };
    const sources = [{ key: "in/a.csv", body: "a,b\n1,2\n3,4\n5,6\n", header: "a,b" }];
    const chunks = [
      { s: 0, f: 4, t: 9 },
      { s: 0, f: 9, t: 16 },
    ];
    await job.prepare({ app: "select", sources, chunks, input, resultFormat: "csv" });

    const result = await job.run();

    expect(result.index.tasks.map(({ g }) => g)).toEqual([
      [4, 12],
      [12, 16],
    ]);
    expect(result.index.header).toBe("a,b\n");
    expect(result.joined).toBe("1,2\n3,4\n5,6\n");
  });

  it("streams chunks that are larger than windows and buffers", async () => {
    const job = harness({ limits: { windowBytes: 300_000, partBytes: 1_000_000, packBytes: 500_000 } });
    const body = Array.from({ length: 100_000 }, (_, i) => `record number ${i}\n`).join("");
    const chunks = [...nominalChunks(planCuts({ size: body.length, config: { maxChunkSize: 900_000 } }))];
    await job.prepare({
      ...lineJob("passthrough"),
      sources: [{ key: "in/a.txt", body }],
      chunks: chunks.map(({ from, to }) => ({ s: 0, f: from, t: to })),
    });

    const result = await job.run();

    expect(result.joined === body).toBe(true);
    expect(result.index.stats.downloadBytes).toBeLessThan(body.length * 1.02);
    expect(result.entry(0).r?.[0]?.k).toBe("o/ann/jobs/job1/results/g0/b7/c1/t0-0");
  });

  it("stops reading a chunk that its app is through with, and goes on behind it", async () => {
    const job = harness({ limits: { windowBytes: 100_000 } });
    const body = Array.from({ length: 200_000 }, (_, i) => `record number ${i}\n`).join("");
    const half = Math.floor(body.length / 2);
    await job.prepare({
      ...lineJob("peeks"),
      sources: [{ key: "in/a.txt", body }],
      chunks: [
        { s: 0, f: 0, t: half },
        { s: 0, f: half, t: body.length },
      ],
    });

    const result = await job.run();

    expect(result.outcomes).toBe("CC");
    expect(result.text(0)).toBe("record number 0\n");
    expect(body).toContain(`\n${result.text(1)}`);
    expect(result.index.stats.downloadBytes).toBeLessThan(body.length / 2);
  });

  it("gives generators their numbers and objects their bytes", async () => {
    const numbers = harness();
    await numbers.prepare({
      app: "passthrough",
      chunks: [
        {
          r: [
            [1, 3],
            [7, 11, 2],
          ],
        },
        { i: 1 },
      ],
    });
    const objects = harness();
    const sources = [
      { key: "in/a", body: "A" },
      { key: "in/x/../b", body: "" },
      { key: "in/c", body: "C".repeat(600_000) },
    ];
    await objects.prepare({
      app: "passthrough",
      sources,
      chunks: [
        { s: 0, n: 2 },
        { s: 2, n: 1 },
      ],
    });

    const [fromNumbers, fromObjects] = await Promise.all([numbers.run(), objects.run()]);

    expect(fromNumbers.joined).toBe("1\n2\n3\n7\n9\n11\n1\n");
    expect(fromObjects.entry(0).r?.map(({ n }) => n)).toEqual(["a", "x/_/b"]);
    expect(fromObjects.text(0)).toBe("A");
    expect(fromObjects.text(1)).toBe("C".repeat(600_000));
  });

  it("feeds objects that an app reads side by side", async () => {
    const job = harness();
    const sources = [3, 2, 4].map((mib) => ({ key: `in/${mib}`, body: new Uint8Array(mib * 1_000_000) }));
    await job.prepare({ app: "juggles", sources, chunks: [{ s: 0, n: 3 }] });

    const result = await job.run();

    expect(JSON.parse(result.text(0))).toEqual([3_000_000, 2_000_000, 4_000_000]);
  });

  it("writes the same bytes in whatever batches, attempts and cuts the tasks come (I8)", async () => {
    const body = Array.from({ length: 3_000 }, (_, i) => `${i},"row\n${i % 7}",${(i * 7919) % 1_000}e-2\n`).join("");
    const source = { key: "in/a.csv", body: `id,text,amount\n${body}`, header: "id,text,amount" };
    const input = { format: "csv" as const, header: true, delimiter: ",", quotedNewlines: "auto" as const };
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 900, max: 40_000 }),
        fc.integer({ min: 1, max: 20 }),
        async (maxChunkSize, batch) => {
          const plan = planCuts({ size: source.body.length, start: 15, config: { maxChunkSize } });
          const chunker = new ExactChunker({ plan });
          const chunks = [...chunker.push(Buffer.from(source.body).subarray(15)), ...chunker.end()];
          const lines = chunks.map(({ from, to }): ChunkLine => ({ s: 0, f: from, t: to, x: 1 }));
          const job = harness({ limits: { windowBytes: 7_000, partBytes: 5_000, packBytes: 9_000 } });
          await job.prepare({ app: "select", sources: [source], chunks: lines, input, resultFormat: "csv" });
          let joined = "";
          for (let first = 0; first < lines.length; first += batch) {
            const tasks = lines.slice(first, first + batch).map((_, i) => first + i);
            joined += (await job.run({ tasks, claim: first + 1 })).joined;
          }
          await job.worker.close();
          expect(joined === body).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  it("gives replicas the whole source", async () => {
    const job = harness();
    await job.prepare({
      ...lineJob("passthrough"),
      chunks: [
        { i: 0, s: 0 },
        { i: 1, s: 0 },
      ],
    });

    const result = await job.run();

    expect([result.text(0), result.text(1)]).toEqual([LINES, LINES]);
  });

  it("puts a chunk on disk for apps that want a file, and removes it", async () => {
    const job = harness();
    await job.prepare(lineJob("files"));

    const result = await job.run({ tasks: [0] });

    const [path, size] = JSON.parse(result.text(0)) as [string, number];
    const { existsSync } = await import("node:fs");
    expect(size).toBe(10);
    expect(existsSync(path)).toBe(false);
  });
});

describe("tasks that go wrong", () => {
  const around = (result: HandResult) => {
    expect(result.text(3)).toBe("line 3---\n");
    expect(result.text(5)).toBe("line 5---\n");
    return result;
  };
  const on = { params: { on: [4] } };

  it.each(["hangs", "waits"])("kills a task that %s at its timeout, and runs the others", async (app) => {
    const job = harness();
    await job.prepare(lineJob(app, { ...on, taskTimeoutMs: 2_000 }));

    const result = around(await job.run());

    expect(result.outcomes).toBe("CCCCFCCCCC");
    expect(result.error(4)).toMatchObject({ code: "TASK_TIMEOUT", retryable: true });
    expect(result.error(4).message).toContain("within 2 s");
    expect(result.entry(4).t[1]).toBeGreaterThanOrEqual(2_000);
  });

  it("survives process.exit", async () => {
    const job = harness();
    await job.prepare(lineJob("exits", on));

    const result = around(await job.run());

    expect(result.outcomes).toBe("CCCCFCCCCC");
    expect(result.error(4)).toMatchObject({ code: "TASK_EXITED", retryable: true });
    expect(result.error(4).message).toContain("exit code 3");
  });

  it("survives a full heap", async () => {
    const job = harness({ memoryMiB: 264 });
    await job.prepare(lineJob("fills", { ...on, taskTimeoutMs: 120_000 }));

    const result = around(await job.run());

    expect(result.outcomes).toBe("CCCCFCCCCC");
    expect(result.error(4)).toMatchObject({ code: "TASK_OUT_OF_MEMORY", retryable: true });
  });

  it("retries thrown errors, cut to 1,000 characters", async () => {
    const job = harness();
    await job.prepare(lineJob("throws", on));

    const result = around(await job.run());

    expect(result.outcomes).toBe("CCCCFCCCCC");
    expect(result.error(4)).toMatchObject({ code: "APP_ERROR", retryable: true });
    expect(result.error(4).message).toMatch(/^TypeError: no such thing x/);
    expect(result.error(4).message).toHaveLength(1_000);
  });

  it("doesn't retry a PermanentError", async () => {
    const job = harness();
    await job.prepare(lineJob("gives_up", on));

    const result = around(await job.run());

    expect(result.outcomes).toBe("CCCCXCCCCC");
    expect(result.error(4)).toEqual({
      code: "NO_USE",
      message: "never works",
      retryable: false,
      details: { why: "test" },
    });
  });

  it("survives an error out of reach of the task", async () => {
    const job = harness();
    await job.prepare(lineJob("throws_later", on));

    const result = around(await job.run());

    expect(result.outcomes).toBe("CCCCFCCCCC");
    expect(result.error(4)).toMatchObject({ code: "APP_ERROR", message: "Uncaught: Error: out of reach" });
  });

  it("survives every second task's death", async () => {
    const job = harness();
    await job.prepare(lineJob("exits", { params: { on: [0, 2, 4, 6, 8, 9] } }));

    const result = await job.run();

    expect(result.outcomes).toBe("FCFCFCFCFF");
  });

  it("kills a streaming task and goes on with the next chunk", async () => {
    const job = harness({ limits: { windowBytes: 100_000 } });
    const body = "0123456789\n".repeat(200_000);
    const chunks = [0, 1, 2].map((i) => ({ s: 0, f: i * 550_000, t: (i + 1) * 550_000 }));
    await job.prepare({
      ...lineJob("hangs", { params: { on: [1] } }),
      sources: [{ key: "in/a.txt", body }],
      chunks,
      taskTimeoutMs: 2_000,
    });

    const result = await job.run();

    expect(result.outcomes).toBe("CFC");
    expect(result.results(2)[0]?.length).toBe(550_000);
  });

  it("marks tasks with rejected items as partial", async () => {
    const job = harness();
    const body = "a\n!b\nc\n!d\n";
    await job.prepare({
      ...lineJob("rejects"),
      sources: [{ key: "in/a.txt", body }],
      chunks: [{ s: 0, f: 0, t: body.length, x: 1 }],
    });

    const result = await job.run();

    expect(result.outcomes).toBe("P");
    expect(result.text(0)).toBe("a|c\n");
    expect(result.entry(0)).toMatchObject({
      jn: 2,
      j: [
        { item: "!b", reason: "begins with !" },
        { item: "!d", reason: "begins with !" },
      ],
    });
  });

  it("tells a task that its time is nearly up", { retry: 2 }, async () => {
    const job = harness();
    // It has a tenth of it to hear of it.
    await job.prepare(lineJob("listens", { taskTimeoutMs: 5_000 }));

    const result = await job.run({ tasks: [0] });

    expect(result.text(0)).toBe("heard");
  });

  it("charges invalid UTF-8 to its task, with the offset in the file", async () => {
    const job = harness();
    const body = Buffer.from("good\nb\xffd\ngood\n", "latin1");
    const chunks = [
      { s: 0, f: 0, t: 5 },
      { s: 0, f: 5, t: 9 },
      { s: 0, f: 9, t: 14 },
    ];
    await job.prepare({ ...lineJob("rejects"), sources: [{ key: "in/a.txt", body }], chunks });

    const result = await job.run();

    expect(result.outcomes).toBe("CXC");
    expect(result.error(1)).toMatchObject({ code: "INVALID_UTF8", retryable: false, details: { offset: 6 } });
  });

  it("refuses tasks whose header differs from the ones before", async () => {
    const job = harness();
    await job.prepare({ app: "differs", chunks: [{ i: 0 }, { i: 1 }], resultFormat: "csv" });

    const result = await job.run();

    expect(result.outcomes).toBe("CX");
    expect(result.error(1).code).toBe("HEADER_DIFFERS");
  });

  it("fails every task for good when the params break the app's schema", async () => {
    const job = harness();
    await job.prepare(lineJob("select", { params: { wehre: { a: 1 } } }));

    const result = await job.run();

    expect(result.outcomes).toBe("XXXXXXXXXX");
    expect(result.error(0)).toMatchObject({ code: "INVALID_PARAMS" });
    expect(result.error(0).message).toContain("wehre");
  });
});

describe("results", () => {
  it("gives large results an object of their own and packs the small ones", async () => {
    const job = harness({ limits: { packBytes: 250_000, partBytes: 200_000 } });
    await job.prepare({ app: "writes", params: { bytes: 700_000 }, chunks: [{ i: 0 }, { i: 1 }] });

    const result = await job.run();

    const [big, small] = result.entry(1).r ?? [];
    expect(big).toMatchObject({ n: "big.bin", f: 0, t: 700_000, k: "o/ann/jobs/job1/results/g0/b7/c1/t1-0" });
    expect(big?.c).toBe(crc32(Buffer.alloc(700_000, 98)));
    expect(small).toMatchObject({ n: "small.txt", f: 7, t: 14 });
    expect(result.results(1)[1]?.toString()).toBe("small 1");
    expect(job.store.peek({ bucket: BUCKET, key: big?.k ?? "" })?.etag).toBe(big?.e);
    expect(job.store.stats.uploadPart?.calls).toBe(8);
  });

  it("takes nothing of an app that writes on behind its own end", async () => {
    const job = harness();
    await job.prepare(lineJob("writes_on"));

    const result = await job.run();

    expect(result.outcomes).toBe("CCCCCCCCCC");
    expect(result.joined).toBe(LINES);
    expect(result.index.tasks.flatMap(({ r = [] }) => r.map(({ n }) => n))).toEqual(Array(10).fill("result.txt"));
  });

  it("uploads the pack in parts when it grows", async () => {
    const job = harness({ limits: { partBytes: 30 } });
    await job.prepare(lineJob("passthrough"));

    const result = await job.run();

    expect(result.joined).toBe(LINES);
    expect(job.store.stats.uploadPart?.calls).toBe(4);
    expect(await job.store.listUploads(BUCKET, "")).toEqual([]);
  });

  it("leaves no pack when nothing was written", async () => {
    const job = harness();
    await job.prepare(lineJob("select", { chunks: [{ s: 0, f: 0, t: 0, x: 1 }] }));

    const result = await job.run();

    expect(result.outcomes).toBe("K");
    expect(result.index.pack).toBeNull();
  });
});

/** A machine that stalls in the one moment that counts is no defect; what is one fails three times. */
describe("when to stop", { retry: 2 }, () => {
  it.each([
    { run: 2, round: 1, wish: 0 },
    { run: 1, round: 2, wish: 0 },
    { run: 1, round: 1, wish: 1 },
  ])("hands the rest back for a newer run or round, or a wish: %j", async (hint) => {
    const job = harness({ limits: { hintEveryMs: 20 } });
    await job.prepare(lineJob("slow", MANY));
    await job.store.put({ bucket: BUCKET, key: "hint.json" }, JSON.stringify(hint));

    const result = await job.run();

    expect(result.index.tasks.length).toBeLessThan(40);
  });

  it.each(["{}", '{"run":1,"round":1,"wish":0}', '{"run":0,"round":9,"wish":3}', ""])(
    "goes on for the hint %j",
    async (text) => {
      const job = harness({ limits: { hintEveryMs: 20 } });
      await job.prepare(lineJob("slow", { chunks: lineChunks(4) }));
      if (text !== "") await job.store.put({ bucket: BUCKET, key: "hint.json" }, text);

      const result = await job.run();

      expect(result.outcomes).toBe("CCCC");
    },
  );

  it("hands the rest back when time runs short for another like those before", async () => {
    const job = harness({ limits: { marginMs: 2_000 } });
    await job.prepare(lineJob("slow", { ...MANY, taskTimeoutMs: 1_500 }));
    let looks = 0;
    let end = Number.POSITIVE_INFINITY;
    const remaining = () => {
      if (++looks === 2) end = Date.now() + 4_000; // the first look asks whether there is time at all
      return looks === 1 ? 10_000 : end - Date.now();
    };

    const result = await job.run({ remaining });

    // Within 4 s and without a stop some 50 would have run.
    expect(result.outcomes).toMatch(/^C{1,42}$/);
  });

  it("goes on in less than a task's timeout when tasks are short, and hands back one that has no time left", async () => {
    const job = harness({ limits: { marginMs: 2_000 } });
    const body = LINES.repeat(4);
    const chunks = lineChunks(40);
    const sources = [{ key: "in/a.txt", body }];
    // The 38th begins 38 × 60 ms = 2.3 s later at the earliest: with less than its timeout left, however fast the machine is.
    const params = { on: [38] };
    await job.prepare(lineJob("slow_waits", { sources, chunks, params, taskTimeoutMs: 2_000 }));
    let end: number | undefined;
    const remaining = () => {
      end ??= Date.now() + 5_000;
      return end - Date.now();
    };

    const result = await job.run({ remaining });

    // On a busy machine it may not come as far as that one by far, which is charged nothing in any case.
    expect(result.outcomes).toMatch(/^C{1,38}$/);
    expect(Date.now()).toBeLessThan(end ?? 0);
  });

  it("gives a late task its whole time, as long as the function has it", async () => {
    const job = harness({ limits: { marginMs: 100 } });
    await job.prepare(lineJob("slow_waits", { params: { on: [9], ms: 1_500 }, taskTimeoutMs: 30_000 }));
    let end: number | undefined;
    const remaining = () => {
      end ??= Date.now() + 60_000;
      return end - Date.now();
    };

    const result = await job.run({ remaining });

    expect(result.outcomes).toBe("CCCCCCCCCC");
  });

  it("takes one task when time is short from the start, with less time for it", async () => {
    const job = harness({ limits: { marginMs: 200 } });
    await job.prepare(lineJob("waits", { params: { on: [0] }, taskTimeoutMs: 60_000 }));
    const end = Date.now() + 700;

    const result = await job.run({ remaining: () => end - Date.now() });

    expect(result.outcomes).toBe("F");
    expect(result.error(0).code).toBe("TASK_TIMEOUT");
    // What the function has left then, less its margin.
    expect(result.error(0).message).toMatch(/within 0\.\d+ s/);
  });
});

describe("the input and the store", () => {
  it("fails all of an object's chunks for good when it was overwritten", async () => {
    const job = harness();
    await job.prepare(lineJob("passthrough"));
    await job.store.put({ bucket: BUCKET, key: "in/a.txt" }, "other");

    const result = await job.run();

    expect(result.outcomes).toBe("XXXXXXXXXX");
    expect(result.error(9)).toMatchObject({ code: "INPUT_CHANGED", retryable: false, details: { key: "in/a.txt" } });
  });

  it("tells a deleted object of a set, and runs the others", async () => {
    const job = harness();
    const sources = ["a", "b", "c"].map((name) => ({ key: `in/${name}`, body: name }));
    await job.prepare({ app: "passthrough", sources, chunks: [0, 1, 2].map((s) => ({ s, n: 1 })) });
    await job.store.delete(BUCKET, ["in/b"]);

    const result = await job.run();

    expect(result.outcomes).toBe("CXC");
    expect(result.error(1).code).toBe("INPUT_CHANGED");
  });

  it("charges no task for a fault of the store: what has ended counts, the rest is handed back", async () => {
    const store = new MemoryObjectStore({ buckets: [BUCKET] });
    const port = withFaults(store, ({ when, method, args }) => {
      const [place] = args as [{ key?: string }];
      if (when === "before" && method === "get" && place.key === "in/b.txt") throw unavailable("STORE_UNAVAILABLE");
    });
    const job = harness({ store, port });
    const sources = ["a", "b", "c"].map((name) => ({ key: `in/${name}.txt`, body: name }));
    await job.prepare({ app: "passthrough", sources, chunks: [0, 1, 2].map((s) => ({ s, f: 0, t: 1, x: 1 })) });

    const result = await job.run();
    const answer = await job.answer({ tasks: [1, 2], claim: 2 });

    expect(result.outcomes).toBe("C");
    expect(answer).toMatchObject({ error: { code: "STORE_UNAVAILABLE", retryable: true } });
    expect(store.keys(BUCKET).filter((key) => key.includes("/c2/"))).toEqual([]);
  });

  it.each(["work.json", "index.jsonl"])("answers an error as data when %s can't be read", async (key) => {
    const job = harness();
    await job.prepare(lineJob("passthrough"));
    await job.store.delete(BUCKET, [key]);

    const answer = await job.answer();

    expect(answer).toMatchObject({ error: { code: "OBJECT_MISSING" } });
  });

  it("answers an error as data and leaves no upload behind when results can't be written", async () => {
    const store = new MemoryObjectStore({ buckets: [BUCKET], minPartBytes: 1 });
    let parts = 0;
    const port = withFaults(store, ({ when, method }) => {
      if (when === "before" && method === "uploadPart" && ++parts === 2) throw unavailable("STORE_UNAVAILABLE");
    });
    const job = harness({ store, port, limits: { partBytes: 30 } });
    await job.prepare(lineJob("passthrough"));

    const answer = await job.answer();

    expect(answer).toMatchObject({ error: { code: "STORE_UNAVAILABLE", retryable: true } });
    expect(await store.listUploads(BUCKET, "")).toEqual([]);
    expect(store.keys(BUCKET).filter((key) => key.includes("/results/"))).toEqual([]);
  });
});
