import { SFNClient } from "@aws-sdk/client-sfn";
import { STEP_FLOW } from "../../core/contracts/flow.ts";
import { FAILURE_STEPS } from "../../core/contracts/job-items.ts";
import { historyOf } from "./execution-history.ts";

/** From submit on, without gaps: a phase lasts until the workflow enters the next one. `tasks` is the Map. A job fails in one of them. */
export const PHASES = FAILURE_STEPS;
export type Phase = (typeof PHASES)[number];

const STATES: ReadonlySet<string> = new Set([...Object.keys(STEP_FLOW), "tasks"]);
const isPhase = (name: string): name is Phase => STATES.has(name) && PHASES.some((phase) => phase === name);

/**
 * Seconds of each phase of an execution, from its history.
 * @param submittedAt the begin of `start`, ms since the epoch
 * @param endedAt the end of the last phase, ms since the epoch
 */
export async function phasesOf(
  executionArn: string,
  submittedAt: number,
  endedAt: number,
): Promise<Readonly<Record<Phase, number>>> {
  const seconds = Object.fromEntries(PHASES.map((phase) => [phase, 0])) as Record<Phase, number>;
  let phase: Phase = "start";
  let since = submittedAt;
  const until = (at: number): void => {
    seconds[phase] += (at - since) / 1_000;
    since = at;
  };
  for (const { stateEnteredEventDetails, timestamp } of await historyOf(new SFNClient({}), executionArn)) {
    const name = stateEnteredEventDetails?.name?.toLowerCase() ?? "";
    if (!timestamp || !isPhase(name)) continue;
    until(timestamp.getTime());
    phase = name;
  }
  until(endedAt);
  return seconds;
}
