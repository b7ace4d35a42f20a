/**
 * Ending a job's tasks early: the wish FAIL on the job, the gates held, the sweeper nudged to drain it. The wish only rises,
 * and is set only on a job of this run that is still handing out tasks.
 */
import type { ChildInput } from "../contracts/workflow.ts";
import type { ErrorData } from "../errors.ts";
import { holdGates } from "../gates/fence.ts";
import { loadGates, sumGates, withinTolerance } from "../gates/gates.ts";
import { writeHint } from "../job/hint.ts";
import { jobKey } from "../keys/item-keys.ts";
import { isRefused } from "../ports/index.ts";
import { WISHES } from "../states/job-states.ts";
import type { NudgingContext } from "./context.ts";

/** failFast: sums the gates after a commit that added FAILED tasks; with the tolerance broken the job ends early. */
export async function failFastIfBroken(ctx: NudgingContext, input: ChildInput): Promise<void> {
  const { policy } = input;
  const { counts } = sumGates(await loadGates(ctx.table, input.jobId, input.generation, policy.gates));
  if (withinTolerance(counts.failed, policy.tolerated, policy.total)) return;
  await failJobOfTasks(ctx, input, {
    code: "TOLERANCE_EXCEEDED",
    message: `${counts.failed} of ${policy.total} tasks failed, more than the tolerated ${policy.tolerated} %; failFast ended the job early. See the tasks' errors, mend the input or the app, then requeue.`,
    retryable: false,
  });
}

export async function failJobOfTasks(ctx: NudgingContext, input: ChildInput, error: ErrorData): Promise<void> {
  try {
    await ctx.table.write({
      update: jobKey(input.jobId),
      changes: {
        set: {
          wish: WISHES.FAIL,
          failure: { step: "tasks", code: error.code, message: error.message, retryable: error.retryable },
        },
      },
      if: {
        all: [{ eq: ["run", input.run] }, { in: ["state", ["PARTITIONED", "PAUSING"]] }, { lt: ["wish", WISHES.FAIL] }],
      },
    });
  } catch (error) {
    if (!isRefused(error)) throw error; // refused: it is wished already, or the job has gone on
  }
  await holdGates(
    ctx.table,
    { jobId: input.jobId, generation: input.generation, gates: input.policy.gates },
    { run: input.run },
  );
  await writeHint(ctx, input, { run: input.run, round: input.round, wish: WISHES.FAIL });
  await ctx.nudge.sweep(input.jobId);
}
