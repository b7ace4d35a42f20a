import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { preparedFile } from "../../core/contracts/chunk-index.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { jobPrefix, ownerPrefix, uploadPrefix } from "../../core/keys/object-keys.ts";
import { prepare } from "../../core/steps/prepare.ts";
import {
  drive,
  failureOf,
  IN,
  JOB,
  OWN,
  STEP,
  s3,
  theJob,
  type World,
  type WorldOptions,
  world,
} from "../helpers/partition-world.ts";

async function prepared(w: World) {
  const { answer, calls } = await drive(prepare, w.ctx);
  const job = await theJob(w.ctx);
  const file = preparedFile.parse(JSON.parse(w.store.text({ bucket: OWN, key: jobPrefix(JOB) + job.prepared }) ?? ""));
  const rows = file.sources ? (w.store.text({ bucket: OWN, key: file.sources.key }) ?? "") : "";
  return {
    answer,
    calls,
    job,
    file,
    rows: rows
      .split("\n")
      .filter(Boolean)
      .map((row) => JSON.parse(row)),
  };
}
const run = async (options: WorldOptions) => prepared(await world(options));

describe("the start", () => {
  it("waits for startAt, says so, and begins then", async () => {
    const w = await world({
      partitioner: "range",
      params: { range: "1-3" },
      source: null,
      startAt: "2026-01-01T00:05:00Z",
    });

    const early = await prepare(w.ctx, STEP);
    const waiting = await theJob(w.ctx);
    w.clock.set("2026-01-01T00:05:00Z");
    const due = await prepare(w.ctx, STEP);

    expect(early).toEqual({ next: "wait", until: "2026-01-01T00:05:00.000Z" });
    expect(waiting).toMatchObject({ state: "STARTED", waitingFor: "START_AT" });
    expect(due).toEqual({ next: "partition" });
    const job = await theJob(w.ctx);
    expect(job.state).toBe("PARTITIONING");
    expect(job.waitingFor).toBeUndefined();
    expect(Object.keys(job.stamps).sort()).toEqual(["PARTITIONING", "STARTED", "UPLOADING"]);
  });

  it("waits out the grace period since the run was accepted", async () => {
    const w = await world({ partitioner: "range", params: { range: "1" }, source: null, config: { gracePeriod: 90 } });

    expect(await prepare(w.ctx, STEP)).toEqual({ next: "wait", until: "2026-01-01T00:01:30.000Z" });
  });

  it("is superseded by another run and by an abort, also while it waits", async () => {
    const w = await world({
      partitioner: "range",
      params: { range: "1" },
      source: null,
      startAt: "2027-01-01T00:00:00Z",
    });

    const other = await prepare(w.ctx, { ...STEP, run: 2 });
    await w.table.write({ update: jobKey(JOB.jobId), changes: { set: { wish: 3, state: "CANCELED" } } });
    const aborted = await prepare(w.ctx, STEP);

    expect([other.next, aborted.next]).toEqual(["superseded", "superseded"]);
  });

  it("answers partition again when its own answer was lost", async () => {
    const w = await world({ partitioner: "range", params: { range: "1" }, source: null });
    await prepare(w.ctx, STEP);

    expect(await prepare(w.ctx, STEP)).toEqual({ next: "partition" });
  });
});

