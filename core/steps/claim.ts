/**
 * claim λ: takes what is due of a batch into a worker's hand. One transaction of batch and gate: the batch as it was read
 * (claim, inHand), the gate open in this epoch. A claim always supersedes the one before, so there are no leases: a worker
 * that comes back late finds its claim gone.
 */
import { asBatch, type Batch, epochOf, keyOfBatch, retryIsDue, tasksIn } from "../batches/batch.ts";
import { type PackedTask, packStates } from "../batches/packed-states.ts";
import { formatRanges } from "../batches/ranges.ts";
import type { ChildInput, Hand } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { epochIs } from "../gates/gates.ts";
import { gateKey } from "../keys/item-keys.ts";
import { type Condition, type Key, RefusedError, type Write } from "../ports/index.ts";
import type { StepContext } from "./context.ts";

const TRIES = 20;
/**
 * Ranges that a hand may name, tasks and attempts together: under 3 KB whatever is due. A batch whose every other task failed
 * would need more; what is left over waits for the next claim.
 */
const MOST_RANGES = 300;

export async function claim(ctx: StepContext, input: ChildInput): Promise<Hand> {
  const rounds = input.hand?.rounds ?? 0;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const batch = asBatch(await ctx.table.get(keyOfBatch(input), { consistent: true }), input.b.count);
    const now = ctx.clock.now();
    const taken = takeDue(batch, input, now);
    if (taken.hand.tasks === "") return emptyHand(rounds);
    try {
      await ctx.table.transact([batchWrite(batch, input, taken), gateWrite(input, taken, now)]);
      return { ...taken.hand, rounds };
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (error.failedAt(1)) return emptyHand(rounds); // the gate isn't open in this epoch any more
    }
  }
  throw new JobJobError({
    code: "BATCH_BUSY",
    message: `Batch ${input.b.n} kept changing while it was being claimed; the claim is tried again.`,
    retryable: true,
  });
}

/** No claim was taken; an app called with it returns at once. */
export const emptyHand = (rounds: number): Hand => ({
  next: "again",
  claim: 0,
  tasks: "",
  attempts: [],
  cautious: false,
  rounds,
});

/** A batch's tasks after what is due was taken, and how many queued (net) and soft-failed ones became active. */
export interface Taken {
  readonly hand: Omit<Hand, "rounds">;
  readonly tasks: readonly PackedTask[];
  readonly queued: number;
  readonly softFailed: number;
}

export function takeDue(batch: Batch, input: ChildInput, now: number, claimNumber: number = batch.claim + 1): Taken {
  const retry = retryIsDue(batch, now);
  const due: number[] = [];
  const byAttempt = new Map<number, number[]>();
  let queued = 0;
  let softFailed = 0;
  let ranges = 0;
  const tasks = tasksIn(batch, epochOf(input)).map((task, i): PackedTask => {
    // ACTIVE here belongs to the claim that this one supersedes: it is due, and its gate counts it as active already.
    const isDue = task.letter === "Q" || task.letter === "A" || (task.letter === "S" && retry);
    if (!isDue) return task;
    const again = task.attempts > 0 ? (byAttempt.get(task.attempts + 1) ?? []) : undefined;
    ranges += begins(due, i) + (again ? begins(again, i) : 0);
    if (ranges > MOST_RANGES) {
      if (task.letter !== "A") return task;
      queued--; // the superseded claim's hand is too scattered: what no longer fits is queued again
      return { ...task, letter: "Q" };
    }
    due.push(i);
    if (task.letter === "Q") queued++;
    if (task.letter === "S") softFailed++;
    if (again) {
      again.push(i);
      byAttempt.set(task.attempts + 1, again);
    }
    return { letter: "A", attempts: task.attempts, claim: task.claim };
  });
  const attempts = [...byAttempt]
    .sort(([a], [b]) => a - b)
    .map(([n, list]): [number, string] => [n, formatRanges(list)]);
  return {
    hand: { next: "again", claim: claimNumber, tasks: formatRanges(due), attempts, cautious: false },
    tasks,
    queued,
    softFailed,
  };
}

/** 1 when `i` begins a range of its own behind these numbers. */
const begins = (numbers: readonly number[], i: number): 0 | 1 => (numbers.at(-1) === i - 1 ? 0 : 1);

function batchWrite(batch: Batch, input: ChildInput, taken: Taken): Write {
  const key = keyOfBatch(input);
  const state = {
    run: input.run,
    round: input.round,
    claim: taken.hand.claim,
    inHand: true,
    tasks: packStates(taken.tasks),
  };
  if (!batch.exists) return { put: { ...key, ...state }, if: { missing: "pk" } };
  const asRead: Condition = { all: [{ eq: ["claim", batch.claim] }, { eq: ["inHand", batch.inHand] }] };
  const allTaken = !taken.tasks.some((task) => task.letter === "S");
  return { update: key, changes: { set: state, ...(allTaken ? { remove: ["retryAt"] } : {}) }, if: asRead };
}

function gateWrite(input: ChildInput, taken: Taken, now: number): Write {
  return {
    update: gateKeyOf(input),
    changes: {
      set: { movedAt: now },
      setIfMissing: { startedAt: now },
      add: { queued: -taken.queued, softFailed: -taken.softFailed, active: taken.queued + taken.softFailed },
    },
    if: { all: [...epochIs(epochOf(input)), { eq: ["mode", "open"] }] },
  };
}

export const gateKeyOf = (input: ChildInput): Key =>
  gateKey(input.jobId, input.generation, input.b.n % input.policy.gates);
