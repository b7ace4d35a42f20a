import { toErrorData } from "../errors.ts";
import type { ControlContext } from "../steps/context.ts";

/** Wakes the sweeper for the job. A nudge that is lost costs a minute: the job is due in the sweeper's index. */
export async function nudgeSweeper(ctx: Pick<ControlContext, "nudge" | "log">, jobId: string): Promise<void> {
  try {
    await ctx.nudge.sweep(jobId);
  } catch (error) {
    ctx.log.warn("NUDGE_LOST", { jobId, error: toErrorData(error) });
  }
}
