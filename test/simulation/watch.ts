/**
 * I2, I3, I4, I5 and the matrix of states, looked at behind every write. Only what a write touched is looked at: an item that
 * nobody wrote can't have become wrong.
 */

import { type PackedTask, unpackStates } from "../../core/batches/packed-states.ts";
import { parseRanges } from "../../core/batches/ranges.ts";
import { COUNT_NAMES, type CountName } from "../../core/contracts/progress-items.ts";
import type { StepAnswer } from "../../core/contracts/workflow.ts";
import { COUNT_OF } from "../../core/gates/gates.ts";
import { batchKey } from "../../core/keys/item-keys.ts";
import type { Item } from "../../core/ports/index.ts";
import { isTerminal, type JobState, mayBecome, WISHES } from "../../core/states/job-states.ts";
import { hasEnded, isCompleted, TASK_LETTERS } from "../../core/states/task-states.ts";
import { STEPS } from "./callers.ts";
import type { Caller, Effect, Observer, StoredChange } from "./world.ts";
import { BUCKET, OUTPUT } from "./world.ts";

/** A job's shape, as the schedule knows it. */
export interface Shape {
  readonly tasks: number;
  readonly batchSize: number;
  readonly gates: number;
}

interface Selection {
  readonly kind: string;
  readonly ordinals: ReadonlySet<number>;
}

const IN_WORKFLOW: ReadonlySet<string> = new Set([...STEPS, "commit"]);
/** The sweeper or a user goes on with it. */
const IS_LEFT_TO_OTHERS: ReadonlySet<JobState> = new Set(["PAUSING", "PAUSED", "CANCELING"]);
/** What a step claim writes lies under its number. */
const CLAIMED_KEYS = ["prepared", "chunks", "cursor", "output", "delivery"] as const;

export class Watch implements Observer {
  readonly #shape: Shape;
  /** What was found wrong, by the invariant's name: the first of each. */
  readonly violations = new Map<string, string>();
  /** Of the job: item, gates and batches as they stand. */
  job: Item | undefined;
  /** The tasks as the latest requeue met them. */
  #before: readonly PackedTask[] = [];
  readonly #gates = new Map<string, Item>();
  readonly #batches = new Map<string, Item>();
  /** State → how often it was entered. */
  readonly entered = new Map<JobState, number>();
  onState: (state: JobState) => void = () => {};
  /** A task of a batch has ended, and another waits for its next attempt. */
  onRetry: () => void = () => {};
  /** Run → the intention of the user that began it. */
  readonly runs = new Map<number, number | undefined>();
  /** Ids of jobs that were made. */
  readonly made: string[] = [];
  /** Runs that needed another round; runs whose workflow ended before its job was through. */
  readonly rounds: string[] = [];
  readonly losses: string[] = [];
  /** Claims consumed: proof that the checks looked at something. */
  consumed = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  stored(caller: Caller, changes: readonly StoredChange[]): void {
    const touched = new Set<string>();
    const gatesBefore = new Map<string, Item>();
    for (const { before, after } of changes) {
      const item = after ?? before;
      if (item?.sk !== "GATE") continue;
      if (before) gatesBefore.set(item.pk, before);
      touched.add(item.pk);
      if (after) this.#gates.set(item.pk, after);
      else this.#gates.delete(item.pk);
      if (before && after) this.#checkGate(caller, before, after);
    }
    for (const { before, after } of changes) {
      const item = after ?? before;
      if (!item?.sk.startsWith("BATCH#")) continue;
      touched.add(item.pk);
      const key = `${item.pk} ${item.sk}`;
      if (!after) this.#batches.delete(key);
      else {
        this.#batches.set(key, after);
        this.#checkBatch(caller, before, after, gatesBefore.get(item.pk) ?? this.#gates.get(item.pk));
      }
    }
    for (const pk of touched) this.#checkCounts(caller, pk);
    for (const { before, after } of changes) {
      if ((after ?? before)?.sk === "JOB") this.#checkJob(caller, before, after);
    }
    this.#throwFirst();
  }

