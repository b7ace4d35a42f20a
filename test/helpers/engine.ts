/** A job on the in-memory twins, up to PARTITIONING, with n generator tasks, and a worker whose outcome the test decides. */
import {
  CapturedLog,
  ManualClock,
  MemoryNudge,
  MemoryObjectStore,
  MemoryTable,
  MemoryWorkflow,
  SeededIds,
} from "../../adapters/memory/index.ts";
import { parseRanges } from "../../core/batches/ranges.ts";
import { DEFAULT_CONFIG } from "../../core/contracts/api/config.ts";
import type { JobConfig } from "../../core/contracts/job-items.ts";
import { type JobItem, jobItem } from "../../core/contracts/job-items.ts";
import type { ClaimIndex, TaskEntry } from "../../core/contracts/worker.ts";
import type { BatchPlace, ChildInput, Hand, StepAnswer, WorkerResult } from "../../core/contracts/workflow.ts";
import { loadGates, sumGates } from "../../core/gates/gates.ts";
import { byDueKeys, byOwnerKeys, byStateKeys, jobKey, specKey } from "../../core/keys/item-keys.ts";
import { claimIndexKey, jobPrefix } from "../../core/keys/object-keys.ts";
import type { ControlContext } from "../../core/steps/context.ts";
import { DEFAULT_SETTINGS } from "../../core/steps/context.ts";

export const BUCKET = "data";
export const OWNER = "ann";
export const JOB = "01J0000000000000000000JOB1";

export interface Engine extends ControlContext {
  readonly clock: ManualClock;
  readonly table: MemoryTable;
  readonly objects: MemoryObjectStore;
  readonly workflow: MemoryWorkflow;
  readonly nudge: MemoryNudge;
}

export function makeEngine(settings: Partial<ControlContext["settings"]> = {}): Engine {
  const clock = new ManualClock("2026-01-01T00:00:00Z");
  return {
    clock,
    table: new MemoryTable({ clock }),
    objects: new MemoryObjectStore({ buckets: [BUCKET, "in", "out"], clock, minPartBytes: 4 }),
    workflow: new MemoryWorkflow(),
    nudge: new MemoryNudge(),
    ids: new SeededIds(7, clock),
    log: new CapturedLog(),
    settings: { ...DEFAULT_SETTINGS, bucket: BUCKET, region: "eu-test-1", grantedBuckets: ["in", "out"], ...settings },
  };
}

export interface TasksJobOptions {
  readonly config?: Partial<JobConfig>;
  readonly taskSeconds?: number;
}

/** Writes the items and chunk files of a job whose partition has just ended. */
export async function putTasksJob(engine: Engine, tasks: number, options: TasksJobOptions = {}): Promise<void> {
  const now = engine.clock.now();
  const prefix = jobPrefix({ owner: OWNER, jobId: JOB });
  const lines = Array.from({ length: tasks }, (_, i) => `${JSON.stringify({ r: [[i, i]] })}\n`);
  let at = 0;
  const offsets: string[] = [];
  lines.forEach((line, i) => {
    if (i % 50 === 0) offsets.push(`[${at}]\n`);
    at += line.length;
  });
  await engine.objects.put({ bucket: BUCKET, key: `${prefix}scratch/index` }, lines.join(""));
  await engine.objects.put({ bucket: BUCKET, key: `${prefix}scratch/offsets` }, offsets.join(""));
  const chunks = {
    v: 1,
    tasks,
    bytes: 0,
    sources: 0,
    index: `${prefix}scratch/index`,
    indexSize: at,
    sourcesKey: null,
    sourcesEnd: 0,
    readBytes: 0,
    offsets: `${prefix}scratch/offsets`,
    stride: 50,
    sourceRoot: "",
    header: null,
  };
  await engine.objects.put({ bucket: BUCKET, key: `${prefix}scratch/chunks.json` }, JSON.stringify(chunks));
  await engine.table.write({
    put: {
      ...jobKey(JOB),
      id: JOB,
      owner: OWNER,
      state: "PARTITIONING",
      run: 1,
      round: 0,
      wish: 0,
      createdAt: now,
      stamps: { NEW: now, STARTED: now, UPLOADING: now, PARTITIONING: now },
      generation: 0,
      claim: 2,
      claimStep: "partition#1",
      chunks: "scratch/chunks.json",
      ...byOwnerKeys(OWNER, JOB),
      ...byStateKeys(OWNER, "PARTITIONING", JOB),
      ...byDueKeys(now + 60_000, JOB),
    },
  });
  const version = (name: string) => ({ name, version: "1.0", revision: 1 });
  await engine.table.write({
    put: {
      ...specKey(JOB),
      owner: OWNER,
      templateId: "t",
      name: "test",
      description: "",
      tags: {},
      priority: "EXECUTION_PRIORITY_UNDEFINED",
      regions: null,
      dataSource: { kind: "bypass", descriptor: "bypass" },
      dataDestination: { kind: "bypass", descriptor: "bypass" },
      params: { partitioner: {}, app: {}, assembler: {} },
      config: { ...DEFAULT_CONFIG, ...options.config } as never,
      blocks: { app: "passthrough", partitioner: "range", assembler: "concat" },
      versions: { app: version("passthrough"), partitioner: version("range"), assembler: version("concat") },
      input: { format: "bytes" },
      resultFormat: "bytes",
      taskSeconds: options.taskSeconds ?? 1,
    },
  });
}

