/**
 * The drain of a job whose tasks are to stop (wish PAUSE or FAIL): hold the gates, and when nothing is active any more, no
 * claim can pass: the execution is stopped, and the job is PAUSED, or FAILED with the reason that came with the wish.
 */
import type { JobItem } from "../../contracts/job-items.ts";
import { endRunOnGates, type GateRange, holdGates } from "../../gates/fence.ts";
import { loadGates, sumGates } from "../../gates/gates.ts";
import { executionName } from "../../keys/execution-name.ts";
import { WISHES } from "../../states/job-states.ts";
import type { SweepContext } from "../context.ts";
import { stop } from "./stop.ts";

export const isToDrain = (job: JobItem): boolean =>
  job.state === "PAUSING" || (job.state === "PARTITIONED" && job.wish === WISHES.FAIL);

/** @returns whether the job has stopped. */
export async function drain(ctx: SweepContext, job: JobItem): Promise<boolean> {
  const range: GateRange = { jobId: job.id, generation: job.generation, gates: job.gates ?? 1 };
  // A run that was resumed and held before its plan fenced anything: what dead workers of the run before hold is nobody's.
  if (job.run > 1) await endRunOnGates(ctx.table, range, job.run - 1);
  // The call that wished isn't one transaction with the gates: the sweeper holds them itself before it sums.
  await holdGates(ctx.table, range, { run: job.run });
  const { counts } = sumGates(await loadGates(ctx.table, job.id, job.generation, range.gates));
  if (counts.active > 0) return false;
  const isPause = job.wish === WISHES.PAUSE;
  await ctx.workflow.stop(executionName(job.id, job.run), isPause ? "the job is paused" : "the job's tasks failed");
  if (!isPause) await endRunOnGates(ctx.table, range, job.run);
  return isPause ? pause(ctx, job) : fail(ctx, job);
}

/** Nothing runs, and nothing is due until somebody resumes or aborts it. */
export function pause(ctx: SweepContext, job: JobItem): Promise<boolean> {
  return stop(ctx, job, "PAUSED", { dueAt: null });
}

/** With the reason that came with the wish. */
export function fail(ctx: SweepContext, job: JobItem): Promise<boolean> {
  const why = job.failure?.message ?? "The job's tasks were ended early.";
  const failure = { step: "tasks", code: "TASKS_FAILED", message: why, retryable: true } as const;
  return stop(ctx, job, "FAILED", { why, ...(job.failure ? {} : { changes: { set: { failure } } }) });
}
