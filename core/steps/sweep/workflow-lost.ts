/** A run whose execution isn't there: never started, or ended behind our back (stopped by hand, its history full). */
import type { JobItem } from "../../contracts/job-items.ts";
import { loadGates, sumGates } from "../../gates/gates.ts";
import { endRun, endUnnamedGates } from "../../gates/range.ts";
import { awaitsExecution } from "../../job/start.ts";
import { LOOK_AFTER_MS } from "../../job/transition.ts";
import { executionName } from "../../keys/execution-name.ts";
import { WISHES } from "../../states/job-states.ts";
import type { SweepContext } from "../context.ts";
import { fail, pause } from "./drain.ts";
import type { Repair } from "./repair.ts";
import { failOf } from "./stop.ts";

/** A run accepted this long ago without an execution was never started: its caller died in between. */
const START_LOST_MS = 30_000;
/**
 * Step Functions is only asked about a job that has stood still for this long, unless an event told of its execution. With
 * the sweeper's minute behind it, which may have just passed, that is within two minutes of when it stood still.
 */
const STILL_MS = LOOK_AFTER_MS;
const LOST =
  "The execution of the job's workflow ended without a word: it was stopped from outside, or it broke. Nothing that had ended is lost; requeue the job to go on.";

/** @param told an event said that the execution of this very run has ended */
export async function repairWorkflow(ctx: SweepContext, job: JobItem, told: boolean): Promise<Repair | undefined> {
  if (job.state === "STARTED" && job.waitingFor === "UPLOAD") return undefined; // none is to be there yet
  if (!told && !(await standsStill(ctx, job))) return undefined;
  const name = executionName(job.id, job.run);
  const status = await ctx.workflow.status(name);
  if (status === "running") return undefined;
  if (status === "missing") return startLost(ctx, job);
  return endLost(ctx, job);
}

async function standsStill(ctx: SweepContext, job: JobItem): Promise<boolean> {
  const now = ctx.clock.now();
  const entered = job.stamps[job.state] ?? job.createdAt;
  if (now - entered < (awaitsExecution(job) ? START_LOST_MS : STILL_MS)) return false;
  if (job.state !== "PARTITIONED" && job.state !== "PAUSING") return true;
  const { movedAt } = sumGates(await loadGates(ctx.table, job.id, job.generation, job.gates ?? 1));
  return now - (movedAt ?? 0) >= STILL_MS;
}

/** With the same name and input: an execution that exists after all stays the only one. It goes on from the job's state. */
async function startLost(ctx: SweepContext, job: JobItem): Promise<Repair | undefined> {
  const { started } = await ctx.workflow.start(executionName(job.id, job.run), { jobId: job.id, run: job.run });
  return started ? { kind: "START", what: "started the run, whose start had been lost" } : undefined;
}

/** The run is ended on its gates; then what was wished comes true, or the job says that its workflow was lost. */
async function endLost(ctx: SweepContext, job: JobItem): Promise<Repair | undefined> {
  await endRun(ctx.table, job);
  const what = "ended the run, whose execution had ended without a word";
  const ended =
    job.state === "PAUSING" && job.wish === WISHES.PAUSE
      ? await pause(ctx, job)
      : job.wish === WISHES.FAIL
        ? await fail(ctx, job)
        : await failOf(ctx, job, { code: "WORKFLOW_LOST", message: LOST });
  if (ended) await endUnnamedGates(ctx.table, job);
  return ended ? { kind: "WORKFLOW", what } : undefined;
}