export async function job(engine: Engine): Promise<JobItem> {
  return jobItem.parse(await engine.table.get(jobKey(JOB)));
}

export async function counts(engine: Engine) {
  const { generation, gates } = await job(engine);
  return sumGates(await loadGates(engine.table, JOB, generation, gates ?? 32)).counts;
}

/** The children that the Map would start from plan's answer. */
export function children(engine: Engine, answer: StepAnswer): ChildInput[] {
  if (
    answer.next !== "tasks" ||
    !answer.manifest ||
    !answer.policy ||
    !answer.work ||
    answer.generation === undefined
  ) {
    throw new Error(`plan answered ${JSON.stringify(answer)}`);
  }
  const { manifest, policy, work, generation, round = 1 } = answer;
  const places = JSON.parse(engine.objects.text({ bucket: BUCKET, key: manifest }) ?? "[]") as BatchPlace[];
  return places.map((b) => ({ jobId: JOB, run: 1, round, owner: OWNER, work, generation, policy, b }));
}

/** What becomes of task `ordinal` at an attempt: C, P, K, F, X, or undefined = handed back. */
export type Verdict = (ordinal: number, attempt: number) => TaskEntry["x"] | undefined;

/** Does a hand's work as app λ would: writes the claim's index object. */
export async function work(engine: Engine, input: ChildInput, hand: Hand, verdict: Verdict): Promise<WorkerResult> {
  if (hand.claim === 0) return { claim: 0, indexKey: "", etag: "", maxRss: 0 };
  const now = engine.clock.now();
  const attemptOf = new Map(
    hand.attempts.flatMap(([n, ranges]) => [...parseRanges(ranges)].map((o) => [o, n] as const)),
  );
  const tasks = [...parseRanges(hand.tasks)].flatMap((o): TaskEntry[] => {
    const x = verdict(input.b.first + o, attemptOf.get(o) ?? 1);
    return x === undefined
      ? []
      : [
          {
            o,
            x,
            t: [now, 1],
            b: [1, 1],
            ...(x === "F" || x === "X" ? { e: { code: "BOOM", message: "boom", retryable: x === "F" } } : {}),
          },
        ];
  });
  const index: ClaimIndex = {
    v: 1,
    batch: input.b.n,
    claim: hand.claim,
    run: input.run,
    worker: "w",
    requestId: "r",
    startedAt: now,
    endedAt: now,
    pack: null,
    header: null,
    stats: { downloadBytes: 1, uploadBytes: 1, downloadMs: 1, processMs: 1, uploadMs: 1 },
    maxRss: 1,
    tasks,
  };
  const indexKey = claimIndexKey({ owner: OWNER, jobId: JOB }, input.generation, input.b.n, hand.claim);
  const { etag } = await engine.objects.put({ bucket: BUCKET, key: indexKey }, JSON.stringify(index));
  return { claim: hand.claim, indexKey, etag, maxRss: 1 };
}
