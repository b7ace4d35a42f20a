/**
 * Deaths of the whole function, made from outside: the process that an emulator runs app λ in gets SIGKILL. Which one, and
 * when, is read from what cautious workers announce; a test's first kill is aimed by load alone, so this file runs
 * behind all others.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TaskRecord } from "../../core/contracts/api/records.ts";
import { type ClaimIndex, claimIndex } from "../../core/contracts/worker.ts";
import { busiestWorker, killWorker, workerProcesses } from "../helpers/worker-processes.ts";
import {
  createJob,
  downloadResults,
  folder,
  getJob,
  newOwner,
  type Owner,
  putInput,
  s3Source,
  startJob,
  TEMPORARY,
  theStack,
  waitForJob,
} from "./harness.ts";
import { catchMoment, Missed } from "./moments.ts";

const FILES = 8;
const POISON = 4;
/** So many that a worker is found at them, again and again: it takes a million or two a second. */
const POISON_ROWS = 6_000_000;
const HEADER = "a,b\n";
const IDLE_ROW = "1,2\n";

let s3: S3Client;
beforeAll(() => {
  s3 = new S3Client({ endpoint: theStack().endpoint, forcePathStyle: true });
});
afterAll(() => s3.destroy());

/** Of eight CSV files, one task each, in one batch, the row that tells the file; the poisonous one takes seconds to look through. */
async function startSelect(owner: Owner, rows: number, config: Record<string, unknown>): Promise<string> {
  const at = folder();
  for (let i = 0; i < FILES; i++) await putInput(`${at}${i}.csv`, fileOf(i, rows));
  const job = await createJob(owner, {
    templateId: "csv-select",
    dataSource: s3Source(at),
    dataDestination: TEMPORARY,
    params: { partitioner: { chunks: 1 }, app: { where: { a: "file" } } },
    config: { maxConcurrency: 1, maxChunkSize: 2 * rows * IDLE_ROW.length, ...config },
  });
  await startJob(owner, job.id);
  return job.id;
}
const lineOf = (i: number): string => `file,${i}\n`;
const fileOf = (i: number, rows: number): string => `${HEADER}${i === POISON ? IDLE_ROW.repeat(rows) : ""}${lineOf(i)}`;
const linesWithout = (left: number | undefined): string =>
  HEADER + Array.from({ length: FILES }, (_, i) => (i === left ? "" : lineOf(i))).join("");

/** What the batch's claims have written, by claim. */
async function indexes(owner: Owner, jobId: string): Promise<ReadonlyMap<number, ClaimIndex>> {
  const Bucket = theStack().bucket;
  const Prefix = `o/${owner.name}/jobs/${jobId}/results/g0/b0/`;
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix }));
  const found = new Map<number, ClaimIndex>();
  for (const { Key = "" } of Contents) {
    const claim = /\/c(\d+)\/index\.json$/.exec(Key)?.[1];
    if (claim === undefined) continue;
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    found.set(Number(claim), claimIndex.parse(JSON.parse((await Body?.transformToString()) ?? "")));
  }
  return found;
}

const isOver = async (owner: Owner, id: string) =>
  ["JOB_STATE_COMPLETE", "JOB_STATE_FAILED"].includes((await getJob(owner, id)).state);

/** Kills a worker before any has announced a task; done as soon as a cautious one, which does, has followed. */
async function killOnce(owner: Owner, id: string): Promise<void> {
  const hasFollowed = async () => {
    const found = [...(await indexes(owner, id)).values()];
    if (found.some(({ begun }) => begun !== undefined)) return true;
    if (await isOver(owner, id)) throw new Missed(`${id} was over before its worker was killed`);
    return false;
  };
  while ((await getTask(owner, id, POISON))?.state !== "ACTIVE" && !(await hasFollowed())) await sleep(30);
  while (!(await hasFollowed())) {
    const victim = await busiestWorker(theStack());
    if (!victim || !killWorker(victim)) continue;
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline && !(await hasFollowed())) await sleep(50);
  }
}

