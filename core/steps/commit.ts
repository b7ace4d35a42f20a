/**
 * commit λ: consumes a claim. One transaction of batch (this claim, in hand, this epoch) and gate (this epoch, open or held)
 * sets states, counts and the answer; while the gate is open it may take the next claim in the same transaction. A refused
 * commit reads again and decides in a fixed order, so that a repeated call counts once and a late one changes nothing.
 */
import { asBatch, type Batch, epochOf, keyOfBatch, withLost } from "../batches/batch.ts";
import { backoffMs, countChanges, type Settled, settleClaim, statChanges } from "../batches/outcome.ts";
import { packStates } from "../batches/packed-states.ts";
import { takeDue } from "../batches/take-due.ts";
import { type GateItem, gateItem } from "../contracts/progress-items.ts";
import { type ChildInput, type Hand, hand as handSchema, MAX_CHILD_ROUNDS } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { epochIs, sameEpoch } from "../gates/gates.ts";
import { parseItem } from "../job/load.ts";
import { RefusedError, type Value, type Write } from "../ports/index.ts";
import { gateKeyOf, claim as takeClaim } from "./claim.ts";
import type { NudgingContext } from "./context.ts";
import { failFastIfBroken, failJobOfTasks } from "./fail-fast.ts";
import { hopeless, IDLE_BACKOFF } from "./hopeless.ts";
import { type Judged, judge } from "./judge.ts";

const TRIES = 20;

export async function commit(ctx: NudgingContext, input: ChildInput): Promise<Hand> {
  const held = input.hand;
  if (!held)
    throw new JobJobError({ code: "HAND_MISSING", message: "commit was called without a hand; claim comes first." });
  const rounds = held.rounds + 1;
  if (held.claim === 0) return withoutClaim(ctx, input, rounds);
  const judged = await judge(ctx, input, held);
  let mayTakeNext = rounds < MAX_CHILD_ROUNDS;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const { batch, gate } = await read(ctx, input);
    const mine = sameEpoch(batch.epoch, epochOf(input)) && batch.claim === held.claim && batch.inHand;
    if (mine && gate && sameEpoch(gate, epochOf(input)) && gate.mode !== "closed") {
      const decided = decide(ctx, input, batch, gate.mode, judged, mayTakeNext && gate.mode === "open");
      if (await transacted(ctx, decided.writes)) {
        await afterCommit(ctx, input, gate, decided.after, judged, decided.settled.newlyFailed > 0);
        return { ...decided.answer, rounds };
      }
    }
    const answer = await refused(ctx, input, held.claim, judged);
    if (answer !== "again without next" && answer !== "again") return { ...answer, rounds };
    mayTakeNext &&= answer === "again";
  }
  throw new JobJobError({
    code: "BATCH_BUSY",
    message: `Batch ${input.b.n} kept changing while it was being committed; the commit is tried again.`,
    retryable: true,
  });
}

async function transacted(ctx: NudgingContext, writes: readonly Write[]): Promise<boolean> {
  try {
    await ctx.table.transact(writes);
    return true;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return false;
  }
}

type Answer = Omit<Hand, "rounds">;
const DONE: Answer = { next: "done", claim: 0, tasks: "", attempts: [], cautious: false };

/** Refused: consistent read, and a decision in this order (each place in it stops a failure that the model found). */
async function refused(
  ctx: NudgingContext,
  input: ChildInput,
  claim: number,
  judged: Judged,
): Promise<Answer | "again" | "again without next"> {
  const { batch, gate } = await read(ctx, input);
  if (!gate || !sameEpoch(gate, epochOf(input)) || gate.mode === "closed") return DONE;
  if (batch.last?.claim === claim) {
    const answer = handSchema.omit({ rounds: true }).parse(batch.last.answer);
    await afterCommit(ctx, input, gate, batch, judged, true);
    return answer;
  }
  if (batch.claim === claim && batch.inHand) return gate.mode === "held" ? "again without next" : "again";
  if (gate.mode !== "open") return DONE;
  const next = await takeClaim(ctx, input);
  return next;
}

/** The claim had nothing in it: the child waits while retries are to come, else it is done. */
async function withoutClaim(ctx: NudgingContext, input: ChildInput, rounds: number): Promise<Hand> {
  const { batch, gate } = await read(ctx, input);
  const waits =
    rounds < MAX_CHILD_ROUNDS &&
    gate?.mode === "open" &&
    sameEpoch(gate, epochOf(input)) &&
    batch.tasks.some((task) => task.letter === "S");
  return waits ? { ...waitAnswer(batch.retryAt, ctx.clock.now()), rounds } : { ...DONE, rounds };
}

const waitAnswer = (retryAt: number | undefined, now: number): Answer => ({
  ...DONE,
  next: "wait",
  seconds: Math.max(1, Math.ceil(((retryAt ?? now) - now) / 1_000)),
});

async function read(ctx: NudgingContext, input: ChildInput): Promise<{ batch: Batch; gate: GateItem | undefined }> {
  const keys = [keyOfBatch(input), gateKeyOf(input)];
  const items = await ctx.table.batchGet(keys, { consistent: true });
  const gate = items.find((item) => item.sk === "GATE");
  return {
    batch: asBatch(
      items.find((item) => item.sk !== "GATE"),
      input.b.count,
    ),
    gate: gate && parseItem(gateItem, gate),
  };
}

