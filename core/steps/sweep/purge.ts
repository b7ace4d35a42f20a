/** Removing what has had its time: all of a deleted job, with its logs, the 48 h results of a finished one. */
import { MAX_GATES } from "../../batches/sizing.ts";
import type { JobItem } from "../../contracts/job-items.ts";
import { abortDelivery } from "../../delivery/abort.ts";
import { gateRangeOf } from "../../gates/range.ts";
import { gatePk, jobKey, specKey } from "../../keys/item-keys.ts";
import { jobPrefix, logPrefix, runOutputPrefix } from "../../keys/object-keys.ts";
import { isRefused, type Key } from "../../ports/index.ts";
import type { SweepContext } from "../context.ts";

/** Scratch, results, uploads and outputs, gates, batches and timeline, and last the job itself: repeatable at any point. */
export async function purgeDeleted(ctx: SweepContext, job: JobItem): Promise<string> {
  await abortDelivery(ctx, job);
  const prefix = jobPrefix({ owner: job.owner, jobId: job.id });
  for (const upload of await ctx.objects.listUploads(ctx.settings.bucket, prefix)) {
    await ctx.objects.abortUpload(upload, upload.uploadId);
  }
  await deleteObjects(ctx, prefix);
  await deleteObjects(ctx, logPrefix({ owner: job.owner, jobId: job.id }));
  for (let generation = 0; generation <= job.generation; generation++) {
    // An earlier generation may have had any number of gates.
    const { gates } = generation === job.generation ? gateRangeOf(job) : { gates: MAX_GATES };
    for (let gate = 0; gate < gates; gate++) await deleteItems(ctx, gatePk(job.id, generation, gate), []);
  }
  const last = [specKey(job.id), jobKey(job.id)];
  await deleteItems(ctx, jobKey(job.id).pk, last);
  // The job item goes last: while it is there, the sweeper comes again.
  for (const key of last) await ctx.table.write({ delete: key });
  return "purged the deleted job";
}

/** The outputs, of all its runs, of a job that delivered to the temporary bucket. Task results stay, so that a requeue can merge them again. */
export async function purgeTemporary(ctx: SweepContext, job: JobItem): Promise<string | undefined> {
  // Run by run: a requeue may begin meanwhile, and what its run writes stays.
  for (let run = 1; run <= job.run; run++) {
    await deleteObjects(ctx, runOutputPrefix({ owner: job.owner, jobId: job.id }, run));
  }
  try {
    await ctx.table.write({
      update: jobKey(job.id),
      changes: { set: { purged: true }, remove: ["duePk", "dueSk"] },
      if: { all: [{ eq: ["state", job.state] }, { eq: ["run", job.run] }] },
    });
    return "removed the results, 48 h after they were delivered";
  } catch (error) {
    if (isRefused(error)) return undefined; // requeued meanwhile: the new run writes new outputs
    throw error;
  }
}

async function deleteObjects(ctx: SweepContext, prefix: string): Promise<void> {
  for (;;) {
    const page = await ctx.objects.list(ctx.settings.bucket, prefix);
    if (page.objects.length === 0) return;
    await ctx.objects.delete(
      ctx.settings.bucket,
      page.objects.map((object) => object.key),
    );
    if (page.cursor === undefined) return;
  }
}

async function deleteItems(ctx: SweepContext, pk: string, keep: readonly Key[]): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await ctx.table.query({ pk, ...(cursor === undefined ? {} : { cursor }) });
    for (const { sk } of page.items) {
      if (!keep.some((key) => key.sk === sk)) await ctx.table.write({ delete: { pk, sk } });
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}
