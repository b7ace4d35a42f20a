/**
 * sweep λ: the repairs of what a crash left, every minute, on status events of executions, and when nudged for one job. It
 * works from the sparse index on the time a job next needs a look. Safe to run twice at once: every repair is conditional.
 *
 * Duties: the drain of a job that is to stop, a start that was lost, an execution that ended behind our back, jobTimeout, an
 * abort that its call couldn't end, what an ended run left behind, purging deleted jobs and 48 h results.
 */
import type { JobItem } from "../contracts/job-items.ts";
import type { SweepEvent } from "../contracts/workflow.ts";
import { deliveryEndsAt, finishCancel } from "../control/cancel.ts";
import { toErrorData } from "../errors.ts";
import { loadJob } from "../job/load.ts";
import { eventRow, LOOK_AFTER_MS } from "../job/transition.ts";
import { byDueKeys, DUE_PK, dueAtOf, jobKey } from "../keys/item-keys.ts";
import { isRefused } from "../ports/index.ts";
import { isActive } from "../states/job-states.ts";
import type { SweepContext } from "./context.ts";
import { drain, isToDrain } from "./sweep/drain.ts";
import { lookBack } from "./sweep/look-back.ts";
import { purgeDeleted } from "./sweep/purge.ts";
import type { Repair } from "./sweep/repair.ts";
import { timeOut } from "./sweep/time-out.ts";
import { repairWorkflow } from "./sweep/workflow-lost.ts";

/** Jobs looked at by one invocation; what is left over is due still and comes next minute. */
const MOST_JOBS = 500;

export interface SweepReport {
  readonly looked: number;
  readonly repairs: readonly (Repair & { readonly jobId: string })[];
}

export async function sweep(ctx: SweepContext, event: SweepEvent): Promise<SweepReport> {
  const told = event.detail && /^(.+)-r(\d+)$/.exec(event.detail.name); // execution names are `<jobId>-r<run>`
  const ids = event.jobId !== undefined ? [event.jobId] : told?.[1] ? [told[1]] : await dueJobs(ctx);
  const repairs: (Repair & { readonly jobId: string })[] = [];
  for (const jobId of ids) {
    try {
      const made = await lookAt(ctx, jobId, told ? Number(told[2]) : undefined);
      for (const repair of made) repairs.push({ jobId, ...repair });
    } catch (error) {
      // One job that can't be repaired now mustn't keep the others from it; it stays due.
      ctx.log.error("SWEEP_FAILED", { jobId, error: toErrorData(error) });
    }
  }
  return { looked: ids.length, repairs };
}

async function dueJobs(ctx: SweepContext): Promise<readonly string[]> {
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

/** @param endedRun the run whose execution has ended, when an event told so */
async function lookAt(ctx: SweepContext, jobId: string, endedRun: number | undefined): Promise<readonly Repair[]> {
  const job = await loadJob(ctx.table, jobId);
  if (!job) return [];
  if (job.deletedAt) {
    await purgeDeleted(ctx, job);
    return [];
  }
  const now = ctx.clock.now();
  const isDue = dueAtOf(job) <= now;
  const repairs = isActive(job.state)
    ? await lookAtActive(ctx, job, endedRun === job.run)
    : isDue
      ? await lookBack(ctx, job)
      : [];
  for (const repair of repairs) await tell(ctx, job, repair);
  return repairs;
}

async function lookAtActive(ctx: SweepContext, job: JobItem, told: boolean): Promise<readonly Repair[]> {
  if (job.state === "PAUSED") return []; // it needs no look: whatever nudged us came late
  const repair = await duty(ctx, job, told);
  if (repair !== "stopped") await lookLater(ctx, job);
  return repair === "stopped" || repair === undefined ? [] : [repair];
}

/** The first of the duties that the job is in need of. */
async function duty(ctx: SweepContext, job: JobItem, told: boolean): Promise<Repair | "stopped" | undefined> {
  if (job.state === "CANCELING") {
    if (!(await finishCancel(ctx, job, "sweeper"))) return undefined;
    return { kind: "CANCEL", what: "ended the abort" };
  }
  if (job.timeoutAt !== undefined && job.timeoutAt <= ctx.clock.now()) return timeOut(ctx, job);
  if (isToDrain(job) && (await drain(ctx, job))) return "stopped";
  return repairWorkflow(ctx, job, told);
}

/** Puts the next look off; refused when the job has moved meanwhile (then its transition has set its own). */
async function lookLater(ctx: SweepContext, job: JobItem): Promise<void> {
  const now = ctx.clock.now();
  const special = job.state === "CANCELING" ? deliveryEndsAt(job) : (job.timeoutAt ?? 0);
  const at = special > now ? Math.min(special, now + LOOK_AFTER_MS) : now + LOOK_AFTER_MS;
  try {
    await ctx.table.write({
      update: jobKey(job.id),
      changes: { set: byDueKeys(at, job.id) },
      if: { all: [{ eq: ["state", job.state] }, { eq: ["run", job.run] }, { missing: "deletedAt" }] },
    });
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
}

async function tell(ctx: SweepContext, job: JobItem, { kind, what }: Repair): Promise<void> {
  ctx.log.info("SWEEP_REPAIRED", { jobId: job.id, kind, what });
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
