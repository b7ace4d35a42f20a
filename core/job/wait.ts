import { isTerminal, type JobState } from "../states/job-states.ts";
import type { JobContext } from "./context.ts";
import type { Edit } from "./edit.ts";
import { type FoundJob, findJob } from "./find.ts";
import { loadJob } from "./load.ts";

/** The longest poll, below the gateway's 29 s. */
export const MAX_WAIT_SECONDS = 25;
const EVERY_MS = 500;

export interface Waited extends FoundJob {
  /** The state, or what it waits for, is another than at the begin of the call. */
  readonly changed: boolean;
}

/**
 * Answers when the job's state changes, at once when it is terminal, or when the time is up; with `until` a change to another
 * state that isn't terminal doesn't count.
 * @throws ApiError 404, also when the job is deleted meanwhile
 */
export async function waitForJob(ctx: JobContext, edit: Edit, seconds: number, until?: JobState): Promise<Waited> {
  const first = await findJob(ctx.table, edit.owner, edit.id);
  const end = ctx.clock.now() + Math.min(seconds, MAX_WAIT_SECONDS) * 1_000;
  const standing = ({ state, waitingFor, run }: FoundJob["job"]): string => `${state}/${waitingFor ?? ""}/${run}`;
  const before = standing(first.job);
  let { job } = first;
  for (;;) {
    const changed = standing(job) !== before;
    const reached = until === undefined ? changed : job.state === until;
    const left = end - ctx.clock.now();
    if (reached || isTerminal(job.state) || left <= 0) {
      return { job, spec: changed ? (await findJob(ctx.table, edit.owner, edit.id)).spec : first.spec, changed };
    }
    await ctx.sleep(Math.min(EVERY_MS, left));
    const now = await loadJob(ctx.table, edit.id);
    job = now && !now.deletedAt ? now : (await findJob(ctx.table, edit.owner, edit.id)).job;
  }
}
