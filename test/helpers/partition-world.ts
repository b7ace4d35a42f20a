import {
  CapturedLog,
  ManualClock,
  MemoryObjectStore,
  MemoryTable,
  SeededIds,
  withFaults,
} from "../../adapters/memory/index.ts";
import { DEFAULT_CONFIG } from "../../core/contracts/api/config.ts";
import { type ChunkLine, type ChunksFile, chunkLine, type SourceLine } from "../../core/contracts/chunk-index.ts";
import type { DataSource, JobConfig, JobItem } from "../../core/contracts/job-items.ts";
import type { StepAnswer, StepInput } from "../../core/contracts/workflow.ts";
import { JobJobError } from "../../core/errors.ts";
import { loadJob } from "../../core/job/load.ts";
import { jobKey, specKey } from "../../core/keys/item-keys.ts";
import { jobPrefix } from "../../core/keys/object-keys.ts";
import { loadChunks, locateBatches } from "../../core/partition/locate-batches.ts";
import { readChunkLines } from "../../core/partition/read-batch.ts";
import type { ObjectStore } from "../../core/ports/index.ts";
import type { StepContext } from "../../core/steps/context.ts";
import { partition } from "../../core/steps/partition.ts";
import { prepare } from "../../core/steps/prepare.ts";

export const OWN = "own";
export const IN = "input";
export const JOB = { owner: "ada", jobId: "01JOB" };
export const STEP: StepInput = { jobId: JOB.jobId, run: 1 };
export const s3 = (name: string, bucket = IN): DataSource => ({ kind: "s3", bucket, name, descriptor: "s3" });

export interface WorldOptions {
  readonly partitioner: string;
  readonly params?: Record<string, unknown>;
  readonly config?: Partial<JobConfig>;
  readonly source?: DataSource | null;
  readonly objects?: Readonly<Record<string, string | Uint8Array>>;
  readonly startAt?: string;
  /** Milliseconds of the budget, and that each call to a port and each block of a stream takes. */
  readonly budgetMs?: number;
  readonly callMs?: number;
  readonly partLimit?: number;
  readonly partBytes?: number;
  readonly blockBytes?: number;
}

/** A job in STARTED, its input in the bucket `input`, on in-memory twins whose clock moves with every call. */
export async function world(options: WorldOptions) {
  const clock = new ManualClock("2026-01-01T00:00:00Z");
  const { callMs = 0, partBytes = 256 } = options;
  const table = new MemoryTable({ clock });
  const store = new MemoryObjectStore({
    buckets: [OWN, IN],
    clock,
    minPartBytes: partBytes,
    maxParts: options.partLimit ?? 10_000,
    blockBytes: options.blockBytes ?? 64,
  });
  for (const [key, body] of Object.entries(options.objects ?? {})) await store.put({ bucket: IN, key }, body);
  const config = { ...DEFAULT_CONFIG, ...options.config };
  const spec = {
    ...specKey(JOB.jobId),
    owner: JOB.owner,
    templateId: "t",
    name: "test",
    description: "",
    tags: {},
    priority: 0,
    regions: null,
    dataSource: options.source === undefined ? s3("a.csv") : options.source,
    dataDestination: null,
    params: { partitioner: options.params ?? {}, app: {}, assembler: {} },
    config,
    blocks: { app: "passthrough", partitioner: options.partitioner, assembler: "concat" },
    ...(options.startAt === undefined ? {} : { startAt: options.startAt }),
  };
  await table.write({ put: structuredClone(spec) as never });
  const now = clock.now();
  const job = { id: JOB.jobId, owner: JOB.owner, state: "STARTED", run: 1, round: 0, wish: 0, createdAt: now };
  await table.write({
    put: { ...jobKey(JOB.jobId), ...job, stamps: { STARTED: now }, submittedAt: now, generation: 0, claim: 0 } as never,
  });
  store.resetStats();
  const tick = () => clock.advance(callMs);
  const ctx: StepContext = {
    table,
    objects: slowStreams(
      withFaults(store, ({ when }) => {
        if (when === "before") tick();
      }),
      tick,
    ),
    clock,
    ids: new SeededIds(1, clock),
    log: new CapturedLog(),
    settings: {
      bucket: OWN,
      region: "us-east-1",
      grantedBuckets: [IN, "granted-but-gone"],
      maxWorkers: 500,
      stepBudgetMs: options.budgetMs ?? 720_000,
      publishBudgetMs: 40_000,
      partLimit: options.partLimit ?? 10_000,
      partBytes,
    },
  };
  return { ctx, clock, table, store, spec: { ...spec, jobId: JOB.jobId } };
}
export type World = Awaited<ReturnType<typeof world>>;

