import { conflict } from "../contracts/api/errors.ts";
import { toErrorData } from "../errors.ts";
import { byDueKeys, jobKey, ownerKey } from "../keys/item-keys.ts";
import { RefusedError, type Write } from "../ports/index.ts";
import { isTerminal } from "../states/job-states.ts";
import type { ControlContext } from "../steps/context.ts";
import type { Edit } from "./edit.ts";
import { type FoundJob, findJob } from "./find.ts";
import { loadToken, TOKEN_SECONDS, tokenRow } from "./items.ts";
import { eventRow } from "./transition.ts";

const TRIES = 5;

/**
 * From now on the job is gone for everybody: out of the lists, 404, its Idempotency-Key answers 409; the sweeper purges
 * objects and items. Another owner's results at a destination of their own stay where they are.
 * @throws ApiError 404, 409 JOB_NOT_ENDED
 */
export async function deleteJob(ctx: ControlContext, { owner, id }: Edit): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const found = await findJob(ctx.table, owner, id);
    const { state } = found.job;
    if (state !== "NEW" && !isTerminal(state)) {
      throw conflict(
        "JOB_NOT_ENDED",
        `The job ${id} is ${state}; only a job that is NEW or has ended can be deleted. Abort it first, or wait for its end.`,
      );
    }
    try {
      await ctx.table.transact(await deleteWrites(ctx, found));
      break;
    } catch (error) {
      if (!(error instanceof RefusedError) || attempt === TRIES) throw error;
    }
  }
  try {
    await ctx.nudge.sweep(id);
  } catch (error) {
    // It is due in the sweeper's index: the schedule finds it within a minute.
    ctx.log.warn("NUDGE_LOST", { jobId: id, error: toErrorData(error) });
  }
}

async function deleteWrites(ctx: ControlContext, { job, spec }: FoundJob): Promise<Write[]> {
  const now = ctx.clock.now();
  const writes: Write[] = [
    {
      update: jobKey(job.id),
      changes: {
        set: { deletedAt: now, ...byDueKeys(now, job.id) },
        remove: ["ownerPk", "ownerSk", "statePk", "stateSk"],
      },
      if: { all: [{ eq: ["state", job.state] }, { eq: ["run", job.run] }, { missing: "deletedAt" }] },
    },
    { update: ownerKey(job.owner), changes: { add: { jobs: -1 } } },
    eventRow(ctx, {
      jobId: job.id,
      owner: job.owner,
      at: now,
      who: job.owner,
      what: "DELETED",
      run: job.run,
      from: job.state,
    }),
  ];
  const key = spec.idempotencyKey;
  const token = key === undefined ? undefined : await loadToken(ctx.table, job.owner, key);
  // An expired token may have made another job since.
  if (key !== undefined && token?.jobId === job.id) {
    const expires = Math.floor(now / 1_000) + TOKEN_SECONDS;
    writes.push({ put: tokenRow(job.owner, key, { ...token, deleted: true, expires }), if: { eq: ["jobId", job.id] } });
  }
  return writes;
}
