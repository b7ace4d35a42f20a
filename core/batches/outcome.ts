/**
 * What a consumed claim makes of its batch: the decision of commit λ, pure. The index object is untrusted input: only tasks
 * of this claim count, each once.
 */

import { COUNT_NAMES, type CountName, STAT_NAMES, type Stats } from "../contracts/progress-items.ts";
import type { ClaimIndex, TaskEntry } from "../contracts/worker.ts";
import type { Policy } from "../contracts/workflow.ts";
import { COUNT_OF } from "../gates/gates.ts";
import { TASK_LETTERS } from "../states/task-states.ts";
import type { PackedTask } from "./packed-states.ts";

/**
 * What the worker came to: its index; `failed` = it couldn't work at all (storage down, work spec unreadable), charged to no
 * task; `died` = the function itself ended (memory, time, crash of the runtime).
 */
export type WorkerOutcome =
  | { readonly kind: "index"; readonly index: ClaimIndex }
  | { readonly kind: "failed" }
  | { readonly kind: "died"; readonly code: string };

export interface Settled {
  readonly tasks: readonly PackedTask[];
  /** Attempts made by the tasks that soft-failed just now, for the backoff. */
  readonly softFailedAttempts: readonly number[];
  readonly newlyFailed: number;
  readonly stats: Partial<Stats>;
}

/** @param tasks the batch's tasks; the ACTIVE ones are the claim's hand. */
export function settleClaim(
  tasks: readonly PackedTask[],
  claim: number,
  outcome: WorkerOutcome,
  policy: Policy,
): Settled {
  const entries = new Map<number, TaskEntry>();
  if (outcome.kind === "index") {
    for (const entry of outcome.index.tasks) if (!entries.has(entry.o)) entries.set(entry.o, entry);
  }
  const softFailedAttempts: number[] = [];
  let newlyFailed = 0;
  let rejected = 0;
  const settled = tasks.map((task, i): PackedTask => {
    if (task.letter !== "A") return task;
    const verdict = outcome.kind === "died" ? "F" : entries.get(i)?.x;
    if (verdict === undefined) return { ...task, letter: "Q" }; // handed back: no attempt was made
    const attempts = task.attempts + 1;
    const note = outcome.kind === "died" ? { code: outcome.code } : {};
    if (verdict === "F" || verdict === "X") {
      if (verdict === "F" && attempts < policy.attempts) {
        softFailedAttempts.push(attempts);
        return { letter: "S", attempts, claim, ...note };
      }
      newlyFailed++;
      return { letter: "F", attempts, claim, ...note };
    }
    rejected += entries.get(i)?.jn ?? 0;
    return { letter: verdict, attempts, claim };
  });
  const stats: Partial<Stats> =
    outcome.kind === "index" ? { ...outcome.index.stats, claims: 1, rejected } : { claims: 1 };
  return { tasks: settled, softFailedAttempts, newlyFailed, stats };
}

/** Exponential backoff with jitter: between half and all of `initialMs × rate^(attempts−1)`, at most `maxMs`. */
export function backoffMs(policy: Policy, attempts: number, random: number): number {
  const full = Math.min(policy.maxMs, policy.initialMs * policy.rate ** (attempts - 1));
  return Math.round(full * (0.5 + random / 2));
}

/** How the counts of the gate move, from what the batch's tasks were to what they are; only what changes. */
export function countChanges(
  before: readonly PackedTask[],
  after: readonly PackedTask[],
): Partial<Record<CountName, number>> {
  const delta: Partial<Record<CountName, number>> = {};
  const count = (tasks: readonly PackedTask[], by: number) => {
    for (const task of tasks) {
      const name = COUNT_OF[TASK_LETTERS[task.letter]];
      delta[name] = (delta[name] ?? 0) + by;
    }
  };
  count(before, -1);
  count(after, 1);
  return Object.fromEntries(COUNT_NAMES.flatMap((name) => (delta[name] ? [[name, delta[name]]] : [])));
}

/** The sums that a claim adds to its gate; zeros are left out. */
export const statChanges = (stats: Partial<Stats>): Record<string, number> =>
  Object.fromEntries(STAT_NAMES.flatMap((name) => (stats[name] ? [[name, stats[name]]] : [])));
