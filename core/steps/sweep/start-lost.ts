import type { JobItem } from "../../contracts/job-items.ts";
import { executionName } from "../../keys/execution-name.ts";
import type { SweepContext } from "../context.ts";

/** A run accepted this long ago without an execution was never started: its caller died in between. */
const LOST_AFTER_MS = 30_000;

/** Starts it with the same name and input; an execution that exists means that it was started after all. */
export async function startLost(ctx: SweepContext, job: JobItem): Promise<string | undefined> {
  const waits = job.waitingFor === undefined || job.waitingFor === "START_AT";
  const accepted = job.stamps.STARTED ?? job.createdAt;
  if (job.state !== "STARTED" || !waits || ctx.clock.now() - accepted < LOST_AFTER_MS) return undefined;
  const name = executionName(job.id, job.run);
  // Asked first: a start of one that runs already may answer like the first, and a job may wait for its startAt for weeks.
  if ((await ctx.workflow.status(name)) !== "missing") return undefined;
  const { started } = await ctx.workflow.start(name, { jobId: job.id, run: job.run });
  return started ? "started the run, whose start had been lost" : undefined;
}