/** Reading takes time too: every block moves the clock. */
function slowStreams(store: ObjectStore, tick: () => void): ObjectStore {
  const stream: ObjectStore["stream"] = async function* (place, options) {
    for await (const block of store.stream(place, options)) {
      tick();
      yield block;
    }
  };
  return new Proxy(store, { get: (target, name) => (name === "stream" ? stream : Reflect.get(target, name)) });
}

/** Calls a step until it answers something else than `again`. */
export async function drive(
  step: (ctx: StepContext, input: StepInput) => Promise<StepAnswer>,
  ctx: StepContext,
): Promise<{ readonly answer: StepAnswer; readonly calls: number }> {
  for (let calls = 1; calls < 1_000; calls++) {
    const answer = await step(ctx, STEP);
    if (answer.next !== "again") return { answer, calls };
  }
  throw new Error("the step doesn't come to an end");
}

export interface Cut {
  readonly chunks: ChunksFile;
  readonly lines: readonly ChunkLine[];
  readonly sources: readonly SourceLine[];
  readonly prepareCalls: number;
  readonly partitionCalls: number;
}

/** prepare and partition, and everything they left. */
export async function cut(w: World): Promise<Cut> {
  const prepared = await drive(prepare, w.ctx);
  if (prepared.answer.next !== "partition") throw new Error(`prepare answered ${prepared.answer.next}`);
  const done = await drive(partition, w.ctx);
  if (done.answer.next !== "plan") throw new Error(`partition answered ${done.answer.next}`);
  return { ...(await outcome(w)), prepareCalls: prepared.calls, partitionCalls: done.calls };
}

export async function outcome({ ctx, store }: World) {
  const job = await theJob(ctx);
  const chunks = await loadChunks(store, OWN, jobPrefix(JOB) + job.chunks);
  const rows = (key: string | null) =>
    key === null ? [] : (store.text({ bucket: OWN, key }) ?? "").split("\n").filter((line) => line !== "");
  return {
    chunks,
    lines: rows(chunks.index).map((line) => chunkLine.parse(JSON.parse(line))),
    sources: rows(chunks.sourcesKey).map((line) => JSON.parse(line) as SourceLine),
  };
}

export async function theJob(ctx: StepContext): Promise<JobItem> {
  const job = await loadJob(ctx.table, JOB.jobId);
  if (!job) throw new Error("the job is gone");
  return job;
}

/** Every chunk with its sources, read batch by batch as the workers do. */
export async function readBack({ store }: World, chunks: ChunksFile, batchSize: number) {
  const found: { line: ChunkLine; sources: readonly SourceLine[] }[] = [];
  const keys = { index: chunks.index, sources: chunks.sourcesKey };
  for await (const place of locateBatches({ objects: store, bucket: OWN }, chunks, batchSize)) {
    const batch = await readChunkLines(store, OWN, keys, place);
    for (const line of batch.lines) found.push({ line, sources: await batch.sources(line) });
  }
  return found;
}

/** What a step failed with. */
export async function failureOf(work: Promise<unknown>): Promise<JobJobError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof JobJobError) return error;
    throw error;
  }
  throw new Error("it didn't fail");
}
