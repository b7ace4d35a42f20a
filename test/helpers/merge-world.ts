/** A job on the in-memory twins whose tasks have ended, with their results as workers leave them, and the steps behind. */
import { crc32 } from "node:zlib";
import { type FaultHook, withFaults } from "../../adapters/memory/index.ts";
import { assemblers } from "../../apps/assemblers/index.ts";
import { concatEngine, csvEngine, jsonEngine, ndjsonEngine } from "../../apps/assemblers/joined.ts";
import { reduceEngine } from "../../apps/assemblers/reduce.ts";
import { zipEngine } from "../../apps/assemblers/zip.ts";
import { packStates } from "../../core/batches/packed-states.ts";
import { DEFAULT_CONFIG } from "../../core/contracts/api/config.ts";
import type { BatchTable } from "../../core/contracts/batch-table.ts";
import type { ChunksFile } from "../../core/contracts/chunk-index.ts";
import type { DataDestination, JobConfig, JobItem } from "../../core/contracts/job-items.ts";
import type { ClaimIndex, TaskEntry, TaskResult } from "../../core/contracts/worker.ts";
import type { StepAnswer } from "../../core/contracts/workflow.ts";
import { NO_COUNTS, NO_STATS } from "../../core/gates/gates.ts";
import { loadJob } from "../../core/job/load.ts";
import { batchKey, byOwnerKeys, byStateKeys, gateKey, jobKey, specKey } from "../../core/keys/item-keys.ts";
import { bigResultKey, claimIndexKey, jobPrefix, packKey } from "../../core/keys/object-keys.ts";
import type { AssemblerEngines } from "../../core/merge/index.ts";
import type { ObjectStore, Table, Value } from "../../core/ports/index.ts";
import { assemble } from "../../core/steps/assemble.ts";
import type { StepContext } from "../../core/steps/context.ts";
import { deliver } from "../../core/steps/deliver.ts";
import { publish } from "../../core/steps/publish.ts";
import { BUCKET, type Engine, JOB, makeEngine, OWNER } from "./engine.ts";

export const PLACE = { owner: OWNER, jobId: JOB };
export const PART = 16;

export interface TaskSpec {
  readonly letter: "C" | "P" | "K" | "F";
  /** F: the last attempt's; a worker that died left none but a code. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly died?: string;
  /** P. */
  readonly rejected?: readonly { readonly item: string; readonly reason: string }[];
  /** File name and content; `own`: in an object of its own. */
  readonly results?: readonly { readonly name: string; readonly body: string; readonly own?: boolean }[];
}
export interface MergeJob {
  readonly tasks: readonly TaskSpec[];
  readonly assembler: string;
  readonly params?: Record<string, unknown>;
  readonly destination?: DataDestination;
  readonly config?: Partial<JobConfig>;
  readonly header?: string | null;
  readonly inputHeader?: string | null;
  /** @default 5 */
  readonly batchSize?: number;
  /** Which claim of its batch ended a task. @default all the first */
  readonly claimOf?: (ordinal: number) => number;
}

/** Sums whole numbers; its documents are `{"sum": n, "tasks": [ordinals]}` so that the order of merging shows. */
const sums = {
  init: () => ({ sum: 0, shape: "" }),
  parse: (text: string): unknown => JSON.parse(text),
  serialise: (value: unknown) => JSON.stringify(value),
  merge: (a: unknown, b: unknown) => {
    const [x, y] = [a, b] as { sum: number; shape: string }[];
    return { sum: (x?.sum ?? 0) + (y?.sum ?? 0), shape: `(${x?.shape}${y?.shape})` };
  },
  finish: (value: unknown) => value as { sum: number; shape: string },
};
function* sumText({ sum, shape }: { sum: number; shape: string }, format: string): Generator<string> {
  yield format === "csv" ? "sum,shape\n" : "";
  yield format === "csv" ? `${sum},` : `{"sum":${sum},"shape":"`;
  for (let at = 0; at < shape.length; at += 20) yield shape.slice(at, at + 20);
  yield format === "csv" ? "\n" : `"}\n`;
}

const engines = {
  passthrough: { shape: "each" },
  concat: concatEngine,
  csv: csvEngine((_app, _params, columns) => (columns ? `${columns.join(",")}\n` : null)),
  ndjson: ndjsonEngine,
  json: jsonEngine,
  zip: zipEngine,
  zipper: zipEngine,
  reduce: reduceEngine({ reducerOf: () => sums, tableText: sumText }),
} as const;
export const ENGINES: AssemblerEngines = Object.fromEntries(
  assemblers.map((info) => [info.name, { info, engine: engines[info.name as keyof typeof engines] }]),
);

export function makeMergeWorld(settings: Partial<StepContext["settings"]> = {}): Engine {
  return makeEngine({ partBytes: PART, partLimit: 8, ...settings });
}

