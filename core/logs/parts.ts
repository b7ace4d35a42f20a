/** The objects that hold the logs of a job's present chunks: one a claim that had anything to say. */
import { invalid, taskNotFound } from "../contracts/api/errors.ts";
import type { LogPartsAnswer } from "../contracts/api/records.ts";
import type { JobItem } from "../contracts/job-items.ts";
import type { JobContext } from "../job/context.ts";
import type { Edit } from "../job/edit.ts";
import { findJob } from "../job/find.ts";
import { batchLogPrefix, claimLogKey, generationLogPrefix, readLogKey } from "../keys/object-keys.ts";
import type { ObjectInfo } from "../ports/index.ts";

/** As long as a role's signature may live. */
const LINK_SECONDS = 3_600;

export interface LogPartsQuery {
  readonly task?: number | undefined;
  /** Of the task's batch: the one whose hand an attempt was in. */
  readonly claim?: number | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** In the order of the tasks. @throws ApiError 404, 400 CURSOR_INVALID */
export async function listLogParts(
  ctx: JobContext,
  { owner, id }: Edit,
  { task, claim, limit, cursor }: LogPartsQuery,
): Promise<LogPartsAnswer> {
  const { job } = await findJob(ctx.table, owner, id);
  const batch = task === undefined ? undefined : batchOf(job, task);
  const after = cursor === undefined ? undefined : readCursor(cursor);
  const found = await partsOf(ctx, job, { batch, claim, limit, after });
  const data = await Promise.all(
    found.parts.map(async ({ batch, claim, object: { bucket, key, size, lastModified } }) => ({
      generation: job.generation,
      batch,
      claim,
      first: batch * (job.batchSize ?? 0),
      size,
      updatedAt: lastModified ?? null,
      link: await ctx.objects.presignGet({ bucket, key }, { expiresIn: LINK_SECONDS }),
    })),
  );
  const last = found.parts.at(-1);
  const next = found.more && last ? Buffer.from(`l1.${last.batch}.${last.claim}`).toString("base64url") : null;
  return {
    data,
    pagination: { total: null, offset: 0, hasPrevious: cursor !== undefined, hasNext: next !== null, cursor: next },
  };
}

export interface Part {
  readonly batch: number;
  readonly claim: number;
  readonly object: ObjectInfo;
}

/** A page of them, of all batches or of one, behind that claim of that batch. */
export async function partsOf(
  ctx: JobContext,
  job: JobItem,
  query: {
    readonly batch?: number | undefined;
    readonly claim?: number | undefined;
    readonly limit?: number;
    readonly after?: Pick<Part, "batch" | "claim"> | undefined;
  },
): Promise<{ readonly parts: readonly Part[]; readonly more: boolean }> {
  const place = { owner: job.owner, jobId: job.id };
  const { batch, claim, limit, after } = query;
  let prefix = generationLogPrefix(place, job.generation);
  if (batch !== undefined) prefix = batchLogPrefix(place, job.generation, batch);
  if (batch !== undefined && claim !== undefined) prefix = claimLogKey(place, job.generation, batch, claim);
  const page = await ctx.objects.list(ctx.settings.bucket, prefix, {
    ...(limit === undefined ? {} : { limit }),
    ...(after ? { after: claimLogKey(place, job.generation, after.batch, after.claim) } : {}),
  });
  const parts = page.objects.flatMap((object): Part[] => {
    const numbers = readLogKey(object.key);
    return numbers ? [{ ...numbers, object }] : [];
  });
  return { parts, more: page.cursor !== undefined };
}

/** @throws ApiError 404 TASK_NOT_FOUND */
export function batchOf(job: JobItem, task: number): number {
  const { tasks, batchSize } = job;
  if (tasks === undefined || batchSize === undefined || task >= tasks) throw taskNotFound(job.id, task, tasks);
  return Math.floor(task / batchSize);
}

function readCursor(cursor: string): Pick<Part, "batch" | "claim"> {
  const [, batch, claim] = /^l1\.(\d{1,9})\.(\d{1,9})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (batch === undefined || claim === undefined)
    throw invalid("cursor", "is not one that this list answered; leave it out to begin anew", "CURSOR_INVALID");
  return { batch: Number(batch), claim: Number(claim) };
}
