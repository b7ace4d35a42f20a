/**
 * commit λ: consumes a claim. One transaction of batch (this claim, in hand, this epoch) and gate (this epoch, open or held)
 * sets states, counts and the answer; while the gate is open it may take the next claim in the same transaction. A refused
 * commit reads again and decides in a fixed order, so that a repeated call counts once and a late one changes nothing.
 */
import { asBatch, type Batch, epochOf, keyOfBatch } from "../batches/batch.ts";
import {
  backoffMs,
  countChanges,
  type Settled,
  settleClaim,
  statChanges,
  type WorkerOutcome,
} from "../batches/outcome.ts";
import { packStates } from "../batches/packed-states.ts";
import { type GateItem, gateItem } from "../contracts/progress-items.ts";
import { claimIndex } from "../contracts/worker.ts";
import { type ChildInput, type Hand, hand as handSchema, MAX_CHILD_ROUNDS } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { epochIs, sameEpoch } from "../gates/gates.ts";
import { parseItem } from "../job/load.ts";
import { claimIndexKey } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import { RefusedError, type Value, type Write } from "../ports/index.ts";
import { gateKeyOf, claim as takeClaim, takeDue } from "./claim.ts";
import type { NudgingContext } from "./context.ts";
import { failFastIfBroken, failJobOfTasks } from "./fail-fast.ts";

const TRIES = 20;
/** After so many workers in a row that couldn't work at all, the job fails instead of going round for ever. */
const MAX_IDLE_WORKERS = 3;
/** Before another worker tries what one couldn't work on at all. */
const IDLE_WORKER_WAIT_MS = 5_000;

export async function commit(ctx: NudgingContext, input: ChildInput): Promise<Hand> {
  const held = input.hand;
  if (!held)
    throw new JobJobError({ code: "HAND_MISSING", message: "commit was called without a hand; claim comes first." });
  const rounds = held.rounds + 1;
  if (held.claim === 0) return withoutClaim(ctx, input, rounds);
  const outcome = await readOutcome(ctx, input, held);
  let mayTakeNext = rounds < MAX_CHILD_ROUNDS;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const { batch, gate } = await read(ctx, input);
    const mine = sameEpoch(batch.epoch, epochOf(input)) && batch.claim === held.claim && batch.inHand;
    if (mine && gate && sameEpoch(gate, epochOf(input)) && gate.mode !== "closed") {
      const decided = decide(ctx, input, batch, gate.mode, outcome, mayTakeNext && gate.mode === "open");
      try {
        await ctx.table.transact(decided.writes);
        await afterCommit(ctx, input, gate, decided, outcome);
        return { ...decided.answer, rounds };
      } catch (error) {
        if (!(error instanceof RefusedError)) throw error;
      }
    }
    const answer = await refused(ctx, input, held.claim);
    if (answer !== "again without next" && answer !== "again") return { ...answer, rounds };
    mayTakeNext &&= answer === "again";
  }
  throw new JobJobError({
    code: "BATCH_BUSY",
    message: `Batch ${input.b.n} kept changing while it was being committed; the commit is tried again.`,
    retryable: true,
  });
}

type Answer = Omit<Hand, "rounds">;
const DONE: Answer = { next: "done", claim: 0, tasks: "", attempts: [], cautious: false };

