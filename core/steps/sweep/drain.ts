/**
 * The drain of a job whose tasks are to end early (wish FAIL): hold the gates, and when nothing is active any more, no claim
 * can pass: the execution is stopped, the run ended on its gates, and the job FAILED with the reason that came with the wish.
 */
import type { JobItem } from "../../contracts/job-items.ts";
import { endRunOnGates, type GateRange, holdGates } from "../../gates/fence.ts";
import { loadGates, sumGates } from "../../gates/gates.ts";
import { transition } from "../../job/transition.ts";
import { executionName } from "../../keys/execution-name.ts";
import { isRefused } from "../../ports/index.ts";
import { WISHES } from "../../states/job-states.ts";
import type { SweepContext } from "../context.ts";

export async function drain(ctx: SweepContext, job: JobItem): Promise<string | undefined> {
  if ((job.state !== "PARTITIONED" && job.state !== "PAUSING") || job.gates === undefined) return undefined;
  const range: GateRange = { jobId: job.id, generation: job.generation, gates: job.gates };
  // The call that wished isn't one transaction with the gates: the sweeper holds them itself before it sums.
  await holdGates(ctx.table, range, { run: job.run });
  const { counts } = sumGates(await loadGates(ctx.table, job.id, job.generation, job.gates));
  if (counts.active > 0) return undefined;
  await ctx.workflow.stop(executionName(job.id, job.run), "the job's tasks failed beyond its tolerance");
  await endRunOnGates(ctx.table, range, job.run);
  const why = job.failure?.message ?? "The job's tasks were ended early.";
  try {
    await transition(ctx, {
      jobId: job.id,
      owner: job.owner,
      from: job.state,
      to: "FAILED",
      run: job.run,
      who: "sweeper",
      why,
      if: [{ eq: ["wish", WISHES.FAIL] }],
      ...(job.failure
        ? {}
        : { changes: { set: { failure: { step: "tasks", code: "TASKS_FAILED", message: why, retryable: true } } } }),
    });
    return "drained its tasks and ended the run";
  } catch (error) {
    if (isRefused(error)) return undefined; // settle was first, or the user canceled it
    throw error;
  }
}
