import { LambdaNudge } from "../adapters/lambda/index.ts";
import { JsonLog } from "../adapters/system/index.ts";
import type { NudgePort } from "../core/ports/index.ts";

/** Wakes a sweep function; a lost call is a line in the log, for the schedule makes up for it. */
export function nudgeOf(sweepFunction: string): NudgePort {
  const log = new JsonLog();
  return new LambdaNudge({ sweepFunction, onLost: (error) => log.warn("NUDGE_LOST", { error: error.toData() }) });
}