  /**
   * I10: a commit never goes away from a claim that it could still consume: what its worker did would be done again. Nor does
   * settle from a job that is still its own: what is wished of it would wait for the sweeper, or for somebody's requeue.
   */
  answered(caller: Caller, answer: unknown): void {
    if (caller.name === "settle") this.#checkSettled(caller, (answer as StepAnswer).next);
    if (caller.name !== "commit" || caller.claim === undefined || caller.batch === undefined) return;
    const batch = this.#batchAt(Number(this.job?.generation), caller.batch);
    const gate = batch && this.#gates.get(batch.pk);
    if (!batch || !gate || gate.mode === "closed") return;
    const isOwn = batch.inHand === true && batch.claim === caller.claim && batch.run === caller.run;
    if (isOwn && compareEpochs(batch, gate) === 0)
      this.#fail("I10", `claim ${caller.claim} of ${batch.sk} was left in hand by its commit`, caller);
    this.#throwFirst();
  }

  #checkSettled(caller: Caller, next: StepAnswer["next"]): void {
    const { job } = this;
    const isItsOwn = job?.deletedAt === undefined && job?.run === caller.run && job?.round === caller.round;
    if (next === "superseded" && isItsOwn && (this.#state === "PARTITIONED" || this.#state === "PAUSING"))
      this.#fail("I10", `settle gave way while its job was ${this.#state} (wish ${job?.wish})`, caller);
    this.#throwFirst();
  }

  executionEnded(run: number): void {
    const state = this.#state;
    if (this.job?.run === run && state !== undefined && !isTerminal(state) && !IS_LEFT_TO_OTHERS.has(state))
      this.losses.push(`the execution of run ${run} ended while the job was ${state}`);
  }

  /** I4: nothing appears or changes at the destination, nor among the results, of a job that is CANCELED. */
  objects(caller: Caller, { puts, deletes }: Effect): void {
    const touched = puts ? [puts] : (deletes?.keys.map((key) => ({ bucket: deletes.bucket, key })) ?? []);
    if (caller.name === "user") return;
    for (const { bucket, key } of touched) {
      if (bucket === OUTPUT) this.#checkDestination(caller, key);
      else if (bucket === BUCKET && this.#state === "CANCELED" && this.job?.deletedAt === undefined) {
        if (this.#isCommitted(key)) this.#fail("I4", `${key} was written after CANCELED`, caller);
      }
    }
    this.#throwFirst();
  }

  #checkDestination(caller: Caller, key: string): void {
    if (this.#state === "CANCELED") this.#fail("I4", `the destination's ${key} changed after CANCELED`, caller);
    if (caller.name !== "publish") this.#fail("I3", `${key} was written by another step than publish`, caller);
    if (caller.run !== this.job?.run) this.#fail("I3", `${key} was published by another run`, caller);
  }

  get #state(): JobState | undefined {
    return this.job?.state as JobState | undefined;
  }

  /** A result that a task's state points to. */
  #isCommitted(key: string): boolean {
    const match = /\/results\/g(\d+)\/b(\d+)\/c(\d+)\//.exec(key);
    if (!match) return false;
    const [, generation, batch, claim] = match.map(Number);
    return this.tasksOf(generation ?? 0).some(
      (task, ordinal) =>
        Math.floor(ordinal / this.#shape.batchSize) === batch && task.claim === claim && isCompleted(task.letter),
    );
  }

  /** Undefined for one that nobody has claimed yet. */
  #batchAt(generation: number, n: number): Item | undefined {
    const { pk, sk } = batchKey(String(this.job?.id), generation, this.#shape.gates, n);
    return this.#batches.get(`${pk} ${sk}`);
  }

  /** The tasks of a generation, in order; those of batches that nobody has claimed yet are queued. */
  tasksOf(generation: number): readonly PackedTask[] {
    const { tasks, batchSize } = this.#shape;
    return Array.from({ length: Math.ceil(tasks / batchSize) }, (_, n) => {
      const item = this.#batchAt(generation, n);
      return unpacked(item ? String(item.tasks) : `${Math.min(batchSize, tasks - n * batchSize)}Q`);
    }).flat();
  }

  get gates(): readonly Item[] {
    return [...this.#gates.values()];
  }

  #checkGate(caller: Caller, before: Item, after: Item): void {
    const moved = compareEpochs(after, before);
    if (moved < 0) this.#fail("I3", "a gate's epoch went back", caller);
    if (after.mode === "open" && before.mode !== "open") {
      const isOwn = caller.name === "plan" && after.run === caller.run && after.round === caller.round;
      if (moved !== 0 || before.opened || !isOwn)
        this.#fail("I3", "a gate was opened again, or by another than its plan", caller);
    }
    if (caller.name === "settle" && after.mode !== before.mode && caller.round !== before.round)
      this.#fail("I3", `a gate of round ${before.round} was closed by the settle of round ${caller.round}`, caller);
    if (after.mode === "held" && before.mode === "closed") this.#fail("I3", "a closed gate was held", caller);
  }

  #checkBatch(caller: Caller, before: Item | undefined, after: Item, gate: Item | undefined): void {
    const was = before ? unpacked(String(before.tasks)) : [];
    const is = unpacked(String(after.tasks));
    if (
      this.#state === "CANCELED" &&
      was.some((task, i) => changed(task, is[i]) && (hasEnded(task.letter) || hasEnded(is[i]?.letter ?? "Q")))
    ) {
      this.#fail("I4", `${after.sk}: a result changed after CANCELED`, caller);
    }
    if (!gate || gate.run !== caller.run || gate.round !== caller.round) {
      this.#fail("I3", `${after.sk} was written in another epoch than its gate's`, caller);
    }
    if (caller.name === "plan") {
      this.#checkReset(caller, before, after, gate);
      return;
    }
    if (gate?.mode === "closed") this.#fail("I3", `${after.sk} was written through a closed gate`, caller);
    const isConsumed = claimOf(after.last) !== claimOf(before?.last);
    if (isConsumed) {
      this.consumed++;
      const isInHand =
        before?.inHand === true && before.claim === caller.claim && compareEpochs(before, gate ?? before) === 0;
      if (caller.name !== "commit" || !isInHand)
        this.#fail("I3", `${after.sk}: a claim that isn't in hand was consumed`, caller);
    }
    if (besideRetry(is) !== undefined) this.onRetry();
    const claims = Number(after.claim) - Number(before?.claim ?? 0);
    if (claims < 0 || claims > 1 || (claims === 0 && !isConsumed))
      this.#fail("I3", `${after.sk}: claim moved by ${claims}`, caller);
    if (claims === 1 && gate?.mode !== "open")
      this.#fail("I3", `${after.sk} was claimed through a gate that isn't open`, caller);
    if (was.some((task, i) => changed(task, is[i]) && hasEnded(task.letter))) {
      this.#fail("I3", `${after.sk}: a task that had ended changed`, caller);
    }
  }

