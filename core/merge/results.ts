/**
 * What the tasks of a job left, in task order: for each completed task the results that the claim named by its batch item
 * wrote. Batches are read in order and a few ahead, so that memory doesn't depend on the number of tasks.
 */
import { asBatch } from "../batches/batch.ts";
import type { PackedTask } from "../batches/packed-states.ts";
import { batchesInOrder } from "../batches/read.ts";
import { type BatchTable, batchTable } from "../contracts/batch-table.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { type ClaimIndex, claimIndex, type TaskResult } from "../contracts/worker.ts";
import type { BatchPlace } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { claimIndexKey, type JobPlace, jobPrefix, resultPrefix } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import type { Item } from "../ports/index.ts";
import type { StepContext } from "../steps/context.ts";
import { aheadOf } from "./ahead.ts";
import { inParallel } from "./in-parallel.ts";
import type { Extent } from "./segment.ts";

export interface CommittedResult {
  /** Of the task, from 0. */
  readonly ordinal: number;
  /** As the app named it: not to be trusted as a path. */
  readonly name: string;
  readonly extent: Extent & { readonly crc: number };
  /** csv: the header that its rows belong to, with "\n". */
  readonly header: string | null;
}
export interface CommittedBatch {
  readonly n: number;
  /** In order of tasks, and of a task's results. */
  readonly results: readonly CommittedResult[];
}

type Ports = Pick<StepContext, "table" | "objects" | "settings">;
type Job = Pick<JobItem, "id" | "owner" | "generation" | "table">;

const decoder = new TextDecoder();
const BATCHES_AHEAD = 4;
const INDEXES_AT_ONCE = 8;

/** Batches from number `from` on. A task without a result (SKIPPED, FAILED, not ended) contributes nothing. */
export async function* committedBatches(ctx: Ports, job: Job, from = 0): AsyncGenerator<CommittedBatch> {
  const table = await loadBatchTable(ctx, job);
  if (!table) return;
  yield* aheadOf(batchesInOrder(ctx.table, job, table, from), BATCHES_AHEAD, ({ place, item }) =>
    readBatch(ctx, job, place, item),
  );
}

/** undefined when the job never had a plan, or no tasks. */
export async function loadBatchTable(ctx: Ports, job: Job): Promise<BatchTable | undefined> {
  if (job.table === undefined) return undefined;
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + job.table;
  return readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, batchTable);
}

async function readBatch(ctx: Ports, job: Job, place: BatchPlace, item: Item | undefined): Promise<CommittedBatch> {
  const { tasks } = asBatch(item, place.count);
  const jobPlace: JobPlace = { owner: job.owner, jobId: job.id };
  const claims = [...new Set(tasks.filter(hasResult).map(({ claim }) => claim))];
  const read = new Map<number, ReadIndex>();
  await inParallel(claims, INDEXES_AT_ONCE, async (claim) => {
    read.set(claim, await readIndex(ctx, job, jobPlace, place.n, claim));
  });
  const results = tasks.flatMap((task, o) => {
    const index = hasResult(task) ? read.get(task.claim) : undefined;
    return (index?.results.get(o) ?? []).map(
      ({ name, extent }): CommittedResult => ({
        ordinal: place.first + o,
        name,
        extent,
        header: index?.header ?? null,
      }),
    );
  });
  return { n: place.n, results };
}

const hasResult = ({ letter, claim }: PackedTask): boolean => (letter === "C" || letter === "P") && claim > 0;

interface ReadIndex {
  readonly header: string | null;
  /** By the task's ordinal in the batch. */
  readonly results: ReadonlyMap<number, readonly Pick<CommittedResult, "name" | "extent">[]>;
}

/** Only what the merge needs is kept: an index may hold many errors and rejections. */
async function readIndex(ctx: Ports, job: Job, place: JobPlace, batch: number, claim: number): Promise<ReadIndex> {
  const { bucket } = ctx.settings;
  const key = claimIndexKey(place, job.generation, batch, claim);
  const index = parseIndex(await readObject(ctx, key), key);
  const prefix = resultPrefix(place, job.generation, batch, claim);
  const results = new Map<number, { name: string; extent: CommittedResult["extent"] }[]>();
  for (const { o, x, r } of index.tasks) {
    if (!r || (x !== "C" && x !== "P")) continue;
    results.set(
      o,
      r.map((result) => ({ name: result.n, extent: extentOf(bucket, index, result, prefix) })),
    );
  }
  return { header: index.header, results };
}

/** The index is untrusted: a result lies in an object of its own claim, and in its bounds. */
function extentOf(bucket: string, index: ClaimIndex, result: TaskResult, prefix: string): CommittedResult["extent"] {
  const object =
    result.k !== undefined && result.e !== undefined
      ? { key: result.k, etag: result.e, size: result.t }
      : { key: index.pack?.k ?? "", etag: index.pack?.e ?? "", size: index.pack?.z ?? 0 };
  const empty = result.f === result.t;
  const inside = result.f >= 0 && result.f <= result.t && result.t <= object.size;
  if (!inside || (!empty && !object.key.startsWith(prefix))) {
    throw new JobJobError({
      code: "RESULT_INVALID",
      message: `The index of claim ${index.claim} of batch ${index.batch} names a result outside its own objects ("${result.n}"); requeue the job's tasks.`,
      details: { batch: index.batch, claim: index.claim, name: result.n },
    });
  }
  return { bucket, ...object, from: result.f, to: result.t, crc: result.c };
}

async function readObject(ctx: Ports, key: string): Promise<Uint8Array> {
  try {
    return await ctx.objects.get({ bucket: ctx.settings.bucket, key });
  } catch (error) {
    if (!(error instanceof JobJobError) || error.code !== "OBJECT_MISSING") throw error;
    throw resultsExpired(error);
  }
}

/** Results of tasks that have ended, deleted behind our back. @param missing the store's own error */
export function resultsExpired(missing: JobJobError): JobJobError {
  const key = String(missing.details?.key);
  return new JobJobError({
    code: "RESULTS_EXPIRED",
    message: `Task results are gone (${key}); requeue the job with tasks "all".`,
    details: { key },
    cause: missing,
  });
}

function parseIndex(bytes: Uint8Array, key: string): ClaimIndex {
  try {
    return claimIndex.parse(JSON.parse(decoder.decode(bytes)));
  } catch (cause) {
    throw new JobJobError({
      code: "RESULT_INVALID",
      message: `${key} is no index of task results; requeue the job's tasks.`,
      details: { key },
      cause,
    });
  }
}
