/**
 * fail λ: any step failed for good. Ends the run on its gates first, so that no worker of it can change anything any more,
 * then makes the transition with a `failure` that names the step, the cause and the remedy.
 */
import { dataOfCause } from "../contracts/caught.ts";
import type { Failure, JobItem } from "../contracts/job-items.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { abortDelivery } from "../delivery/abort.ts";
import { JobJobError } from "../errors.ts";
import { endRun, endUnnamedGates } from "../gates/range.ts";
import { failureStepOf } from "../job/failure-step.ts";
import { loadJob } from "../job/load.ts";
import { SUPERSEDED } from "../job/step-claim.ts";
import { transition } from "../job/transition.ts";
import { RefusedError } from "../ports/index.ts";
import { mayBecome, WISHES } from "../states/job-states.ts";
import type { StepContext } from "./context.ts";

const TRIES = 20;

export async function fail(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const job = await loadJob(ctx.table, input.jobId);
    if (!job || job.run !== input.run || job.deletedAt) return SUPERSEDED;
    if (job.state === "FAILED") return ended(ctx, job); // an earlier call died in between, or its answer was lost
    // A PAUSED job's execution was stopped on purpose: this call comes late.
    if (job.state === "PAUSED" || !mayBecome(job.state, "FAILED")) return SUPERSEDED;
    await endRun(ctx.table, job);
    // Already ending for another reason: what broke on the way doesn't hide it.
    const failure = (job.wish === WISHES.FAIL && job.failure) || failureOf(job, input);
    try {
      await transition(ctx, {
        jobId: job.id,
        owner: job.owner,
        from: job.state,
        to: "FAILED",
        run: job.run,
        who: "workflow",
        why: failure.message,
        if: [{ eq: ["wish", job.wish] }],
        changes: {
          set: {
            failure: { step: failure.step, code: failure.code, message: failure.message, retryable: failure.retryable },
          },
        },
      });
    } catch (error) {
      if (error instanceof RefusedError) continue; // the job moved on in between: look again
      throw error;
    }
    return ended(ctx, job);
  }
  throw new JobJobError({
    code: "JOB_BUSY",
    message: `The job ${input.jobId} kept changing while it was to be failed; the step is tried again.`,
    retryable: true,
  });
}

/** Repeatable: no upload outlives its job. */
async function ended(ctx: StepContext, job: JobItem): Promise<StepAnswer> {
  await endUnnamedGates(ctx.table, job);
  await abortDelivery(ctx, job);
  return { next: "ended" };
}

function failureOf(job: JobItem, input: StepInput): Failure {
  const step = failureStepOf(job);
  const caught = input.caught;
  // What was caught comes last: `$.step` is then still the answer of the step before.
  const error = caught ? dataOfCause(caught.Cause) : input.step?.next === "fail" ? input.step.error : undefined;
  if (error) return { step, code: error.code, message: error.message.slice(0, 900), retryable: error.retryable };
  return {
    step,
    code: caught?.Error === "States.DataLimitExceeded" ? "PAYLOAD_TOO_LARGE" : "STEP_BROKE",
    message: `The step ${step} broke (${caught?.Error ?? "unknown error"}: ${(caught?.Cause ?? "no cause given").slice(0, 400)}). Its function's log has the details; requeue the job once the cause is mended.`,
    retryable: true,
  };
}
