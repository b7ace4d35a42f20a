/**
 * The looks at a job that has ended: a minute later for what its run may have left behind, once more when a late deliver λ may
 * have begun uploads since, and when its temporary results have had their time.
 */
import type { JobItem } from "../../contracts/job-items.ts";
import { abortDelivery } from "../../delivery/abort.ts";
import { loadGates } from "../../gates/gates.ts";
import { endRun, gateRangeOf } from "../../gates/range.ts";
import { executionName } from "../../keys/execution-name.ts";
import { byDueKeys, jobKey } from "../../keys/item-keys.ts";
import { isRefused } from "../../ports/index.ts";
import type { SweepContext } from "../context.ts";
import { purgeTemporary } from "./purge.ts";
import type { Repair } from "./repair.ts";

/** A function lives 15 minutes at most: after this no deliver λ of an ended run begins another upload. */
const ZOMBIES_END_MS = 16 * 60_000;

export async function lookBack(ctx: SweepContext, job: JobItem): Promise<readonly Repair[]> {
  const repairs: Repair[] = [];
  const gates = await loadGates(ctx.table, job.id, job.generation, gateRangeOf(job).gates);
  if (gates.some(({ mode, run }) => mode !== "closed" && run <= job.run)) {
    await endRun(ctx.table, job);
    repairs.push({ kind: "GATES", what: "closed gates that the ended run had left" });
  }
  const name = executionName(job.id, job.run);
  if ((await ctx.workflow.status(name)) === "running") {
    await ctx.workflow.stop(name, `the job is ${job.state}`);
    repairs.push({ kind: "EXECUTION", what: "stopped the ended run's execution" });
  }
  const isSettled = await abortDelivery(ctx, job);
  const now = ctx.clock.now();
  if (job.purgeAt !== undefined && job.purgeAt <= now && !job.purged) await purgeTemporary(ctx, job);
  else await lookAgain(ctx, job, now, isSettled);
  return repairs;
}

async function lookAgain(ctx: SweepContext, job: JobItem, now: number, isSettled: boolean): Promise<void> {
  const hasDelivered = job.interrupted === "MERGED" || job.interrupted === "DOWNLOADING";
  const looks = [
    ...(hasDelivered && job.state !== "COMPLETE" ? [(job.endedAt ?? now) + ZOMBIES_END_MS] : []),
    ...(isSettled ? [] : [now + ZOMBIES_END_MS]),
    ...(job.purgeAt === undefined || job.purged ? [] : [job.purgeAt]),
  ].filter((at) => at > now);
  try {
    await ctx.table.write({
      update: jobKey(job.id),
      changes: looks.length > 0 ? { set: byDueKeys(Math.min(...looks), job.id) } : { remove: ["duePk", "dueSk"] },
      if: { all: [{ eq: ["state", job.state] }, { eq: ["run", job.run] }, { missing: "deletedAt" }] },
    });
  } catch (error) {
    if (!isRefused(error)) throw error; // requeued meanwhile: its transition has set its own
  }
}
