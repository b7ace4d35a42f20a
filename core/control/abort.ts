import { conflict } from "../contracts/api/errors.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { abortDelivery } from "../delivery/abort.ts";
import { toErrorData } from "../errors.ts";
import { endRun } from "../gates/range.ts";
import { deleteJob } from "../job/delete.ts";
import type { Edit } from "../job/edit.ts";
import { transition } from "../job/transition.ts";
import { isActive, WISHES } from "../states/job-states.ts";
import type { ControlContext } from "../steps/context.ts";
import { deliveryEndsAt, finishCancel } from "./cancel.ts";
import { insist } from "./insist.ts";
import { nudgeSweeper } from "./nudge.ts";

/**
 * Ends the job: its wish is CANCEL, its state CANCELING, and unless a publication is under way it is CANCELED when this
 * answers. What this call can't end, the sweeper does. A NEW job is deleted. Fine when it is CANCELING or CANCELED already.
 * @throws ApiError 404, 409 NOT_ABORTABLE naming the state, 409 DELIVERY_ENDING with the seconds to wait
 */
export async function abortJob(ctx: ControlContext, ask: Edit): Promise<void> {
  const canceling = await insist(ctx, ask, async ({ job }) => {
    if (job.state === "NEW") return deleteJob(ctx, ask);
    if (job.state === "CANCELED") return undefined;
    if (job.state === "CANCELING") return job;
    if (job.state === "FAILED") return cancelFailed(ctx, job, ask.owner);
    return enterCanceling(ctx, job, ask.owner);
  });
  if (!canceling) return;
  try {
    if (await finishCancel(ctx, canceling, ask.owner)) return;
  } catch (error) {
    // The job is CANCELING and due: from here on the sweeper ends it, whatever stood in our way.
    ctx.log.warn("CANCEL_UNFINISHED", { jobId: ask.id, error: toErrorData(error) });
  }
  await nudgeSweeper(ctx, ask.id);
}

/** @throws RefusedError, ApiError 409 */
async function enterCanceling(ctx: ControlContext, job: JobItem, who: string): Promise<JobItem> {
  if (!isActive(job.state)) {
    throw conflict(
      "NOT_ABORTABLE",
      `The job ${job.id} is ${job.state}; there is nothing to abort. It can be deleted or requeued.`,
    );
  }
  const now = ctx.clock.now();
  // A pause that ends so doesn't count in the job's duration either.
  const paused =
    job.state === "PAUSED" ? { pausedMs: (job.pausedMs ?? 0) + Math.max(0, now - (job.stamps.PAUSED ?? now)) } : {};
  await transition(ctx, {
    jobId: job.id,
    owner: job.owner,
    from: job.state,
    to: "CANCELING",
    run: job.run,
    who,
    changes: { set: { wish: WISHES.CANCEL, ...paused }, remove: ["waitingFor"] },
  });
  const isHeld = job.state === "PAUSING" || job.state === "PAUSED";
  return {
    ...job,
    ...paused,
    state: "CANCELING",
    wish: WISHES.CANCEL,
    stamps: { ...job.stamps, CANCELING: now },
    ...(isHeld ? {} : { interrupted: job.state }),
  };
}

/** Its gates and uploads first: then nothing of the failed run is left that could still come. @throws RefusedError, ApiError 409 */
async function cancelFailed(ctx: ControlContext, job: JobItem, who: string): Promise<undefined> {
  const wait = deliveryEndsAt(job) - ctx.clock.now();
  if (wait > 0) {
    throw conflict(
      "DELIVERY_ENDING",
      `The job ${job.id} FAILED while it was publishing, and a last object may still appear; abort it in ${Math.ceil(wait / 1_000)} s.`,
    );
  }
  await endRun(ctx.table, job);
  await abortDelivery(ctx, job);
  await transition(ctx, {
    jobId: job.id,
    owner: job.owner,
    from: "FAILED",
    to: "CANCELED",
    run: job.run,
    who,
    changes: { set: { wish: WISHES.CANCEL } },
  });
  return undefined;
}
