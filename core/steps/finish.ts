/** finish λ: DOWNLOADING → COMPLETE. The delivery is published by then. */
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { loadJob, loadSpec } from "../job/load.ts";
import { SUPERSEDED } from "../job/step-claim.ts";
import { TEMPORARY_MS, transition } from "../job/transition.ts";
import { isRefused } from "../ports/index.ts";
import { WISHES } from "../states/job-states.ts";
import type { StepContext } from "./context.ts";

const ENDED: StepAnswer = { next: "ended" };

export async function finish(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  const job = await loadJob(ctx.table, input.jobId);
  if (!job || job.run !== input.run || job.deletedAt) return SUPERSEDED;
  if (job.state === "COMPLETE") return ENDED;
  if (job.state !== "DOWNLOADING" || job.wish >= WISHES.FAIL) return SUPERSEDED;
  const spec = await loadSpec(ctx.table, job.id);
  const purgeAt = spec.dataDestination?.kind === "bucket" ? ctx.clock.now() + TEMPORARY_MS : null;
  try {
    await transition(ctx, {
      jobId: job.id,
      owner: job.owner,
      from: "DOWNLOADING",
      to: "COMPLETE",
      run: job.run,
      who: "workflow",
      if: [{ lt: ["wish", WISHES.FAIL] }],
      changes: { set: purgeAt === null ? {} : { purgeAt } },
    });
    return ENDED;
  } catch (error) {
    if (isRefused(error)) return SUPERSEDED; // called off in between, or made by a late call of this run: either way the end
    throw error;
  }
}
