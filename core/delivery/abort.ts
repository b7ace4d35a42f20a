import type { JobItem } from "../contracts/job-items.ts";
import { loadJob } from "../job/load.ts";
import { type JobPlace, jobPrefix } from "../keys/object-keys.ts";
import type { StepContext } from "../steps/context.ts";
import { abortUntilGone, endGroup, recordedGroups } from "./upload-groups.ts";

type Ports = Pick<StepContext, "objects" | "table" | "clock"> & {
  readonly settings: Pick<StepContext["settings"], "bucket">;
};

/**
 * Aborts every upload that the job has under way, of all its runs up to the one it was read in, until they are gone: in the
 * deployment's bucket (output, staging) and at the destination. An upload must not outlive its job: called when it failed,
 * was aborted or is deleted, and again a function's life later, since a late call may have begun another. Repeatable; touches
 * nothing of a run that began meanwhile. Which uploads count as the job's at a destination that is shared: docs/adr/0013.
 * @returns false when a late call may still begin uploads: another look is due 16 minutes later
 */
export async function abortDelivery(ctx: Ports, job: JobItem): Promise<boolean> {
  const place: JobPlace = { owner: job.owner, jobId: job.id };
  const isSameRun = async (): Promise<boolean> => {
    const now = await loadJob(ctx.table, job.id);
    return now === undefined || now.run === job.run;
  };
  await abortUntilGone(ctx.objects, ctx.settings.bucket, jobPrefix(place), () => true, isSameRun);
  let isSettled = true;
  for await (const group of recordedGroups(ctx, place, job.run)) {
    if (!(await endGroup(ctx, group, { mayAbortFound: isSameRun }))) isSettled = false;
  }
  return isSettled;
}