  /** I5: plan resets what the requeue selected, once, and before its gates are open. */
  #checkReset(caller: Caller, before: Item | undefined, after: Item, gate: Item | undefined): void {
    if (gate?.opened) this.#fail("I5", `${after.sk} was reset though the run has begun`, caller);
    if (before && before.resetRun === after.resetRun) this.#fail("I5", `${after.sk} was reset twice in a run`, caller);
    if (this.#state === "PARTITIONED" || this.#state === "PAUSING")
      this.#fail("I5", `${after.sk} was reset though the job is ${this.#state}`, caller);
    if (after.retryAt === undefined && unpacked(String(after.tasks)).some(({ letter }) => letter === "S"))
      this.#fail("I5", `${after.sk}: a task that waits for its retry lost its time in a reset`, caller);
    const selection = this.selection();
    const n = Number(after.sk.slice("BATCH#".length));
    const was = before ? unpacked(String(before.tasks)) : [];
    for (const [i, task] of unpacked(String(after.tasks)).entries()) {
      const old = was[i];
      if (!old) continue;
      const isSelected = selects(selection, n * this.#shape.batchSize + i, old);
      if (changed(old, task) && hasEnded(old.letter) && !isSelected) {
        this.#fail("I5", `${after.sk}: task ${i} was reset and wasn't selected (${selection.kind})`, caller);
      }
      const isFresh = task.letter === "Q" && task.attempts === 0;
      if (isSelected && !isFresh)
        this.#fail("I5", `${after.sk}: task ${i} was selected and not reset (${selection.kind})`, caller);
    }
  }

  /** The ordinal of a task that has ended in a batch in which another waits for its next attempt. */
  endedBesideRetry(): number | undefined {
    for (const { sk, tasks } of this.#batches.values()) {
      const i = besideRetry(unpacked(String(tasks)));
      if (i !== undefined) return Number(sk.slice("BATCH#".length)) * this.#shape.batchSize + i;
    }
    return undefined;
  }

  selection(): Selection {
    const stored = this.job?.selection as { kind?: string; ranges?: string } | undefined;
    return { kind: stored?.kind ?? "none", ordinals: new Set(parseRanges(stored?.ranges ?? "")) };
  }

  /** I2: the gate's counts are those of its batches' tasks, none is negative, and they add up to what they always were. */
  #checkCounts(caller: Caller, pk: string): void {
    const gate = this.#gates.get(pk);
    if (!gate || this.job?.deletedAt !== undefined) return; // before its first plan, or purged
    const { tasks, batchSize, gates } = this.#shape;
    const k = Number(pk.slice(pk.lastIndexOf("#") + 1));
    const expected: Record<string, number> = {};
    for (let n = k; n * batchSize < tasks; n += gates) {
      const item = this.#batches.get(`${pk} BATCH#${String(n).padStart(6, "0")}`);
      const isOld = item !== undefined && compareEpochs(item, gate) !== 0;
      for (const { letter } of item
        ? unpacked(String(item.tasks))
        : unpacked(`${Math.min(batchSize, tasks - n * batchSize)}Q`)) {
        const name: CountName = isOld && letter === "A" ? "queued" : COUNT_OF[TASK_LETTERS[letter]];
        expected[name] = (expected[name] ?? 0) + 1;
      }
    }
    for (const name of COUNT_NAMES) {
      const count = Number(gate[name]);
      if (count < 0) this.#fail("I2", `gate ${k} counts ${count} ${name}`, caller);
      else if (count !== (expected[name] ?? 0))
        this.#fail("I2", `gate ${k} counts ${count} ${name}, its batches have ${expected[name] ?? 0}`, caller);
    }
  }

