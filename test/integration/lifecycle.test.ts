import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  BYPASS,
  completeJob,
  createJob,
  downloadResults,
  folder,
  getJob,
  getOutput,
  listOutput,
  newOwner,
  putInput,
  s3Destination,
  s3Source,
  startJob,
  TEMPORARY,
  waitForJob,
} from "./harness.ts";
import { catchMoment, Missed } from "./moments.ts";

const ORDER = [
  "NEW",
  "STARTED",
  "UPLOADING",
  "PARTITIONING",
  "PARTITIONED",
  "TASKS_COMPLETED",
  "MERGING",
  "MERGED",
  "DOWNLOADING",
  "COMPLETE",
];

const csvOf = (rows: number): string =>
  `id,state,amount,note\n${Array.from({ length: rows }, (_, i) => `${i},${["CA", "NY", "TX"][i % 3]},${(i % 7) / 10},"a ""quoted"",\nnote ${i} ü"\n`).join("")}`;

describe.concurrent("the whole lifecycle, through HTTP, on the deployed stack", () => {
  it("selects rows of a CSV in many chunks and delivers one file with one header", async () => {
    const owner = await newOwner();
    const at = folder();
    const csv = csvOf(3_000);
    await putInput(`${at}in.csv`, csv);

    const job = await completeJob(owner, {
      templateId: "csv-select",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: s3Destination(`${at}out`),
      params: { app: {}, partitioner: { chunks: 12 } },
    });

    const [key] = await listOutput(`${at}out`);
    expect((await getOutput(key ?? "")).toString()).toBe(csv);
    expect(job.numChunks).toBeGreaterThanOrEqual(8);
    expect(job.progress).toMatchObject({
      total: job.numChunks,
      completed: job.numChunks,
      queued: 0,
      active: 0,
      text: `${job.numChunks} + 0 / ${job.numChunks}`,
    });
    const stamps = ORDER.map(
      (state) => job.stateTimestamps[state] ?? job.stateTimestamps[`JOB_STATE_${state}`] ?? "missing",
    );
    expect([...stamps].sort()).toEqual(stamps);
    expect(job.stats.downloadBytes).toBeGreaterThan(0);
    expect(job.cost?.usd).toBeGreaterThan(0);
  });

  it("groups, with exact sums, and reduces to sorted rows behind a temporary link", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, csvOf(999));

    const job = await completeJob(owner, {
      templateId: "csv-group-by",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: TEMPORARY,
      params: { partitioner: { chunks: 9 }, app: { by: "state", aggregates: ["count", "sum(amount)"] } },
    });

    const [[, bytes]] = [...(await downloadResults(owner, job.id))] as [[string, Buffer]];
    const sums = [0, 1, 2].map((r) =>
      Array.from({ length: 333 }, (_, k) => (3 * k + r) % 7).reduce((a, b) => a + b, 0),
    );
    const lines = bytes.toString().trimEnd().split("\n");
    expect(lines[0]).toBe("state,count,sum(amount)");
    expect(lines.slice(1).map((line) => line.split(",").slice(0, 2))).toEqual([
      ["CA", "333"],
      ["NY", "333"],
      ["TX", "333"],
    ]);
    expect(lines.slice(1).map((line) => Math.round(Number(line.split(",")[2]) * 10))).toEqual(sums);
  });

  it("checksums a prefix with awkward keys, sorted and relative", async () => {
    const owner = await newOwner();
    const at = folder();
    const names = ["a b.txt", "plus+sign", "per%2Fcent", "emoji-🦆", `long/${"x".repeat(900)}`];
    for (const name of names) await putInput(`${at}${name}`, `content of ${name.slice(0, 20)}`);
    await putInput(`${at}empty`, "");

    const job = await completeJob(owner, {
      templateId: "checksum-objects",
      dataSource: s3Source(at),
      dataDestination: TEMPORARY,
    });

    const [[, bytes]] = [...(await downloadResults(owner, job.id))] as [[string, Buffer]];
    const rows = bytes
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const expected = [...names, "empty"]
      .map((name) => ({ key: name, text: name === "empty" ? "" : `content of ${name.slice(0, 20)}` }))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
      .map(({ key, text }) => ({
        key,
        size: Buffer.byteLength(text),
        sha256: createHash("sha256").update(text).digest("hex"),
      }));
    expect(rows).toEqual(expected);
  });

  it("uploads a file by its tempUrl and counts its words", async () => {
    const owner = await newOwner();
    const job = await createJob(owner, {
      templateId: "word-count",
      dataSource: { dataSourceDescriptor: "file", params: { name: "text.txt" } },
      dataDestination: TEMPORARY,
    });
    const url = job.dataSource?.params.tempUrl;
    expect(url).toEqual(expect.any(String));
    const put = await fetch(String(url), {
      method: "PUT",
      body: "Duck goose\nduck\n",
      headers: { "content-type": "text/plain" },
    });
    expect(put.status).toBe(200);
    expect((await owner.call("PATCH", `/v1/customer/jobs/${job.id}/uploadcompleted`)).status).toBe(200);
    await startJob(owner, job.id);

    const done = await waitForJob(owner, job.id);

    expect(done.state, JSON.stringify(done.failure)).toBe("JOB_STATE_COMPLETE");
    const [[, bytes]] = [...(await downloadResults(owner, job.id))] as [[string, Buffer]];
    expect(bytes.toString()).toBe("word,count\nduck,2\ngoose,1\n");
  });

  it.each([
    ["0 bytes", "", ""],
    ["a header only", "id,state\n", "id,state\n"],
  ])("an input of %s gives an output of the same", async (_, input, output) => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, input);

    const job = await completeJob(owner, {
      templateId: "csv-select",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: s3Destination(`${at}out`),
    });

    const [key] = await listOutput(`${at}out`);
    expect((await getOutput(key ?? "")).toString()).toBe(output);
    expect(job.progress.text).toBe("0 + 0 / 0");
  });

  it("a prefix without objects is a job without tasks, COMPLETE", async () => {
    const owner = await newOwner();

    const job = await completeJob(owner, {
      templateId: "checksum-objects",
      dataSource: s3Source(`${folder()}`),
      dataDestination: TEMPORARY,
    });

    expect(job.numChunks).toBe(0);
  });

  it("waits for startAt in STARTED and says so", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, csvOf(10));
    // Far enough that the first calls of cold functions on a slow machine come before it; else farther.
    const { startAt, waiting } = await catchMoment(async (times) => {
      const startAt = new Date(Date.now() + times * 30_000).toISOString();
      const { id } = await createJob(owner, {
        templateId: "csv-select",
        dataSource: s3Source(`${at}in.csv`),
        dataDestination: TEMPORARY,
        startAt,
      });
      await startJob(owner, id);
      const waiting = await getJob(owner, id);
      if (Date.now() >= Date.parse(startAt)) throw new Missed(`${id} was read after its startAt`);
      return { startAt, waiting };
    });
    expect(waiting).toMatchObject({ state: "JOB_STATE_STARTED", waitingFor: "START_AT" });

    const done = await waitForJob(owner, waiting.id, 480);

    expect(done.state).toBe("JOB_STATE_COMPLETE");
    expect(String(done.stateTimestamps.UPLOADING ?? done.stateTimestamps.JOB_STATE_UPLOADING) >= startAt).toBe(true);
  });

  it("a CSV of 64 MiB: workers within 256 MiB, bytes read within 1.02 of the file", async () => {
    const owner = await newOwner();
    const at = folder();
    const row = `1234567,CA,12.5,"a ""quoted"", note with ü and some more text to make the record longer"\n`;
    const rows = Math.ceil((64 * 1024 * 1024) / Buffer.byteLength(row));
    const csv = Buffer.concat([Buffer.from("id,state,amount,note\n"), Buffer.from(row.repeat(rows))]);
    await putInput(`${at}in.csv`, csv);

    const job = await completeJob(owner, {
      templateId: "csv-select",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: s3Destination(`${at}out`),
      params: { partitioner: { chunks: 4 } },
    });

    const [key] = await listOutput(`${at}out`);
    expect(
      createHash("sha256")
        .update(await getOutput(key ?? ""))
        .digest("hex"),
    ).toBe(createHash("sha256").update(csv).digest("hex"));
    expect(job.stats.downloadBytes).toBeLessThanOrEqual(csv.length * 1.02);
    const tasks = await owner.call("GET", `/v1/customer/jobs/${job.id}/tasks`);
    for (const { attempts } of tasks.body.data) {
      for (const attempt of attempts) expect(attempt.maxRss).toBeLessThanOrEqual(256 * 1024 * 1024);
    }
  });
});

describe.concurrent("tasks of a generator", () => {
  it("range: every number once, /tasks pages to all of them", async () => {
    const owner = await newOwner();
    const job = await completeJob(owner, {
      templateId: "numbers",
      dataSource: BYPASS,
      dataDestination: TEMPORARY,
      params: { partitioner: { range: "1-2500" } },
    });

    const [[, bytes]] = [...(await downloadResults(owner, job.id))] as [[string, Buffer]];
    expect(bytes.toString().trimEnd().split("\n").map(Number)).toEqual(Array.from({ length: 2_500 }, (_, i) => i + 1));
    const seen = new Set<number>();
    let cursor: string | null = null;
    do {
      const page = await owner.call(
        "GET",
        `/v1/customer/jobs/${job.id}/tasks?limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`,
      );
      for (const task of page.body.data) seen.add(task.ordinal);
      cursor = page.body.pagination?.cursor ?? page.body.cursor ?? null;
    } while (cursor);
    expect(seen.size).toBe(2_500);
  });
});
