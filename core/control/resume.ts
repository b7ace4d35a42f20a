import { conflict } from "../contracts/api/errors.ts";
import type { JobItem } from "../contracts/job-items.ts";
import type { Edit } from "../job/edit.ts";
import { startExecution } from "../job/start.ts";
import { transition } from "../job/transition.ts";
import { isActive, WISHES } from "../states/job-states.ts";
import type { ControlContext } from "../steps/context.ts";
import { insist } from "./insist.ts";

/**
 * PAUSED → PARTITIONED in the next run, which goes on with what is left. Fine when the job's present run is one that a resume
 * began. The pause doesn't count in the job's duration, nor for its timeout.
 * @throws ApiError 404, 409 NOT_RESUMABLE naming the state
 */
export async function resumeJob(ctx: ControlContext, ask: Edit): Promise<void> {
  const job = await insist(ctx, ask, async (found) => {
    if (found.job.state === "PAUSED") return takeNextRun(ctx, found.job, ask.owner);
    if (found.job.state === "PARTITIONED" && found.job.startedBy === "resume") return found.job;
    const isOn = found.job.startedBy === "resume" && isActive(found.job.state);
    if (isOn && found.job.state !== "PAUSING" && found.job.state !== "CANCELING") return undefined;
    throw conflict("NOT_RESUMABLE", `The job ${ask.id} is ${found.job.state}; ${REMEDY(found.job)}`);
  });
  if (job) await startExecution(ctx, job);
}

const REMEDY = ({ state }: JobItem): string =>
  state === "PAUSING"
    ? "it is resumed once it is PAUSED: when the tasks in hand have ended."
    : "only a PAUSED job can be resumed; a job that has ended is requeued.";

/** @throws RefusedError */
async function takeNextRun(ctx: ControlContext, job: JobItem, who: string): Promise<JobItem> {
  const now = ctx.clock.now();
  const paused = Math.max(0, now - (job.stamps.PAUSED ?? now));
  const times = {
    pausedMs: (job.pausedMs ?? 0) + paused,
    ...(job.timeoutAt === undefined ? {} : { timeoutAt: job.timeoutAt + paused }),
  };
  const run = job.run + 1;
  await transition(ctx, {
    jobId: job.id,
    owner: job.owner,
    from: "PAUSED",
    to: "PARTITIONED",
    run: job.run,
    nextRun: run,
    who,
    if: [{ eq: ["wish", WISHES.PAUSE] }],
    changes: { set: { ...times, wish: WISHES.NONE, round: 0, startedBy: "resume" } },
  });
  return { ...job, ...times, state: "PARTITIONED", run, round: 0, wish: WISHES.NONE, startedBy: "resume" };
}