  #checkJob(caller: Caller, before: Item | undefined, after: Item | undefined): void {
    if (!after) {
      if (before?.id === this.job?.id) this.job = undefined;
      return;
    }
    if (!before) this.made.push(String(after.id));
    this.job = after;
    if (!before) return;
    const isOfRun = IN_WORKFLOW.has(caller.name);
    if (isOfRun && caller.run !== before.run)
      this.#fail("I3", `${caller.name} of run ${caller.run} wrote the job in run ${before.run}`, caller);
    for (const name of CLAIMED_KEYS) {
      const [now, then] = [after[name], before[name]];
      const claim = /\/c(\d+)\//.exec(String(now ?? ""))?.[1];
      if (now !== then && claim !== undefined && Number(claim) !== before.claim)
        this.#fail("I3", `${name} of claim ${claim} became valid under claim ${before.claim}`, caller);
    }
    if (after.run !== before.run) {
      this.runs.set(Number(after.run), caller.intent);
      if (Number(after.run) !== Number(before.run) + 1 || caller.intent === undefined)
        this.#fail("I7", `run ${before.run} became ${after.run}`, caller);
    } else if (Number(after.wish) < Number(before.wish)) this.#fail("I3", "the wish fell within a run", caller);
    const isLate = !["PARTITIONED", "PAUSING"].includes(String(before.state));
    if (caller.name === "commit" && Number(after.wish) > Number(before.wish) && isLate)
      this.#fail("I3", `a commit called off a job that was ${before.state}`, caller);
    if (after.run === before.run && Number(after.round) > Math.max(1, Number(before.round)))
      this.rounds.push(`run ${after.run} had to make round ${after.round}`);
    if (after.state !== before.state) this.#checkTransition(caller, before, after);
  }

  #checkTransition(caller: Caller, before: Item, after: Item): void {
    const [from, to] = [before.state, after.state] as [JobState, JobState];
    if (!mayBecome(from, to)) this.#fail("MATRIX", `${from} became ${to}`, caller);
    this.entered.set(to, (this.entered.get(to) ?? 0) + 1);
    const generation = Number(after.generation);
    const counted = (names: readonly string[]) =>
      this.gates
        .filter(({ pk }) => pk.includes(`#g${generation}#`))
        .reduce((sum, gate) => sum + names.reduce((all, name) => all + Number(gate[name]), 0), 0);
    if (to === "TASKS_COMPLETED" && counted(["queued", "active", "softFailed"]) > 0)
      this.#fail("I1", "TASKS_COMPLETED though tasks have not ended", caller);
    if (
      to === "PAUSED" &&
      this.gates.some((gate) => Number(gate.active) > 0 && gate.mode !== "closed" && gate.run === after.run)
    ) {
      this.#fail("I3", "PAUSED though a claim in hand can still commit", caller);
    }
    const { failure } = after as { failure?: { code: string } };
    if (to === "FAILED" && failure?.code === "WORKFLOW_LOST") {
      this.losses.push(`run ${after.run} lost its workflow`);
      if (from === "PAUSING" || Number(before.wish) >= WISHES.FAIL)
        this.#fail("I10", `what was wished of a ${from} job was lost with its workflow`, caller);
    }
    if (to === "PAUSED" && before.wish !== WISHES.PAUSE)
      this.#fail("I10", `PAUSED though the wish is ${before.wish}`, caller);
    if (caller.name === "settle" && caller.round !== before.round)
      this.#fail("I3", `settle of round ${caller.round} moved the job in round ${before.round}`, caller);
    if (to === "COMPLETE" && Number(after.wish) >= WISHES.FAIL)
      this.#fail("I3", "COMPLETE though it was called off", caller);
    // Before PARTITIONED the gates may still be in the making: no child has been started through them.
    if (
      isTerminal(to) &&
      after.gates !== undefined &&
      this.gates.some((gate) => gate.run === after.run && gate.mode === "open")
    ) {
      this.#fail("I3", `${to} though a gate of its run is open`, caller);
    }
    if (to === "REQUEUEING") this.#before = this.tasksOf(generation);
    if (from === "REQUEUEING" && to === "PARTITIONED" && before.stands === "PARTITIONED")
      this.#checkSelection(caller, after);
    this.onState(to);
  }

  /** I5: whatever was selected and not fresh has been reset by the time the run begins. */
  #checkSelection(caller: Caller, job: Item): void {
    const selection = this.selection();
    const { batchSize } = this.#shape;
    for (const [ordinal, task] of this.#before.entries()) {
      const isFresh = (task.letter === "Q" || task.letter === "A") && task.attempts === 0 && task.claim === 0;
      if (isFresh || !selects(selection, ordinal, task)) continue;
      const batch = this.#batchAt(Number(job.generation), Math.floor(ordinal / batchSize));
      if (batch?.resetRun !== job.run)
        this.#fail("I5", `task ${ordinal} (${task.letter}) was selected (${selection.kind}) and not reset`, caller);
    }
  }

  #fail(invariant: string, what: string, caller: Caller): void {
    if (!this.violations.has(invariant))
      this.violations.set(invariant, `${invariant}: ${what} (${JSON.stringify(caller)})`);
  }

  #throwFirst(): void {
    for (const [, message] of this.violations) throw new Error(message);
  }
}

