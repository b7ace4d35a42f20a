/**
 * sweep λ: the repairs of what a crash left, every minute, on status events of executions, and when nudged for one job. It
 * works from the sparse index on the time a job next needs a look. Safe to run twice at once: every repair is conditional.
 *
 * Duties here: purging deleted jobs and 48 h results, a start that was lost, the drain of a job whose tasks are to end early.
 */
import type { JobItem } from "../contracts/job-items.ts";
import type { SweepEvent } from "../contracts/workflow.ts";
import { toErrorData } from "../errors.ts";
import { loadJob } from "../job/load.ts";
import { eventRow, LOOK_AFTER_MS } from "../job/transition.ts";
import { byDueKeys, DUE_PK, jobKey } from "../keys/item-keys.ts";
import { isRefused } from "../ports/index.ts";
import { isActive, WISHES } from "../states/job-states.ts";
import type { SweepContext } from "./context.ts";
import { drain } from "./sweep/drain.ts";
import { purgeDeleted, purgeTemporary } from "./sweep/purge.ts";
import { startLost } from "./sweep/start-lost.ts";

/** Jobs looked at by one invocation; what is left over is due still and comes next minute. */
const MOST_JOBS = 500;

export interface SweepReport {
  readonly looked: number;
  /** Job id → what was repaired. */
  readonly repaired: Readonly<Record<string, string>>;
}

export async function sweep(ctx: SweepContext, event: SweepEvent): Promise<SweepReport> {
  const ids = await dueJobs(ctx, event);
  const repaired: Record<string, string> = {};
  for (const jobId of ids) {
    try {
      const what = await lookAt(ctx, jobId);
      if (what) repaired[jobId] = what;
    } catch (error) {
      // One job that can't be repaired now mustn't keep the others from it; it stays due.
      ctx.log.error("SWEEP_FAILED", { jobId, error: toErrorData(error) });
    }
  }
  return { looked: ids.length, repaired };
}

async function dueJobs(ctx: SweepContext, event: SweepEvent): Promise<readonly string[]> {
  if (event.jobId !== undefined) return [event.jobId];
  // Execution names are `<jobId>-r<run>`.
  const ended = event.detail && /^(.+)-r\d+$/.exec(event.detail.name)?.[1];
  if (ended) return [ended];
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await ctx.table.query({
      pk: DUE_PK,
      index: "byDue",
      between: ["0", byDueKeys(ctx.clock.now() + 1, "").dueSk],
      limit: 100,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const item of page.items) ids.push(item.pk.slice("JOB#".length));
    cursor = page.cursor;
  } while (cursor !== undefined && ids.length < MOST_JOBS);
  return ids;
}

/** @returns what was repaired, if anything. */
async function lookAt(ctx: SweepContext, jobId: string): Promise<string | undefined> {
  const job = await loadJob(ctx.table, jobId);
  if (!job) return undefined;
  if (job.deletedAt) return purgeDeleted(ctx, job);
  const now = ctx.clock.now();
  if (!isActive(job.state)) {
    if (job.purgeAt !== undefined && job.purgeAt <= now && !job.purged) return purgeTemporary(ctx, job);
    return undefined;
  }
  const repaired = job.wish === WISHES.FAIL ? await drain(ctx, job) : await startLost(ctx, job);
  if (repaired) await tell(ctx, job, repaired);
  // A PAUSED job needs no look: whatever nudged us came late.
  if (job.state !== "PAUSED") await lookLater(ctx, job, now);
  return repaired;
}

/** Puts the next look off; refused when the job has moved meanwhile (then its transition has set its own). */
async function lookLater(ctx: SweepContext, job: JobItem, now: number): Promise<void> {
  try {
    await ctx.table.write({
      update: jobKey(job.id),
      changes: { set: byDueKeys(now + LOOK_AFTER_MS, job.id) },
      if: { all: [{ eq: ["state", job.state] }, { eq: ["run", job.run] }, { missing: "deletedAt" }] },
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
}

async function tell(ctx: SweepContext, job: JobItem, what: string): Promise<void> {
  ctx.log.info("SWEEP_REPAIRED", { jobId: job.id, what });
  await ctx.table.write(
    eventRow(ctx, {
      jobId: job.id,
      owner: job.owner,
      at: ctx.clock.now(),
      who: "sweeper",
      what: "REPAIR",
      run: job.run,
      why: what,
    }),
  );
}
