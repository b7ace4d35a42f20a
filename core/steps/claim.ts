/**
 * claim λ: takes what is due of a batch into a worker's hand. One transaction of batch and gate: the batch as it was read
 * (claim, inHand), the gate open in this epoch. A claim always supersedes the one before, so there are no leases: a worker
 * that comes back late finds its claim gone.
 */
import { asBatch, type Batch, epochOf, keyOfBatch, withLost } from "../batches/batch.ts";
import { packStates } from "../batches/packed-states.ts";
import { type Taken, takeDue } from "../batches/take-due.ts";
import type { ChildInput, Hand } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { epochIs } from "../gates/gates.ts";
import { gateKey } from "../keys/item-keys.ts";
import { type Condition, type Key, RefusedError, type Write } from "../ports/index.ts";
import type { StepContext } from "./context.ts";

const TRIES = 20;
export async function claim(ctx: StepContext, input: ChildInput): Promise<Hand> {
  const rounds = input.hand?.rounds ?? 0;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const batch = asBatch(await ctx.table.get(keyOfBatch(input), { consistent: true }), input.b.count);
    const now = ctx.clock.now();
    const taken = takeDue(batch, epochOf(input), now);
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

function batchWrite(batch: Batch, input: ChildInput, taken: Taken): Write {
  const key = keyOfBatch(input);
  const state = {
    run: input.run,
    round: input.round,
    claim: taken.hand.claim,
    inHand: true,
    tasks: packStates(taken.tasks),
    ...(batch.inHand ? { lost: withLost(batch) } : {}),
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