/** Tasks, their batches and their results. @returns what the job item says of them */
async function putTasks(world: Engine, job: MergeJob): Promise<{ tasks: number; gates: number; batches: number }> {
  const batchSize = job.batchSize ?? 5;
  const batches = Math.ceil(job.tasks.length / batchSize);
  const gates = Math.max(1, Math.min(3, batches));
  // Task o has the bytes [10 o, 10 o + 10) of one file.
  const lines = job.tasks.map((_, o) => `${JSON.stringify({ s: 0, f: 10 * o, t: 10 * o + 10, x: 1 })}\n`);
  const source = `${JSON.stringify({ b: "input", k: "in.txt", e: '"e"', z: 10 * lines.length })}\n`;
  const ends = [0];
  for (const line of lines) ends.push((ends.at(-1) ?? 0) + Buffer.byteLength(line));
  const upTo = (o: number) => ends[Math.min(o, lines.length)] ?? 0;
  const table: BatchTable = {
    v: 1,
    tasks: job.tasks.length,
    batchSize,
    gates,
    batches: Array.from({ length: batches }, (_, n) => ({
      n,
      first: n * batchSize,
      count: Math.min(batchSize, job.tasks.length - n * batchSize),
      index: [upTo(n * batchSize), upTo((n + 1) * batchSize)] as [number, number],
      sources: [0, 0, source.length] as [number, number, number],
    })),
  };
  const chunks: ChunksFile = {
    v: 1,
    tasks: job.tasks.length,
    bytes: 0,
    sources: 1,
    index: `${jobPrefix(PLACE)}scratch/index.jsonl`,
    indexSize: upTo(lines.length),
    sourcesKey: `${jobPrefix(PLACE)}scratch/sources.jsonl`,
    sourcesEnd: source.length,
    readBytes: 0,
    offsets: "",
    stride: 50,
    sourceRoot: "",
    header: job.inputHeader ?? null,
  };
  await world.objects.put({ bucket: BUCKET, key: chunks.index }, lines.join(""));
  await world.objects.put({ bucket: BUCKET, key: `${jobPrefix(PLACE)}scratch/sources.jsonl` }, source);
  await putJson(world, `${jobPrefix(PLACE)}scratch/table.json`, table);
  await putJson(world, `${jobPrefix(PLACE)}scratch/chunks.json`, chunks);
  for (const { n, first, count } of table.batches) {
    await putBatch(world, job, { n, gates, first, tasks: job.tasks.slice(first, first + count) });
  }
  const counts = new Map<string, number>();
  for (const { letter } of job.tasks) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  for (let k = 0; k < gates; k++) {
    await world.table.write({
      put: {
        ...gateKey(JOB, 0, k),
        ...{ run: 1, round: 1, mode: "closed", opened: true, ...NO_COUNTS, ...NO_STATS },
        ...(k > 0
          ? {}
          : {
              completed: counts.get("C") ?? 0,
              partial: counts.get("P") ?? 0,
              skipped: counts.get("K") ?? 0,
              failed: counts.get("F") ?? 0,
            }),
      },
    });
  }
  return { tasks: job.tasks.length, gates, batches };
}

/** The job stands in TASKS_COMPLETED, run 1. */
export async function putMergeJob(world: Engine, job: MergeJob): Promise<void> {
  const size = await putTasks(world, job);
  await world.table.write({
    put: {
      ...jobKey(JOB),
      id: JOB,
      owner: OWNER,
      state: "TASKS_COMPLETED",
      run: 1,
      round: 1,
      wish: 0,
      createdAt: world.clock.now(),
      stamps: {},
      generation: 0,
      claim: 3,
      claimStep: "partition#1",
      ...size,
      table: "scratch/table.json",
      chunks: "scratch/chunks.json",
      ...byOwnerKeys(OWNER, JOB),
      ...byStateKeys(OWNER, "TASKS_COMPLETED", JOB),
    },
  });
  await world.table.write({
    put: {
      ...specKey(JOB),
      owner: OWNER,
      templateId: "test",
      name: "test job",
      description: "",
      tags: {},
      priority: 0,
      regions: null,
      dataSource: null,
      dataDestination: (job.destination ?? { kind: "bucket", descriptor: "bucket" }) as unknown as Value,
      params: { partitioner: {}, app: {}, assembler: (job.params ?? {}) as Value },
      config: { ...DEFAULT_CONFIG, ...job.config } as unknown as Value,
      blocks: { app: "test", partitioner: "lines", assembler: job.assembler },
    },
  });
}

/**
 * The job's next run, as a requeue leaves it: behind its tasks, of which some may have other results now, or behind its merge.
 * Its results are those of the claim with the run's number.
 */
export async function nextMergeRun(world: Engine, to: "TASKS_COMPLETED" | "MERGED", job?: MergeJob): Promise<number> {
  const { run } = await jobOf(world);
  const size = job ? await putTasks(world, { ...job, claimOf: () => run + 1 }) : {};
  await world.table.write({
    update: jobKey(JOB),
    changes: {
      set: { ...size, state: to, run: run + 1, wish: 0, ...byStateKeys(OWNER, to, JOB) },
      remove: ["failure"],
    },
  });
  return run + 1;
}

