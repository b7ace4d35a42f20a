/** What many schedules came to, summed up; plain data, so that it travels between threads. */
import { JOB_STATES, type JobState } from "../../core/states/job-states.ts";
import type { Pair } from "./faults.ts";
import { isNever, NEVER } from "./never.ts";
import type { Outcome } from "./schedule.ts";
import { ACTIONS, type Action } from "./user.ts";

export interface PairCount {
  calls: number;
  before: number;
  after: number;
}
export interface Failure {
  readonly seed: number;
  readonly problems: readonly string[];
}
export interface Tally {
  schedules: number;
  steps: number;
  /** Schedules in which it happened. */
  readonly kinds: Record<string, number>;
  readonly pairs: Record<string, PairCount>;
  /** State → action → asked, accepted. */
  readonly actions: Record<string, Record<string, { asked: number; accepted: number }>>;
  readonly ended: Record<string, number>;
  readonly failures: Failure[];
  failed: number;
}

const MOST_FAILURES = 200;

export const emptyTally = (): Tally => ({
  schedules: 0,
  steps: 0,
  kinds: {},
  pairs: {},
  actions: {},
  ended: {},
  failures: [],
  failed: 0,
});

export function addOutcome(tally: Tally, { seed, steps, kinds, calls, acted, ended, problems }: Outcome): void {
  tally.schedules++;
  tally.steps += steps;
  for (const [kind, times] of kinds) tally.kinds[kind] = (tally.kinds[kind] ?? 0) + times;
  for (const [name, count] of calls) addPair(tally, name, count);
  for (const { state, action, accepted } of acted) addAction(tally, state, action, 1, accepted ? 1 : 0);
  tally.ended[ended] = (tally.ended[ended] ?? 0) + 1;
  if (problems.length === 0) return;
  tally.failed++;
  if (tally.failures.length < MOST_FAILURES) tally.failures.push({ seed, problems });
}

export function addTally(sum: Tally, tally: Tally): void {
  sum.schedules += tally.schedules;
  sum.steps += tally.steps;
  sum.failed += tally.failed;
  for (const [kind, times] of Object.entries(tally.kinds)) sum.kinds[kind] = (sum.kinds[kind] ?? 0) + times;
  for (const [name, count] of Object.entries(tally.pairs)) addPair(sum, name, count);
  for (const [state, byAction] of Object.entries(tally.actions)) {
    for (const [action, { asked, accepted }] of Object.entries(byAction))
      addAction(sum, state, action, asked, accepted);
  }
  for (const [ended, times] of Object.entries(tally.ended)) sum.ended[ended] = (sum.ended[ended] ?? 0) + times;
  sum.failures.push(...tally.failures.slice(0, MOST_FAILURES - sum.failures.length));
}

function addPair(tally: Tally, name: string, { calls, before, after }: PairCount): void {
  const pair = tally.pairs[name] ?? { calls: 0, before: 0, after: 0 };
  tally.pairs[name] = { calls: pair.calls + calls, before: pair.before + before, after: pair.after + after };
}

function addAction(tally: Tally, state: string, action: string, asked: number, accepted: number): void {
  const byAction = tally.actions[state] ?? {};
  const count = byAction[action] ?? { asked: 0, accepted: 0 };
  byAction[action] = { asked: count.asked + asked, accepted: count.accepted + accepted };
  tally.actions[state] = byAction;
}

/** What the run should have done and didn't: pairs of the code without a crash before or behind one of their calls. */
export function missingCrashes(tally: Tally, pairs: readonly Pair[]): readonly string[] {
  return pairs.flatMap((pair) => {
    const { calls, before, after } = countOf(tally, pair);
    if (isNever(pair) ? calls === 0 : before > 0 && after > 0) return [];
    return [`${pair.caller} × ${pair.method}: ${calls} calls, crashed before ${before}, after ${after}`];
  });
}

const countOf = (tally: Tally, { caller, method }: Pair): PairCount =>
  tally.pairs[`${caller} ${method}`] ?? { calls: 0, before: 0, after: 0 };

/** The three tables, as text. */
export function tables(tally: Tally, pairs: readonly Pair[]): string {
  return [actionTable(tally), kindTable(tally), pairTable(tally, pairs)].join("\n\n");
}

function actionTable({ actions }: Tally): string {
  const all = Object.values(actions).flatMap((byAction) => Object.values(byAction));
  const total = all.reduce((sum, { asked }) => sum + asked, 0);
  const cell = (state: JobState, action: Action): string => {
    const count = actions[state]?.[action];
    return count ? `${count.asked} (${count.accepted})` : "–";
  };
  const rows = JOB_STATES.filter((state) => actions[state]).map((state) => {
    const asked = Object.values(actions[state] ?? {}).reduce((sum, count) => sum + count.asked, 0);
    return [state, ...ACTIONS.map((action) => cell(state, action)), `${((asked / total) * 100).toFixed(1)} %`];
  });
  return grid([["control actions: asked (accepted)", ...ACTIONS, "share"], ...rows]);
}

function kindTable({ kinds }: Tally): string {
  const rows = Object.entries(kinds)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, times]) => [kind, String(times)]);
  return grid([["faults", "times"], ...rows]);
}

function pairTable(tally: Tally, pairs: readonly Pair[]): string {
  const rows = pairs.map((pair) => {
    const { calls, before, after } = countOf(tally, pair);
    const why = NEVER.find(({ caller, method }) => caller === pair.caller && method === pair.method)?.why;
    if (why !== undefined && calls === 0) return [pair.caller, pair.method, "–", "–", "–", `never: ${why}`];
    return [pair.caller, pair.method, String(calls), String(before), String(after)];
  });
  return grid([["caller", "port method", "calls", "crashed before", "crashed after"], ...rows]);
}

function grid(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
