/** The way from CANCELING to CANCELED: walked by the abort call, and by the sweeper when that call could not end it. */
import type { JobItem } from "../contracts/job-items.ts";
import { abortDelivery } from "../delivery/abort.ts";
import { publishedSoFar } from "../delivery/published.ts";
import { endRun } from "../gates/range.ts";
import { writeHint } from "../job/hint.ts";
import { transition } from "../job/transition.ts";
import { executionName } from "../keys/execution-name.ts";
import { isRefused } from "../ports/index.ts";
import { WISHES } from "../states/job-states.ts";
import type { SweepContext } from "../steps/context.ts";

/** publish λ times out after 60 s; whatever it had under way when its claim was revoked has ended by then. */
export const PUBLISH_ENDS_MS = 65_000;

/** When nothing of the job's delivery can appear any more, ms; 0 = nothing could. */
export const deliveryEndsAt = (job: JobItem): number => {
  if (job.interrupted !== "DOWNLOADING") return 0;
  return Math.max(job.stamps.CANCELING ?? 0, job.stamps.FAILED ?? 0) + PUBLISH_ENDS_MS;
};

/**
 * Ends the run on its gates, stops its execution, aborts its uploads, and when nothing of it can appear any more makes the job
 * CANCELED. Repeatable at any point.
 * @returns false when a publication may still be under way: then the sweeper comes again
 */
export async function finishCancel(ctx: SweepContext, job: JobItem, who: string): Promise<boolean> {
  await endRun(ctx.table, job);
  await ctx.workflow.stop(executionName(job.id, job.run), "the job was aborted");
  await writeHint(ctx, { owner: job.owner, jobId: job.id }, { run: job.run, round: job.round, wish: WISHES.CANCEL });
  await abortDelivery(ctx, job);
  if (ctx.clock.now() < deliveryEndsAt(job)) return false;
  const published = job.interrupted === "DOWNLOADING" ? await publishedSoFar(ctx, job) : undefined;
  try {
    await transition(ctx, {
      jobId: job.id,
      owner: job.owner,
      from: "CANCELING",
      to: "CANCELED",
      run: job.run,
      who,
      ...(published && published.objects > 0
        ? {
            why: `${published.objects} of ${published.of} objects stood at the destination before the abort took effect; they stay there.`,
            changes: { set: { published: { ...published } } },
          }
        : {}),
    });
  } catch (error) {
    if (!isRefused(error)) throw error; // another hand was faster
  }
  return true;
}
