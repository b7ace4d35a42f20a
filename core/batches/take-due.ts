/** What the next claim of a batch takes into a worker's hand: pure. */
import type { Hand } from "../contracts/workflow.ts";
import type { Epoch } from "../gates/gates.ts";
import { type Batch, retryIsDue, tasksIn } from "./batch.ts";
import type { PackedTask } from "./packed-states.ts";
import { formatRanges } from "./ranges.ts";

/**
 * Ranges that a hand may name, tasks and attempts together: under 3 KB whatever is due. A batch whose every other task failed
 * would need more; what is left over waits for the next claim.
 */
const MOST_RANGES = 300;
/**
 * Tasks of a cautious hand: its worker writes its whole index before each of them, and 100 times an index of at most 100
 * tasks is little, where 1,000 times one of 1,000 would be a hundred times that.
 */
const MOST_CAUTIOUS = 100;

/** A batch's tasks after what is due was taken, and how many queued (net) and soft-failed ones became active. */
export interface Taken {
  readonly hand: Omit<Hand, "rounds">;
  readonly tasks: readonly PackedTask[];
  readonly queued: number;
  readonly softFailed: number;
}

/**
 * Suspects (tasks whose worker died) are never in one hand with others, nor those that a death was charged to with those
 * that were only near one: a task that kills every worker keeps none of its neighbours waiting, and takes nobody with it.
 */
const turnOf = ({ code, letter }: PackedTask): number => (code === undefined ? 0 : letter === "S" ? 2 : 1);

export function takeDue(batch: Batch, epoch: Epoch, now: number, claimNumber: number = batch.claim + 1): Taken {
  const retry = retryIsDue(batch, now);
  const before = tasksIn(batch, epoch);
  // ACTIVE here belongs to the claim that this one supersedes: it is due, and its gate counts it as active already.
  const isDue = ({ letter }: PackedTask) => letter === "Q" || letter === "A" || (letter === "S" && retry);
  const turn = Math.min(...before.filter(isDue).map(turnOf));
  const cautious = turn > 0 && turn < Number.POSITIVE_INFINITY;
  const due: number[] = [];
  const byAttempt = new Map<number, number[]>();
  let queued = 0;
  let softFailed = 0;
  let ranges = 0;
  const tasks = before.map((task, i): PackedTask => {
    if (!isDue(task)) return task;
    const again = task.attempts > 0 ? (byAttempt.get(task.attempts + 1) ?? []) : undefined;
    ranges += turnOf(task) === turn ? begins(due, i) + (again ? begins(again, i) : 0) : 0;
    if (turnOf(task) !== turn || ranges > MOST_RANGES || (cautious && due.length === MOST_CAUTIOUS)) {
      if (task.letter !== "A") return task;
      queued--; // it was in the superseded claim's hand, and isn't in this one
      return { ...task, letter: "Q" };
    }
    due.push(i);
    if (task.letter === "Q") queued++;
    if (task.letter === "S") softFailed++;
    if (again) {
      again.push(i);
      byAttempt.set(task.attempts + 1, again);
    }
    return { ...task, letter: "A" };
  });
  const attempts = [...byAttempt]
    .sort(([a], [b]) => a - b)
    .map(([n, list]): [number, string] => [n, formatRanges(list)]);
  return {
    hand: { next: "again", claim: claimNumber, tasks: formatRanges(due), attempts, cautious },
    tasks,
    queued,
    softFailed,
  };
}

/** 1 when `i` begins a range of its own behind these numbers. */
const begins = (numbers: readonly number[], i: number): 0 | 1 => (numbers.at(-1) === i - 1 ? 0 : 1);