describe("sources", () => {
  it("takes a name that is an object as that object, not as a prefix", async () => {
    const { rows, file } = await run({
      partitioner: "bytes",
      source: s3("/d/a.txt"),
      objects: { "d/a.txt": "x", "d/a.txt/b": "y" },
    });

    expect(rows).toMatchObject([{ b: IN, k: "d/a.txt", z: 1 }]);
    expect(rows[0].e).toMatch(/^"/);
    expect(file.root).toBe("d/");
  });

  it("takes a name that is no object as the folder, and only if there is none as a plain prefix", async () => {
    const objects = { "data/1": "x", "data/": "", "database/2": "y", "log-1": "a", "log-2": "b" };

    const folder = await run({ partitioner: "objects", source: s3("data"), objects });
    const plain = await run({ partitioner: "objects", source: s3("log-"), objects });

    expect(folder.rows.map(({ k }) => k)).toEqual(["data/1"]);
    expect(folder.file.root).toBe("data/");
    expect(plain.rows.map(({ k }) => k)).toEqual(["log-1", "log-2"]);
    expect(plain.file.root).toBe("");
  });

  it("takes a prefix without objects as nothing to do", async () => {
    const { rows, answer } = await run({ partitioner: "csv", source: s3("empty/"), objects: { "empty/": "" } });

    expect(answer.next).toBe("partition");
    expect(rows).toEqual([]);
  });

  it("finds what was uploaded", async () => {
    const source = { kind: "file", name: "x", descriptor: "file", folder: true, uploaded: true } as const;
    const w = await world({ partitioner: "objects", source });
    for (const name of ["b", "a/c"]) await w.store.put({ bucket: OWN, key: uploadPrefix(JOB) + name }, name);

    const { rows, file } = await prepared(w);

    expect(rows.map(({ k }) => k)).toEqual([`${uploadPrefix(JOB)}a/c`, `${uploadPrefix(JOB)}b`]);
    expect(file.root).toBe(uploadPrefix(JOB));
  });

  it("keeps keys of 1,000 bytes with spaces, +, %2F and emoji as they are", async () => {
    const odd = ["a b+c%2Fd/ü🙂.csv", "plus+plus &=?#.csv"].map(
      (name) => `in/${"k".repeat(1_000 - 3 - Buffer.byteLength(name))}${name}`,
    );
    const objects = Object.fromEntries(odd.map((key) => [key, "h\n1\n"]));

    const { rows } = await run({ partitioner: "csv", source: s3("in/"), objects });

    expect(rows.map(({ k }) => k).sort()).toEqual([...odd].sort());
    expect(odd.map((key) => Buffer.byteLength(key))).toEqual([1_000, 1_000]);
  });

  it("lets only the objects that the globs admit into the table", async () => {
    const objects = { "d/a.png": "1", "d/x/b.png": "2", "d/c.txt": "3", "d/x/skip.png": "4" };

    const { rows } = await run({
      partitioner: "objects",
      source: s3("d/"),
      params: { include: ["**/*.png"], exclude: ["**/skip*"] },
      objects,
    });

    expect(rows.map(({ k }) => k)).toEqual(["d/a.png", "d/x/b.png"]);
  });

  it("reads each file's own header, whatever its length", async () => {
    const long = Array.from({ length: 900 }, (_, i) => `"column ""${i}"""`).join(",");
    const objects = {
      "d/1": "\uFEFFa,b\r\n1,2\r\n",
      "d/2": `${long}\n1\n`,
      "d/3": "only,header",
      "d/4": "",
      "d/5": "\n\n",
    };

    const { rows, file } = await run({ partitioner: "csv", source: s3("d/"), objects });

    expect(rows.map(({ h, o, z }) => [h, o === z])).toEqual([
      ["a,b", false],
      [long, false],
      ["only,header", true],
      [undefined, false],
      [undefined, true],
    ]);
    expect(rows[0].o).toBe(8);
    expect(file.header).toBe("a,b");
  });

  it("stops at the first object that has a chunk when only that one is to run", async () => {
    const objects = { "d/1": "h\n", "d/2": "h\n1\n", "d/3": "h\n2\n" };

    const { rows } = await run({ partitioner: "csv", source: s3("d/"), objects, config: { isTestJob: true } });

    expect(rows.map(({ k }) => k)).toEqual(["d/1", "d/2"]);
  });
});

describe("gzip", () => {
  it("is unpacked where records are cut, and keeps its name", async () => {
    const text = `h1,h2\n${"1,2\n".repeat(1_000)}`;
    const w = await world({
      partitioner: "csv",
      source: s3("d/"),
      objects: { "d/a.gz": gzipSync(text), "d/b": "h1,h2\n3,4\n" },
    });

    const { rows } = await prepared(w);

    expect(rows[0]).toMatchObject({ b: OWN, n: "d/a.gz", h: "h1,h2", o: 6, z: text.length });
    expect(w.store.text({ bucket: OWN, key: rows[0].k })).toBe(text);
    expect(rows[1]).toMatchObject({ b: IN, k: "d/b" });
    expect(rows[1].n).toBeUndefined();
  });

  it("is left as it is where bytes or objects are cut", async () => {
    const { rows } = await run({ partitioner: "bytes", source: s3("a.gz"), objects: { "a.gz": gzipSync("x") } });

    expect(rows).toMatchObject([{ b: IN, k: "a.gz" }]);
  });

  it("that is broken, or too large for one invocation, is refused by name, and no upload is left", async () => {
    const whole = gzipSync(Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 7_919) % 251)));
    const broken = await world({
      partitioner: "lines",
      source: s3("a.gz"),
      objects: { "a.gz": whole.subarray(0, 200) },
    });
    const large = await world({
      partitioner: "lines",
      source: s3("a.gz"),
      objects: { "a.gz": whole },
      budgetMs: 10,
      callMs: 5,
    });

    const [first, second] = [await failureOf(drive(prepare, broken.ctx)), await failureOf(drive(prepare, large.ctx))];

    expect([first.code, second.code]).toEqual(["GZIP_BROKEN", "GZIP_TOO_LARGE"]);
    expect(first.message).toContain("s3://input/a.gz");
    expect(second.message).toMatch(/s3:\/\/input\/a\.gz.*upload it unpacked/);
    for (const { store } of [broken, large]) expect(await store.listUploads(OWN, "")).toEqual([]);
  });
});

