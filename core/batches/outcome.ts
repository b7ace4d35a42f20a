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
 * How a worker came to its end: it `answered`; it `failed` = wasn't started, or couldn't work at all (storage down, work spec
 * unreadable), which is charged to no task; it `died` = the function itself ended (memory, time, crash of the runtime).
 * `index` is what it left: its last, or the sealed announcement of a cautious worker.
 */
export interface WorkerOutcome {
  readonly end: "answered" | "failed" | "died";
  readonly index?: ClaimIndex;
}

/** The code of a task's error, and the mark of a suspect. */
export const WORKER_DIED = "WORKER_DIED";

export interface Settled {
  readonly tasks: readonly PackedTask[];
  /** Tasks of the hand whose attempt has ended. */
  readonly ended: number;
  /** Attempts made by the tasks that soft-failed just now, for the backoff. */
  readonly softFailedAttempts: readonly number[];
  readonly newlyFailed: number;
  readonly stats: Partial<Stats>;
}

/** @param tasks the batch's tasks; the ACTIVE ones are the claim's hand. */
export function settleClaim(
  tasks: readonly PackedTask[],
  claim: number,
  { end, index }: WorkerOutcome,
  policy: Policy,
): Settled {
  const entries = new Map<number, TaskEntry>();
  for (const entry of index?.tasks ?? []) if (!entries.has(entry.o)) entries.set(entry.o, entry);
  const softFailedAttempts: number[] = [];
  let ended = 0;
  let newlyFailed = 0;
  let rejected = 0;
  const settled = tasks.map((task, i): PackedTask => {
    if (task.letter !== "A") return task;
    const entry = entries.get(i);
    // Handed back: no attempt was made, or a death took it along, and then any of the hand may be the culprit.
    if (!entry) return { ...task, letter: "Q", ...(end === "died" && !index ? { code: WORKER_DIED } : {}) };
    ended++;
    const attempts = task.attempts + 1;
    if (entry.x === "F" || entry.x === "X") {
      const mark = entry.e?.code === WORKER_DIED ? { code: WORKER_DIED } : {};
      if (entry.x === "F" && attempts < policy.attempts) {
        softFailedAttempts.push(attempts);
        return { letter: "S", attempts, claim, ...mark };
      }
      newlyFailed++;
      return { letter: "F", attempts, claim, ...mark };
    }
    rejected += entry.jn ?? 0;
    return { letter: entry.x, attempts, claim };
  });
  const stats: Partial<Stats> = index ? { ...index.stats, claims: 1, rejected } : { claims: 1 };
  return { tasks: settled, ended, softFailedAttempts, newlyFailed, stats };
}

/** Exponential backoff with jitter: between half and all of `initialMs × rate^(attempts−1)`, at most `maxMs`. */
export function backoffMs(
  policy: Pick<Policy, "initialMs" | "rate" | "maxMs">,
  attempts: number,
  random: number,
): number {
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