/** Batches are few and their states fewer: each text is read once. */
const known = new Map<string, readonly PackedTask[]>();
function unpacked(text: string): readonly PackedTask[] {
  let tasks = known.get(text);
  if (!tasks) {
    tasks = unpackStates(text);
    if (known.size > 50_000) known.clear();
    known.set(text, tasks);
  }
  return tasks;
}

function besideRetry(tasks: readonly PackedTask[]): number | undefined {
  if (!tasks.some(({ letter }) => letter === "S")) return undefined;
  const i = tasks.findIndex(({ letter }) => hasEnded(letter));
  return i < 0 ? undefined : i;
}

const changed = (a: PackedTask, b: PackedTask | undefined): boolean =>
  b === undefined || a.letter !== b.letter || a.attempts !== b.attempts || a.claim !== b.claim;

const claimOf = (last: unknown): unknown => (last as { claim?: number } | undefined)?.claim;

function compareEpochs(a: Item, b: Item): number {
  return Number(a.run) - Number(b.run) || Number(a.round) - Number(b.round);
}

/** Of the tasks that had ended. */
export function selects({ kind, ordinals }: Selection, ordinal: number, task: PackedTask): boolean {
  switch (kind) {
    case "all":
      return true;
    case "unfinished":
      return !isCompleted(task.letter);
    case "failed":
      return task.letter === "F";
    case "partial":
      return task.letter === "P";
    case "tasks":
      return ordinals.has(ordinal);
    default:
      return false;
  }
}