/** Refused: consistent read, and a decision in this order (each place in it stops a failure that the model found). */
async function refused(
  ctx: NudgingContext,
  input: ChildInput,
  claim: number,
): Promise<Answer | "again" | "again without next"> {
  const { batch, gate } = await read(ctx, input);
  if (!gate || !sameEpoch(gate, epochOf(input)) || gate.mode === "closed") return DONE;
  if (batch.last?.claim === claim) {
    const answer = handSchema.omit({ rounds: true }).parse(batch.last.answer);
    if (input.policy.failFast) await failFastIfBroken(ctx, input);
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

async function readOutcome(ctx: NudgingContext, input: ChildInput, held: Hand): Promise<WorkerOutcome> {
  const { result } = input;
  if (result && "Error" in result) return outcomeOfCaught(result.Error);
  if (!result || "error" in result || result.claim !== held.claim) return { kind: "failed" };
  const job = { owner: input.owner, jobId: input.jobId };
  const key = claimIndexKey(job, input.generation, input.b.n, held.claim);
  try {
    const index = await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, claimIndex, {
      ifMatch: result.etag,
    });
    if (index.batch === input.b.n && index.claim === held.claim) return { kind: "index", index };
  } catch (error) {
    if (error instanceof JobJobError && error.retryable) throw error;
    ctx.log.warn("INDEX_UNREADABLE", { jobId: input.jobId, batch: input.b.n, claim: held.claim });
  }
  return { kind: "failed" };
}

/**
 * What the Catch around the app λ means. Lambda's own faults and throttling are never charged to a task: the function wasn't
 * begun, or can't be. Everything else (a timeout, an exit, memory) is its death.
 */
function outcomeOfCaught(name: string): WorkerOutcome {
  const serviceFault = name.startsWith("Lambda.") && name !== "Lambda.Unknown";
  return serviceFault ? { kind: "failed" } : { kind: "died", code: "WORKER_DIED" };
}

/** Why workers couldn't work at all, from the last one's answer. */
function idleCause(input: ChildInput): { readonly code: string; readonly message: string } {
  const { result } = input;
  if (result && "error" in result) return result.error;
  if (result && "Error" in result)
    return { code: "APP_NOT_INVOCABLE", message: `${result.Error}: ${(result.Cause ?? "").slice(0, 300)}` };
  return { code: "WORKER_RESULT_UNREADABLE", message: "their results can't be read" };
}

interface Decided {
  readonly writes: readonly Write[];
  readonly answer: Answer;
  readonly settled: Settled;
  readonly deaths: number;
}

function decide(
  ctx: NudgingContext,
  input: ChildInput,
  batch: Batch,
  mode: GateItem["mode"],
  outcome: WorkerOutcome,
  mayTakeNext: boolean,
): Decided {
  const now = ctx.clock.now();
  const settled = settleClaim(batch.tasks, batch.claim, outcome, input.policy);
  const idle = outcome.kind === "failed";
  const deaths = idle ? batch.deaths + 1 : 0;
  const delays = settled.softFailedAttempts.map((n) => backoffMs(input.policy, n, ctx.ids.random()));
  const retryAt = delays.length > 0 ? Math.max(batch.retryAt ?? 0, now + Math.max(...delays)) : batch.retryAt;
  const after: Batch = {
    ...batch,
    tasks: settled.tasks,
    retryAt: settled.tasks.some((t) => t.letter === "S") ? (retryAt ?? now) : undefined,
  };
  // A worker that couldn't work at all isn't followed by the next at once.
  const next = mayTakeNext && !idle ? takeDue(after, input, now, batch.claim + 1) : undefined;
  const takes = next !== undefined && next.hand.tasks !== "";
  const tasks = takes ? next.tasks : settled.tasks;
  const answer = takes ? next.hand : leftOver(after, mayTakeNext, idle, now);
  const stats = statChanges(settled.stats);
  return {
    writes: [
      batchWrite(input, batch, { ...after, tasks, inHand: takes, deaths }, answer),
      gateWrite(input, mode, { ...countChanges(batch.tasks, tasks), ...stats }, now),
    ],
    answer,
    settled,
    deaths,
  };
}

/** The answer without a next claim. */
function leftOver(after: Batch, open: boolean, idle: boolean, now: number): Answer {
  if (idle && open) return waitAnswer(now + IDLE_WORKER_WAIT_MS, now);
  const waits = open && after.tasks.some((task) => task.letter === "S");
  return waits ? waitAnswer(after.retryAt, now) : DONE;
}

/** Consumes the claim that `read` has in hand. */
function batchWrite(input: ChildInput, read: Batch, after: Batch, answer: Answer): Write {
  const { claim } = read;
  const { retryAt, deaths, tasks } = after;
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
      },
      remove: [...(keepsRetry ? [] : ["retryAt"]), ...(deaths > 0 ? [] : ["deaths"])],
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

async function afterCommit(
  ctx: NudgingContext,
  input: ChildInput,
  gate: GateItem,
  decided: Decided,
  outcome: WorkerOutcome,
): Promise<void> {
  if (input.policy.failFast && decided.settled.newlyFailed > 0) await failFastIfBroken(ctx, input);
  if (outcome.kind === "failed" && decided.deaths >= MAX_IDLE_WORKERS) {
    const cause = idleCause(input);
    await failJobOfTasks(ctx, input, {
      code: cause.code,
      message: `${MAX_IDLE_WORKERS} workers in a row couldn't work on batch ${input.b.n}: ${cause.message}`,
      retryable: true,
    });
  }
  // The drain of a held job ends with its last commit; the sweeper's schedule is only the net.
  if (gate.mode === "held") await ctx.nudge.sweep(input.jobId);
}
