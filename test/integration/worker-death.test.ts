/**
 * Deaths of the whole function, made from outside: the process that an emulator runs app λ in gets SIGKILL. Which one, and
 * when, is read from what cautious workers announce; a test's first kill hits every worker there is, so this file runs alone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TaskRecord } from "../../core/contracts/api/records.ts";
import { type ClaimIndex, claimIndex } from "../../core/contracts/worker.ts";
import { killWorker, workerProcesses } from "../helpers/worker-processes.ts";
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

const FILES = 8;
const POISON = 4;
/** Long enough to be found at it: the app counts some 30 MB/s. */
const POISON_BYTES = 24 * 1024 * 1024;

let s3: S3Client;
beforeAll(() => {
  s3 = new S3Client({ endpoint: theStack().endpoint, forcePathStyle: true });
});
afterAll(() => s3.destroy());

/** Eight text files, one task each, in one batch; the poisonous one takes seconds. */
async function startWordCount(owner: Owner, config: Record<string, unknown>): Promise<string> {
  const at = folder();
  for (let i = 0; i < FILES; i++) {
    const line = `every w${i} w${i}\n`;
    await putInput(`${at}${i}.txt`, i === POISON ? line.repeat(POISON_BYTES / line.length) : line);
  }
  const job = await createJob(owner, {
    templateId: "word-count",
    dataSource: s3Source(at),
    dataDestination: TEMPORARY,
    params: { partitioner: { chunks: 1 } },
    config: { maxConcurrency: 1, maxChunkSize: 2 * POISON_BYTES, ...config },
  });
  await startJob(owner, job.id);
  return job.id;
}

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

/** Kills the worker in hand once, without any announcement; true as soon as a cautious one follows. */
async function killOnce(owner: Owner, id: string): Promise<void> {
  while ((await getTask(owner, id, POISON))?.state !== "ACTIVE") await sleep(30);
  while ((await indexes(owner, id)).size === 0) {
    const killed = workerProcesses(theStack()).filter(killWorker).length;
    // The next worker announces its first task within seconds; none was there yet when the function was just being started.
    const deadline = Date.now() + (killed > 0 ? 10_000 : 100);
    while (Date.now() < deadline && (await indexes(owner, id)).size === 0) await sleep(50);
  }
}

/** Kills every worker that announces the poisonous task. Answers which workers. */
async function killAtPoison(owner: Owner, id: string): Promise<string[]> {
  const killed: string[] = [];
  while (!(await isOver(owner, id))) {
    for (const { begun, worker } of (await indexes(owner, id)).values()) {
      if (begun?.[0] !== POISON) continue;
      const target = workerProcesses(theStack()).find((process) => process.worker === worker);
      if (target && killWorker(target)) killed.push(worker);
    }
    await sleep(30);
  }
  return killed;
}

async function getTask(owner: Owner, id: string, ordinal: number): Promise<TaskRecord | undefined> {
  const answer = await owner.call("GET", `/v1/customer/jobs/${id}/tasks/${ordinal}`);
  return answer.status === 200 ? answer.body.task : undefined;
}

const wordsWithout = (left: number | undefined): string => {
  const files = Array.from({ length: FILES }, (_, i) => i).filter((i) => i !== left);
  const times = (i: number) => (i === POISON ? Math.floor(POISON_BYTES / `every w${i} w${i}\n`.length) : 1);
  const every = files.reduce((sum, i) => sum + times(i), 0);
  return `word,count\nevery,${every}\n${files.map((i) => `w${i},${2 * times(i)}\n`).join("")}`;
};

describe("a worker that dies", () => {
  it("once costs nobody an attempt, and the output is what it would have been", async () => {
    const owner = await newOwner();
    const id = await startWordCount(owner, {});

    await killOnce(owner, id);
    const job = await waitForJob(owner, id);

    expect(job.state, JSON.stringify(job.failure)).toBe("JOB_STATE_COMPLETE");
    expect(job.incomplete).toBeNull();
    const [output] = (await downloadResults(owner, id)).values();
    expect(output?.toString()).toBe(wordsWithout(undefined));
    for (let i = 0; i < FILES; i++) {
      expect(await getTask(owner, id, i)).toMatchObject({ state: "COMPLETED", attempt: 1 });
    }
  });

  it("at every attempt of one task fails that task alone, after exactly its attempts", async () => {
    const owner = await newOwner();
    const config = { maxTaskRetries: 2, toleratedFailurePercentage: 20, retryBackoff: { initialMs: 200, maxMs: 500 } };
    const id = await startWordCount(owner, config);

    await killOnce(owner, id);
    const killed = await killAtPoison(owner, id);
    const job = await waitForJob(owner, id);

    expect(job.state, JSON.stringify(job.failure)).toBe("JOB_STATE_COMPLETE");
    expect(job.incomplete).toMatchObject({ tasks: 1 });
    const [output] = (await downloadResults(owner, id)).values();
    expect(output?.toString()).toBe(wordsWithout(POISON));
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
