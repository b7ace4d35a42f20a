import type { JobItem } from "../../contracts/job-items.ts";
import { abortDelivery } from "../../delivery/abort.ts";
import { endRun, endUnnamedGates } from "../../gates/range.ts";
import { loadSpec } from "../../job/load.ts";
import { executionName } from "../../keys/execution-name.ts";
import type { SweepContext } from "../context.ts";
import type { Repair } from "./repair.ts";
import { failOf } from "./stop.ts";

/** The job's running time is used up: its run ends on its gates, its execution is stopped, and it is FAILED `JOB_TIMEOUT`. */
export async function timeOut(ctx: SweepContext, job: JobItem): Promise<Repair | undefined> {
  const { config } = await loadSpec(ctx.table, job.id);
  await endRun(ctx.table, job);
  await ctx.workflow.stop(executionName(job.id, job.run), "the job's time is used up");
  const message = `The job ran for longer than its jobTimeout of ${config.jobTimeout} s. What had ended is kept; requeue it to go on with the rest, or give the next one more time.`;
  // Refused: it ended in time after all, or was called off.
  if (!(await failOf(ctx, job, { code: "JOB_TIMEOUT", message }))) return undefined;
  await endUnnamedGates(ctx.table, job);
  await abortDelivery(ctx, job);
  return { kind: "TIMEOUT", what: "ended the job, whose time was used up" };
}
