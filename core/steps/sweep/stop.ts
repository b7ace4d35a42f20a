/** How the sweeper ends what a run was at: one transition, on condition that nobody wishes otherwise meanwhile. */
import type { JobItem } from "../../contracts/job-items.ts";
import type { ErrorData } from "../../errors.ts";
import { failureStepOf } from "../../job/failure-step.ts";
import { type Transition, transition } from "../../job/transition.ts";
import { isRefused } from "../../ports/index.ts";
import type { SweepContext } from "../context.ts";

/** @returns false when the job had gone on, or the wish had risen: the next look finds out */
export async function stop(
  ctx: SweepContext,
  job: JobItem,
  to: "PAUSED" | "FAILED",
  more: Pick<Transition, "why" | "changes" | "dueAt">,
): Promise<boolean> {
  try {
    await transition(ctx, {
      jobId: job.id,
      owner: job.owner,
      from: job.state,
      to,
      run: job.run,
      who: "sweeper",
      if: [{ eq: ["wish", job.wish] }],
      ...more,
    });
    return true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

/** FAILED in the step that the job was at. @returns as `stop` */
export function failOf(ctx: SweepContext, job: JobItem, { code, message }: Omit<ErrorData, "retryable">) {
  const failure = { step: failureStepOf(job), code, message, retryable: true };
  return stop(ctx, job, "FAILED", { why: message, changes: { set: { failure } } });
}