/** Kills every worker that announces the poisonous task. Answers which workers. */
async function killAtPoison(owner: Owner, id: string): Promise<string[]> {
  const killed = new Map<number, string>();
  while (!(await isOver(owner, id))) {
    for (const { begun, worker } of (await indexes(owner, id)).values()) {
      if (begun?.[0] !== POISON) continue;
      // One that is being killed may still be there; by its pid, for LocalStack's next process has the last one's name.
      const target = workerProcesses(theStack()).find((one) => one.worker === worker && !killed.has(one.pid));
      if (target && killWorker(target)) killed.set(target.pid, worker);
    }
    await sleep(30);
  }
  return [...killed.values()];
}

async function getTask(owner: Owner, id: string, ordinal: number): Promise<TaskRecord | undefined> {
  const answer = await owner.call("GET", `/v1/customer/jobs/${id}/tasks/${ordinal}`);
  return answer.status === 200 ? answer.body.task : undefined;
}

describe("a worker that dies", () => {
  it("once costs nobody an attempt, and the output is what it would have been", async () => {
    const owner = await newOwner();
    const id = await catchMoment(async (times) => {
      const id = await startSelect(owner, times * POISON_ROWS, {});
      await killOnce(owner, id);
      return id;
    });
    const job = await waitForJob(owner, id);

    expect(job.state, JSON.stringify(job.failure)).toBe("JOB_STATE_COMPLETE");
    expect(job.incomplete).toBeNull();
    const [output] = (await downloadResults(owner, id)).values();
    expect(output?.toString()).toBe(linesWithout(undefined));
    for (let i = 0; i < FILES; i++) {
      expect(await getTask(owner, id, i)).toMatchObject({ state: "COMPLETED", attempt: 1 });
    }
  });

  it("at every attempt of one task fails that task alone, after exactly its attempts", async () => {
    const owner = await newOwner();
    const config = { maxTaskRetries: 2, toleratedFailurePercentage: 20, retryBackoff: { initialMs: 200, maxMs: 500 } };
    const { id, killed } = await catchMoment(async (times) => {
      const id = await startSelect(owner, times * POISON_ROWS, config);
      await killOnce(owner, id);
      const killed = await killAtPoison(owner, id);
      if ((await getTask(owner, id, POISON))?.state === "COMPLETED") throw new Missed(`${id} outran its killer`);
      return { id, killed };
    });
    const job = await waitForJob(owner, id);

    expect(job.state, JSON.stringify(job.failure)).toBe("JOB_STATE_COMPLETE");
    expect(job.incomplete).toMatchObject({ tasks: 1 });
    const [output] = (await downloadResults(owner, id)).values();
    expect(output?.toString()).toBe(linesWithout(POISON));
    const poisoned = await getTask(owner, id, POISON);
    expect(poisoned).toMatchObject({ state: "FAILED", attempt: 3, error: { code: "WORKER_DIED" } });
    expect(poisoned?.attempts.map(({ outcome }) => outcome)).toEqual(["SOFT_FAILED", "SOFT_FAILED", "FAILED"]);
    expect(poisoned?.attempts.map(({ worker }) => worker)).toEqual(killed);
    for (const attempt of poisoned?.attempts ?? []) {
      expect(attempt).toMatchObject({
        error: { code: "WORKER_DIED", retryable: true },
        requestId: expect.stringMatching(/.{8}/),
        startedAt: expect.any(String),
        endedAt: expect.any(String),
      });
      expect(Date.parse(attempt.endedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(attempt.startedAt ?? ""));
    }
    for (let i = 0; i < FILES; i++) {
      if (i !== POISON) expect(await getTask(owner, id, i)).toMatchObject({ state: "COMPLETED", attempt: 1 });
    }
  });
});
