import { conflict } from "../contracts/api/errors.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { holdGates } from "../gates/fence.ts";
import { gateRangeOf } from "../gates/range.ts";
import type { Edit } from "../job/edit.ts";
import { writeHint } from "../job/hint.ts";
import { transition } from "../job/transition.ts";
import { WISHES } from "../states/job-states.ts";
import type { ControlContext } from "../steps/context.ts";
import { insist } from "./insist.ts";
import { nudgeSweeper } from "./nudge.ts";

/**
 * PARTITIONED → PAUSING: no new task starts, those in hand end, then the sweeper makes it PAUSED. Fine when the job is PAUSING
 * or PAUSED already; then what an earlier call may have left undone is done again.
 * @throws ApiError 404, 409 NOT_PAUSABLE naming the state
 */
export async function pauseJob(ctx: ControlContext, ask: Edit): Promise<void> {
  const job = await insist(ctx, ask, async (found) => {
    if (found.job.state === "PAUSED" || found.job.state === "PAUSING") return found.job;
    return enterPausing(ctx, found.job, ask.owner);
  });
  if (job.state === "PAUSED") return;
  await holdGates(ctx.table, gateRangeOf(job), { run: job.run });
  await writeHint(ctx, { owner: job.owner, jobId: job.id }, { run: job.run, round: job.round, wish: job.wish });
  await nudgeSweeper(ctx, job.id);
}

/** The wish only rises: a job that is to fail, fails also when it is paused on the way. @throws RefusedError, ApiError 409 */
async function enterPausing(ctx: ControlContext, job: JobItem, who: string): Promise<JobItem> {
  if (job.state !== "PARTITIONED") {
    throw conflict(
      "NOT_PAUSABLE",
      `The job ${job.id} is ${job.state}; only a job whose tasks are running (PARTITIONED) can be paused. Abort it, or wait.`,
    );
  }
  const wish = Math.max(job.wish, WISHES.PAUSE);
  await transition(ctx, {
    jobId: job.id,
    owner: job.owner,
    from: "PARTITIONED",
    to: "PAUSING",
    run: job.run,
    who,
    if: [{ eq: ["wish", job.wish] }],
    changes: { set: { wish } },
  });
  return { ...job, state: "PAUSING", wish };
}