describe("refused with the field and the remedy", () => {
  it.each([
    ["a missing object", { source: s3("no.csv") }, "OBJECT_MISSING", /dataSource\.params\.name/],
    [
      "a missing bucket",
      { source: s3("a.csv", "granted-but-gone") },
      "BUCKET_MISSING",
      /dataSource\.params\.bucketName/,
    ],
    ["a missing bucket's prefix", { source: s3("d/", "granted-but-gone") }, "BUCKET_MISSING", /bucketName/],
    ["a bucket that isn't granted", { source: s3("a.csv", "other") }, "ACCESS_DENIED", /grantedBuckets.*deploy/],
    ["another owner's data", { source: s3("o/eve/a.csv", OWN) }, "ACCESS_DENIED", /only below o\/ada\//],
    ["no source", { source: null }, "INVALID_PARAMS", /^dataSource: /],
    [
      "an upload that wasn't made",
      { source: { kind: "file", name: "x", descriptor: "file", folder: false, uploaded: false } },
      "OBJECT_MISSING",
      /tempUrl/,
    ],
    [
      "chunk sizes the wrong way round",
      { objects: { "a.csv": "h\n1\n" }, config: { minChunkSize: 9, maxChunkSize: 3 } },
      "INVALID_PARAMS",
      /minChunkSize/,
    ],
    ["an unknown param", { params: { chunk: 3 } }, "INVALID_PARAMS", /params\.partitioner.*chunk/],
    [
      "a bad default",
      { config: { partitioningSettings: { chunks: -1 } } },
      "INVALID_PARAMS",
      /config\.partitioningSettings\.chunks/,
    ],
    [
      "UTF-16",
      { objects: { "a.csv": Buffer.from("\uFEFFa,b\n1,2\n", "utf16le") } },
      "UNSUPPORTED_ENCODING",
      /s3:\/\/input\/a\.csv/,
    ],
    ["a column twice", { objects: { "a.csv": "a,a\n1,2\n" } }, "CSV_HEADER", /s3:\/\/input\/a\.csv/],
    ["a header whose quote never ends", { objects: { "a.csv": 'a,"b\n1,2\n' } }, "CSV_UNTERMINATED_QUOTE", /a\.csv/],
  ] as const)("%s", async (_what, options, code, message) => {
    const w = await world({ partitioner: "csv", ...(options as Partial<WorldOptions>) });

    const failure = await failureOf(drive(prepare, w.ctx));

    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(message);
  });

  it("a bucket that denies", async () => {
    const w = await world({ partitioner: "csv", objects: { "a.csv": "h\n1\n" } });
    w.store.denied = ({ bucket }) => bucket === IN;

    const failure = await failureOf(drive(prepare, w.ctx));

    expect(failure).toMatchObject({ code: "ACCESS_DENIED" });
    expect(failure.message).toMatch(/s3:GetObject/);
  });

  it("but the owner's own part of the own bucket is open", async () => {
    const key = `${ownerPrefix(JOB.owner)}in/a.csv`;
    const w = await world({ partitioner: "csv", source: s3(key, OWN) });
    await w.store.put({ bucket: OWN, key }, "h\n1\n");

    expect((await prepared(w)).rows).toMatchObject([{ k: key }]);
  });
});

describe("with a budget of 2 s and 8 parts", () => {
  const objects = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => {
      const text = `h${i}\n${`${i}\n`.repeat(20)}`;
      return [`d/${String(i).padStart(3, "0")}`, i % 10 === 0 ? gzipSync(text) : text];
    }),
  );
  const options = { partitioner: "csv", source: s3("d/"), objects };

  it("makes the same table in several calls as in one", async () => {
    const whole = await run(options);

    const tiny = await world({ ...options, budgetMs: 2_000, callMs: 40, partLimit: 8, partBytes: 256 });
    const cut = await prepared(tiny);

    expect(whole.calls).toBe(1);
    expect(cut.calls).toBeGreaterThanOrEqual(4);
    expect(cut.rows.map(({ k, b, ...row }) => (b === OWN ? row : { k, ...row }))).toEqual(
      whole.rows.map(({ k, b, ...row }) => (b === OWN ? row : { k, ...row })),
    );
    expect(cut.file.sources).toMatchObject({ count: 300, bytes: whole.file.sources?.bytes, size: expect.any(Number) });
    expect(await tiny.store.listUploads(OWN, "")).toEqual([]);
  });

  it("isn't disturbed by a zombie of an older claim", async () => {
    const w = await world({ ...options, budgetMs: 2_000, callMs: 40, partLimit: 8 });
    expect(await prepare(w.ctx, STEP)).toEqual({ next: "again" });
    // The zombie goes on when the successor has taken its claim.
    let release = () => {};
    const gate = new Promise<void>((open) => {
      release = open;
    });
    let stuck = true;
    const zombieObjects = new Proxy(w.ctx.objects, {
      get: (target, name) =>
        name === "list"
          ? async (...args: Parameters<typeof target.list>) => {
              if (stuck) await gate;
              return target.list(...args);
            }
          : Reflect.get(target, name),
    });
    const zombie = prepare({ ...w.ctx, objects: zombieObjects }, STEP);
    await new Promise((next) => setImmediate(next));

    const { answer, rows, job } = await prepared(w);
    stuck = false;
    release();
    const late = await zombie;

    expect(answer.next).toBe("partition");
    expect(late.next).toBe("superseded");
    expect(rows).toHaveLength(300);
    expect((await theJob(w.ctx)).prepared).toBe(job.prepared);
  });
});
