/** What a run of chaos has to say, and whether it passed. */
import { leastKills, type Result } from "./chaos.ts";
import { LOST_LIMIT_MS } from "./driver.ts";

export interface Report {
  readonly lines: readonly string[];
  /** None: it passed. */
  readonly problems: readonly string[];
}

export function report({ outcomes, cells, kills, left }: Result, jobs: number): Report {
  const canceled = outcomes.filter(({ state }) => state === "CANCELED");
  const complete = outcomes.filter(({ state, problems }) => state === "COMPLETE" && problems.length === 0);
  const stops = outcomes.flatMap((outcome) => outcome.stops);
  const lost = stops.flatMap(({ lostAfterMs }) => lostAfterMs ?? []);
  const runs = outcomes.map((outcome) => outcome.runs);
  const most = (numbers: readonly number[]): number => Math.max(0, ...numbers);
  return {
    lines: [
      "",
      "What was done, by the state that it met a job in (3: three times; 2r: twice, and refused as the matrix says)",
      cells.print(),
      "",
      `${complete.length} of ${jobs} jobs COMPLETE with the plain computation's outputs, byte for byte; ${canceled.length} CANCELED for good`,
      `${runs.reduce((a, b) => a + b, 0)} runs, at most ${most(runs)} of a job; the longest job took ${most(outcomes.map(({ seconds }) => seconds)).toFixed(0)} s`,
      `${kills} workers killed at work`,
      `${stops.length} executions stopped from outside: ${lost.length} jobs FAILED WORKFLOW_LOST, at most ${(most(lost) / 1_000).toFixed(1)} s after their last move (limit: ${LOST_LIMIT_MS / 1_000} s), and were requeued; of the others the step under way made the last transition`,
      `left over: ${left.length === 0 ? "no upload, no open gate, no ACTIVE task, no running execution" : `${left.length} things`}`,
    ],
    problems: [
      ...outcomes.flatMap(({ id, kind, problems }) => problems.map((problem) => `${id} (${kind}): ${problem}`)),
      ...outcomes
        .filter(({ state }) => state !== "COMPLETE" && state !== "CANCELED")
        .map(({ id, kind, state }) => `${id} (${kind}) ended ${state}`),
      ...cells.empty().map((cell) => `never happened: ${cell}`),
      ...left.map((what) => `left over: ${what}`),
      ...(complete.length * 2 < jobs ? [`only ${complete.length} of ${jobs} jobs are COMPLETE`] : []),
      ...(kills < leastKills(jobs) ? [`only ${kills} of ${leastKills(jobs)} kills`] : []),
      ...(lost.length === 0 ? ["no execution that was stopped ended in WORKFLOW_LOST"] : []),
    ],
  };
}