async function putBatch(
  world: Engine,
  job: MergeJob,
  batch: { readonly n: number; readonly gates: number; readonly first: number; readonly tasks: readonly TaskSpec[] },
): Promise<void> {
  const claimOf = (o: number) => job.claimOf?.(batch.first + o) ?? 1;
  const claims = new Set(batch.tasks.map((_, o) => claimOf(o)));
  for (const claim of claims) {
    const entries: TaskEntry[] = [];
    let pack = "";
    for (const [o, task] of batch.tasks.entries()) {
      if (claimOf(o) !== claim) continue;
      const r: TaskResult[] = [];
      for (const [i, { name, body, own }] of (task.results ?? []).entries()) {
        const bytes = Buffer.from(body);
        if (own) {
          const k = bigResultKey(PLACE, 0, batch.n, claim, o, i);
          const { etag } = await world.objects.put({ bucket: BUCKET, key: k }, bytes);
          r.push({ n: name, f: 0, t: bytes.length, c: crc32(bytes), k, e: etag });
        } else {
          const f = Buffer.byteLength(pack);
          pack += body;
          r.push({ n: name, f, t: f + bytes.length, c: crc32(bytes) });
        }
      }
      entries.push({
        o,
        x: task.letter === "F" ? "X" : task.letter,
        t: [0, 1],
        b: [0, 0],
        ...(r.length > 0 ? { r } : {}),
        ...(task.error ? { e: { ...task.error, retryable: true } } : {}),
        ...(task.rejected ? { j: task.rejected.slice(0, 100), jn: task.rejected.length } : {}),
      });
    }
    const key = packKey(PLACE, 0, batch.n, claim);
    const { etag } = await world.objects.put({ bucket: BUCKET, key }, pack);
    const index: ClaimIndex = {
      v: 1,
      batch: batch.n,
      claim,
      run: 1,
      worker: "w",
      requestId: "r",
      startedAt: 0,
      endedAt: 1,
      pack: { k: key, e: etag, z: Buffer.byteLength(pack) },
      header: entries.some(({ r }) => r?.some(({ f, t }) => t > f)) ? (job.header ?? null) : null,
      stats: { downloadBytes: 0, uploadBytes: 0, downloadMs: 0, processMs: 0, uploadMs: 0 },
      maxRss: 0,
      tasks: entries,
    };
    await putJson(world, claimIndexKey(PLACE, 0, batch.n, claim), index);
  }
  const tasks = batch.tasks.map(({ letter, died }, o) => ({
    letter,
    attempts: 1,
    claim: claimOf(o),
    ...(died === undefined ? {} : { code: died }),
  }));
  const item = { run: 1, round: 1, claim: Math.max(...claims), inHand: false, tasks: packStates(tasks) };
  await world.table.write({ put: { ...batchKey(JOB, 0, batch.gates, batch.n), ...item } });
}

async function putJson(world: Engine, key: string, value: unknown): Promise<void> {
  await world.objects.put({ bucket: BUCKET, key }, JSON.stringify(value));
}

interface InvocationOptions {
  readonly callMs?: number;
  readonly hook?: FaultHook;
  /** @default 1 */
  readonly run?: number;
}

/** The world as one invocation sees it: every call to the store takes `callMs`, every call may be hooked. */
export function invocation(world: Engine, options: InvocationOptions = {}): StepContext {
  const hook: FaultHook = (moment) => {
    if (moment.when === "before" && moment.port === "objects") world.clock.advance(options.callMs ?? 0);
    return options.hook?.(moment);
  };
  return {
    ...world,
    objects: withFaults<ObjectStore>(world.objects, hook, "objects"),
    table: withFaults<Table>(world.table, hook, "table"),
  };
}

export const STEPS = {
  assemble: (ctx: StepContext, run = 1) => assemble(ctx, { jobId: JOB, run }, ENGINES),
  deliver: (ctx: StepContext, run = 1) => deliver(ctx, { jobId: JOB, run }),
  publish: (ctx: StepContext, run = 1) => publish(ctx, { jobId: JOB, run }),
} as const;
export type StepName = keyof typeof STEPS;

/** Calls one step as the workflow does, until it names another. */
export async function runStep(
  world: Engine,
  step: StepName,
  options: InvocationOptions = {},
): Promise<{ readonly answer: StepAnswer; readonly continuations: number }> {
  for (let continuations = 0; continuations < 1_000; continuations++) {
    const answer = await STEPS[step](invocation(world, options), options.run);
    if (answer.next !== "again") return { answer, continuations };
  }
  throw new Error(`${step} never ends`);
}

export async function runAll(world: Engine, options: InvocationOptions = {}) {
  const assembled = await runStep(world, "assemble", options);
  const delivered = await runStep(world, "deliver", options);
  const published = await runStep(world, "publish", options);
  return { assembled, delivered, published };
}

export async function jobOf(world: Engine): Promise<JobItem> {
  const job = await loadJob(world.table, JOB);
  if (!job) throw new Error("the job is gone");
  return job;
}

export const completed = (...results: readonly { name: string; body: string; own?: boolean }[]): TaskSpec => ({
  letter: "C",
  results,
});
