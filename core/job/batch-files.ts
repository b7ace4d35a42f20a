/** What the tasks API reads of a job's batches: the batch table, batch items with their task states, claim indexes. */
import { asBatch, tasksIn } from "../batches/batch.ts";
import type { PackedTask } from "../batches/packed-states.ts";
import { type BatchTable, batchTable } from "../contracts/batch-table.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { type ClaimIndex, claimIndex } from "../contracts/worker.ts";
import type { BatchPlace } from "../contracts/workflow.ts";
import { JobJobError, toErrorData } from "../errors.ts";
import { batchKey } from "../keys/item-keys.ts";
import { claimIndexKey, jobPrefix } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import type { JobContext } from "./context.ts";

/** undefined before the job's first plan. */
export async function loadBatchTable(ctx: JobContext, job: JobItem): Promise<BatchTable | undefined> {
  if (job.table === undefined) return undefined;
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + job.table;
  return readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, batchTable);
}

export interface BatchTasks {
  readonly place: BatchPlace;
  readonly tasks: readonly PackedTask[];
  /** Claims that came to nothing: what their workers may have written tells of no attempt. */
  readonly lost: readonly number[];
}

/** The states of these batches' tasks. What a worker of an earlier epoch held reads as queued. */
export async function loadBatchTasks(
  ctx: JobContext,
  job: JobItem,
  gates: number,
  places: readonly BatchPlace[],
): Promise<readonly BatchTasks[]> {
  const keys = places.map((place) => batchKey(job.id, job.generation, gates, place.n));
  const items = await ctx.table.batchGet(keys, { consistent: true });
  const by = new Map(items.map((item) => [`${item.pk}/${item.sk}`, item]));
  const epoch = { run: job.run, round: job.round };
  return places.map((place, i) => {
    const key = keys[i];
    const batch = asBatch(key && by.get(`${key.pk}/${key.sk}`), place.count);
    return { place, tasks: tasksIn(batch, epoch), lost: batch.lost };
  });
}

/** undefined when the claim left none (its worker died) or one that can't be read. */
export async function loadClaimIndex(
  ctx: JobContext,
  job: JobItem,
  batch: number,
  claim: number,
): Promise<ClaimIndex | undefined> {
  const key = claimIndexKey({ owner: job.owner, jobId: job.id }, job.generation, batch, claim);
  try {
    return await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, claimIndex);
  } catch (error) {
    if (error instanceof JobJobError && error.code === "OBJECT_MISSING") return undefined;
    // Workers write these; one that is broken must not hide the rows of all others.
    if (!(error instanceof JobJobError) || error.code !== "SCRATCH_MALFORMED") throw error;
    ctx.log.warn("INDEX_UNREADABLE", { jobId: job.id, batch, claim, error: toErrorData(error) });
    return undefined;
  }
}