interface Decided {
  readonly writes: readonly Write[];
  readonly answer: Answer;
  readonly settled: Settled;
  readonly after: Batch;
}

function decide(
  ctx: NudgingContext,
  input: ChildInput,
  batch: Batch,
  mode: GateItem["mode"],
  judged: Judged,
  mayTakeNext: boolean,
): Decided {
  const now = ctx.clock.now();
  const settled = settleClaim(batch.tasks, batch.claim, judged, input.policy);
  const cameToNothing = settled.ended === 0 && judged.end !== "answered";
  const delays = settled.softFailedAttempts.map((n) => backoffMs(input.policy, n, ctx.ids.random()));
  const retryAt = delays.length > 0 ? Math.max(batch.retryAt ?? 0, now + Math.max(...delays)) : batch.retryAt;
  const after: Batch = {
    ...batch,
    tasks: settled.tasks,
    retryAt: settled.tasks.some((t) => t.letter === "S") ? (retryAt ?? now) : undefined,
    deaths: cameToNothing ? batch.deaths + (judged.end === "died" ? 1 : 0) : 0,
    idle: cameToNothing && judged.end === "failed" ? batch.idle + 1 : 0,
    lost: judged.index ? batch.lost : withLost(batch),
  };
  const isHopeless = hopeless(after, judged) !== undefined;
  // A worker that couldn't work at all isn't followed by the next at once.
  const next = mayTakeNext && !isHopeless && after.idle === 0 ? takeDue(after, epochOf(input), now) : undefined;
  const takes = next !== undefined && next.hand.tasks !== "";
  const tasks = takes ? next.tasks : settled.tasks;
  const answer = takes ? next.hand : leftOver(ctx, after, mayTakeNext && !isHopeless, now);
  const stats = statChanges(settled.stats);
  return {
    writes: [
      batchWrite(input, batch, { ...after, tasks, inHand: takes }, answer),
      gateWrite(input, mode, { ...countChanges(batch.tasks, tasks), ...stats }, now),
    ],
    answer,
    settled,
    after,
  };
}

/** The answer without a next claim. */
function leftOver(ctx: NudgingContext, after: Batch, open: boolean, now: number): Answer {
  if (!open) return DONE;
  if (after.idle > 0) return waitAnswer(now + backoffMs(IDLE_BACKOFF, after.idle, ctx.ids.random()), now);
  return after.tasks.some((task) => task.letter === "S") ? waitAnswer(after.retryAt, now) : DONE;
}

/** Consumes the claim that `read` has in hand. */
function batchWrite(input: ChildInput, read: Batch, after: Batch, answer: Answer): Write {
  const { claim } = read;
  const { retryAt, deaths, idle, lost, tasks } = after;
  const keepsRetry = retryAt !== undefined && tasks.some((task) => task.letter === "S");
  const { seconds, ...rest } = answer;
  const answerValue: Value = { ...rest, ...(seconds === undefined ? {} : { seconds }) };
  return {
    update: keyOfBatch(input),
    changes: {
      set: {
        inHand: after.inHand,
        claim: after.inHand ? claim + 1 : claim,
        tasks: packStates(tasks),
        last: { claim, answer: answerValue },
        ...(keepsRetry ? { retryAt } : {}),
        ...(deaths > 0 ? { deaths } : {}),
        ...(idle > 0 ? { idle } : {}),
        ...(lost.length > 0 ? { lost } : {}),
      },
      remove: [...(keepsRetry ? [] : ["retryAt"]), ...(deaths > 0 ? [] : ["deaths"]), ...(idle > 0 ? [] : ["idle"])],
    },
    if: { all: [...epochIs(epochOf(input)), { eq: ["claim", claim] }, { eq: ["inHand", true] }] },
  };
}

/** On condition of the very mode that was read: a gate held in between must be told by a nudge, and hands out nothing more. */
function gateWrite(
  input: ChildInput,
  mode: GateItem["mode"],
  add: Readonly<Record<string, number>>,
  now: number,
): Write {
  return {
    update: gateKeyOf(input),
    changes: { set: { movedAt: now }, add },
    if: { all: [...epochIs(epochOf(input)), { eq: ["mode", mode] }] },
  };
}

/** What must follow the transaction; a repeated commit does it again, for the first may have ended in between. */
async function afterCommit(
  ctx: NudgingContext,
  input: ChildInput,
  gate: GateItem,
  after: Batch,
  judged: Judged,
  mayHaveFailed: boolean,
): Promise<void> {
  if (input.policy.failFast && mayHaveFailed) await failFastIfBroken(ctx, input);
  const cause = hopeless(after, judged);
  if (cause) await failJobOfTasks(ctx, input, { ...cause, message: `Batch ${input.b.n}: ${cause.message}` });
  // The drain of a held job ends with its last commit; the sweeper's schedule is only the net.
  if (gate.mode === "held") await ctx.nudge.sweep(input.jobId);
}
