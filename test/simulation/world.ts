/**
 * The cloud as far as the engine sees it: functions whose calls wait for their turn, may be throttled, lose their answers, or
 * be the last thing the function ever does; clocks that are wrong by five minutes; calls that are given up and go on.
 */
import { crc32 } from "node:zlib";
import {
  ManualClock,
  type MemoryExecution,
  MemoryObjectStore,
  MemoryTable,
  MemoryWorkflow,
  SeededIds,
  unavailable,
} from "../../adapters/memory/index.ts";
import { type ErrorData, JobJobError } from "../../core/errors.ts";
import type { JobContext } from "../../core/job/context.ts";
import { type Item, type Log, type Place, RefusedError } from "../../core/ports/index.ts";
import { DEFAULT_SETTINGS, type Settings } from "../../core/steps/context.ts";
import { CATALOG } from "./catalog.ts";
import { actsOnWhatWasRead, type FaultPlan, Faults } from "./faults.ts";
import { SimulatedNudge, SimulatedStore, SimulatedTable, SimulatedWorkflow } from "./ports.ts";
import { Scheduler } from "./scheduler.ts";

export const BUCKET = "data";
export const INPUT = "inbox";
export const OUTPUT = "outbox";
export const OWNER = "ann";

/** Who makes a call, as far as the checks want to know. */
export interface Caller {
  readonly name: string;
  readonly run?: number;
  readonly round?: number;
  readonly batch?: number;
  readonly claim?: number;
  /** Of the user: calls of one intention are the same request, sent again. */
  readonly intent?: number;
}

export interface Invocation {
  readonly caller: Caller;
  readonly who: string;
  /** When its function's time is up, ms. */
  readonly until: number;
  /** Longest wait before each call, ms. */
  readonly slowness: number;
  dead: boolean;
  ended: boolean;
  /** Calls that wait for their turn. */
  parked: number;
  /** Tells the caller. */
  reject: (error: Error) => void;
}

/** The function died, or its caller gave it up: then it goes on by itself. */
export class Died extends Error {
  override readonly name = "Died";
}

export interface SimulatedContext extends JobContext {
  /** The function ends here, without a word. */
  readonly die: () => Promise<never>;
}

/** What a call does, for its faults and checks. */
export interface Effect {
  readonly writes?: number;
  readonly puts?: Place;
  readonly deletes?: { readonly bucket: string; readonly keys: readonly string[] };
}

/** What the checks get to see. */
export interface Observer {
  /** Behind each call that stored something: what was stored, as one. */
  stored(caller: Caller, changes: readonly StoredChange[]): void;
  /** Behind each invocation that came to its answer. */
  answered(caller: Caller, answer: unknown): void;
  /** Behind the end of an execution that nobody stopped. */
  executionEnded(run: number): void;
  /** Behind each call that made or removed objects. */
  objects(caller: Caller, effect: Effect): void;
}
export interface StoredChange {
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

const SKEW_MS = 300_000;
const HELD_UP_MS = 30_000;
/** Codes of errors that only a defect of ours makes. */
const DEFECTS = new Set([
  ...["TRANSITION_UNKNOWN", "ITEM_MALFORMED", "TABLE_REQUEST_INVALID", "STORE_REQUEST_INVALID", "PAYLOAD_INVALID"],
  ...["ANSWER_INVALID", "HAND_MISSING", "SCRATCH_MALFORMED", "NOT_PREPARED", "JOB_INCOMPLETE", "RESULT_INVALID"],
  ...["RANGE_INVALID", "PARTS_INVALID", "SIZE_MISMATCH", "OUTPUT_DAMAGED", "INTERNAL"],
]);

export class World {
  readonly clock = new ManualClock("2026-01-01T00:00:00Z");
  readonly ids: SeededIds;
  readonly table: MemoryTable;
  readonly objects: MemoryObjectStore;
  readonly workflow = new WatchedWorkflow();
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly settings: Settings;
  observer: Observer = { stored: () => {}, answered: () => {}, executionEnded: () => {}, objects: () => {} };
  /** What a nudge does. */
  onNudge: (jobId: string) => void = () => {};
  /** Behind the beginning of a write that acts on what its caller read before, and before it goes out. */
  onDecision: (caller: string) => void = () => {};
  /** The first thing that went wrong: it ends the schedule. */
  broken: Error | undefined;
  readonly #changes: StoredChange[] = [];
  readonly #live = new Set<Invocation>();
  /** Writes that act on what was read before and have not gone out yet: when they do, ms. */
  readonly #underWay = new Map<Invocation, number>();
  /** When the sweeper is to look at a job: what its index holds. */
  readonly #due = new Map<string, number>();
  #invocations = 0;
  /** How many clocks are wrong. */
  readonly #skewed: number;
  /** Nobody reads it, but a defect that somebody caught shows here. */
  readonly #log: Log = {
    info: () => {},
    warn: (event, data) => this.#judgeData(event, data),
    error: (event, data) => this.#judgeData(event, data),
  };

  constructor(options: {
    readonly seed: number;
    readonly faults: Omit<FaultPlan, "random">;
    readonly settings: Partial<Settings>;
    readonly minPartBytes: number;
    /** Share of the functions whose clock is wrong. */
    readonly skewed: number;
    readonly traced: boolean;
    /** Whether the twins check what a correct caller never gets wrong. */
    readonly strict: boolean;
  }) {
    this.#skewed = options.skewed;
    this.ids = new SeededIds(options.seed, this.clock);
    this.faults = new Faults({ ...options.faults, random: this.random });
    this.scheduler = new Scheduler(this.clock, this.random, options.traced);
    this.scheduler.isBusy = () => this.#isBusy();
    this.scheduler.after = () => {
      if (this.broken) throw this.broken;
    };
    this.settings = {
      ...DEFAULT_SETTINGS,
      bucket: BUCKET,
      region: "eu-test-1",
      grantedBuckets: [INPUT, OUTPUT],
      ...options.settings,
    };
    this.table = new MemoryTable({
      clock: this.clock,
      copies: false,
      strict: options.strict,
      onStore: (before, after) => {
        this.#changes.push({ before, after });
        if (before?.dueSk !== undefined) this.#due.delete(before.pk);
        if (after?.dueSk !== undefined) this.#due.set(after.pk, Number(String(after.dueSk).slice(0, 13)));
      },
    });
    const { minPartBytes } = options;
    this.objects = new MemoryObjectStore({
      buckets: [BUCKET, INPUT, OUTPUT],
      clock: this.clock,
      minPartBytes,
      digest: checksum,
    });
  }

  readonly random = (): number => this.ids.random();
  chance(probability: number): boolean {
    return this.random() < probability;
  }
  upTo(most: number): number {
    return Math.floor(this.random() * (most + 1));
  }
  oneOf<T>(first: T, ...others: readonly T[]): T {
    return [first, ...others][Math.floor(this.random() * (others.length + 1))] ?? first;
  }

  isAnythingDue(): boolean {
    for (const at of this.#due.values()) if (at <= this.clock.now()) return true;
    return false;
  }
  /** When something is next due, ms. */
  get nextDue(): number {
    return Math.min(...this.#due.values());
  }
  /** Functions that run. */
  get live(): number {
    return this.#live.size;
  }

  fail(error: unknown): void {
    this.broken ??= error instanceof Error ? error : new Error(String(error));
  }

  /** An actor that fails by itself fails the schedule. */
  spawn(actor: Promise<unknown>): void {
    actor.catch((error: unknown) => this.fail(error));
  }

  turn(what: string, ms = 0): Promise<void> {
    return this.scheduler.turn(what, ms);
  }

  nudged(jobId: string): void {
    this.onNudge(jobId);
  }

  /**
   * Runs the function once; rejects with Died when it dies on the way, its time is up or its caller gives it up, and with
   * whatever it throws.
   */
  invoke<T>(
    caller: Caller,
    body: (ctx: SimulatedContext) => Promise<T>,
    options: { readonly seconds: number; readonly isGivenUp?: boolean },
  ): Promise<T> {
    const isGivenUp = options.isGivenUp ?? this.faults.givesUp(caller.name, 0.02);
    const most = options.seconds * 1_000;
    // Longer than the function lives, sometimes: then its time is up somewhere in between.
    const slowness = isGivenUp ? this.oneOf(500, 5_000, most / 4, most) : 0;
    return new Promise<T>((resolve, reject) => {
      const by: Invocation = {
        caller,
        who: `${caller.name}#${++this.#invocations}`,
        until: this.clock.now() + most,
        slowness,
        dead: false,
        ended: false,
        parked: 0,
        reject,
      };
      this.#live.add(by);
      this.scheduler.tell(() => `${by.who} is invoked ${JSON.stringify(caller)}${isGivenUp ? ", slowly" : ""}`);
      if (isGivenUp) {
        void this.turn(`${by.who} is given up`, this.random() * 2_000).then(() =>
          reject(new Died(`${by.who} given up`)),
        );
      }
      const ended = () => {
        by.ended = true;
        this.#live.delete(by);
      };
      body(this.#contextOf(by)).then(
        (value) => {
          ended();
          this.scheduler.tell(() => `${by.who} answers ${JSON.stringify(value)}`);
          this.#look(() => this.observer.answered(by.caller, value));
          resolve(value);
        },
        (error: unknown) => {
          ended();
          this.scheduler.tell(() => `${by.who} throws ${String(error)}`);
          this.#judge(by, error);
          reject(error);
        },
      );
    });
  }

  #contextOf(by: Invocation): SimulatedContext {
    const skew = !this.faults.isCalm && this.chance(this.#skewed) ? this.oneOf(-SKEW_MS, SKEW_MS) : 0;
    if (skew !== 0) this.faults.kinds.set("clock skewed", (this.faults.kinds.get("clock skewed") ?? 0) + 1);
    const { clock } = this;
    return {
      table: new SimulatedTable(this, by),
      objects: new SimulatedStore(this, by),
      workflow: new SimulatedWorkflow(this, by),
      nudge: new SimulatedNudge(this, by),
      clock: skew === 0 ? clock : { now: () => clock.now() + skew },
      ids: this.ids,
      log: this.#log,
      settings: this.settings,
      catalog: CATALOG,
      sleep: (ms) => this.turn(`${by.who} sleeps`, ms),
      die: () => this.#die(by, "of its app"),
    };
  }

  /** One call of a port. */
  async call<T>(by: Invocation, method: string, run: () => Promise<T>, effect: Effect = NO_EFFECT): Promise<T> {
    if (by.dead) return never();
    by.parked++;
    const delay = this.#delayOf(by, method);
    await this.scheduler.turn(this.scheduler.trace ? `${by.who} ${method}` : method, delay);
    by.parked--;
    this.#underWay.delete(by);
    if (by.dead) return never();
    if (this.clock.now() > by.until) return this.#die(by, "its time was up");
    const { faults } = this;
    if (faults.crashes(by.caller.name, method, "before", 0.006)) return this.#die(by, `before ${method}`);
    if (method === "NudgePort.sweep") {
      // Asynchronous invocations are lost without a word.
      if (faults.draw("nudge lost", 0.1)) return undefined as T;
    } else if (faults.draw("throttled", 0.004)) throw unavailable(codeOf(method));
    const { writes = 0 } = effect;
    if (writes > 0 && faults.draw("conflict", 0.01)) throw conflictOf(writes, this.upTo(writes - 1));
    try {
      const running = run();
      this.#observe(by, effect);
      const value = await running;
      if (effect.puts || effect.deletes) this.observer.objects(by.caller, effect);
      if (faults.crashes(by.caller.name, method, "after", 0.006)) return this.#die(by, `behind ${method}`);
      if (method !== "NudgePort.sweep" && faults.losesAnswer(by.caller.name, method, 0.004))
        throw unavailable(codeOf(method));
      return value;
    } catch (error) {
      this.scheduler.tell(() => `  ${by.who} ${method} gets ${String(error)}`);
      // A call that was refused, too, may be the caller's last.
      if (!isLost(error) && faults.crashes(by.caller.name, method, "after", 0.006)) {
        return this.#die(by, `behind ${method}`);
      }
      throw error;
    }
  }

  #delayOf(by: Invocation, method: string): number {
    const now = this.clock.now();
    const within = (ms: number): number => Math.min(ms, by.until + 1 - now);
    const slow = (ms: number): number => (ms === 0 ? 0 : within(this.random() * ms));
    const decides = actsOnWhatWasRead(by.caller.name, method);
    if (decides) this.onDecision(by.caller.name);
    const late = this.faults.lateness(by.caller.name, method);
    if (late) {
      if (late.isGivenUp) by.reject(new Died(`${by.who} given up`));
      const delay = slow(late.ms);
      if (decides) this.#underWay.set(by, now + delay);
      return delay;
    }
    if (!decides) return slow(by.slowness);
    if (this.#underWay.size > 0 && this.faults.letsPass(by.caller.name))
      return within(Math.max(...this.#underWay.values()) - now + this.random() * 50);
    const isHeldUp = this.faults.holdsUp(by.caller.name);
    // Its caller may wait for it, or have given it up long before it goes on.
    if (isHeldUp && this.chance(0.5)) by.reject(new Died(`${by.who} given up`));
    const delay = slow(isHeldUp ? HELD_UP_MS : by.slowness);
    this.#underWay.set(by, now + delay);
    return delay;
  }

  #observe(by: Invocation, effect: Effect): void {
    if (effect.writes === undefined || this.#changes.length === 0) return;
    const changes = this.#changes.splice(0);
    if (this.scheduler.trace) for (const change of changes) this.scheduler.tell(() => `  ${describe(change)}`);
    this.#look(() => this.observer.stored(by.caller, changes));
  }

  #look(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.fail(error);
    }
  }

  #die(by: Invocation, moment: string): Promise<never> {
    by.dead = true;
    this.#live.delete(by);
    this.scheduler.tell(() => `  ${by.who} DIES ${moment}`);
    by.reject(new Died(`${by.who} died ${moment}`));
    return never();
  }

  /** Errors that no fault explains are defects. */
  #judge(by: Invocation, error: unknown): void {
    if (error instanceof Died || (error instanceof JobJobError && !DEFECTS.has(error.code))) return;
    this.fail(new Error(`DEFECT: ${by.who} threw ${error instanceof Error ? error.stack : String(error)}`));
  }

  #judgeData(event: string, data: Readonly<Record<string, unknown>> & { readonly error?: ErrorData } = {}): void {
    if (!data.error || !DEFECTS.has(data.error.code)) return;
    const { thrown } = data;
    const stack = thrown instanceof Error ? thrown.stack : "";
    this.fail(new Error(`DEFECT: ${event}: ${data.error.code} ${data.error.message} ${stack}`));
  }

  #isBusy(): boolean {
    for (const by of this.#live) if (by.parked === 0 && !by.dead && !by.ended) return true;
    return false;
  }
}

/** Tells of every start and end. */
class WatchedWorkflow extends MemoryWorkflow {
  onStart: (execution: MemoryExecution) => void = () => {};
  onEnd: (execution: MemoryExecution) => void = () => {};

  override async start(name: string, input: MemoryExecution["input"]): Promise<{ readonly started: boolean }> {
    const isNew = !this.executions.has(name);
    const answer = await super.start(name, input);
    const execution = this.executions.get(name);
    if (isNew && execution) this.onStart(execution);
    return answer;
  }
  override async stop(name: string, cause: string): Promise<void> {
    const execution = this.executions.get(name);
    const wasRunning = execution?.status === "running";
    await super.stop(name, cause);
    if (execution && wasRunning) this.onEnd(execution);
  }
  override finish(name: string, status?: "succeeded" | "failed", cause?: string): void {
    const execution = this.executions.get(name);
    const wasRunning = execution?.status === "running";
    super.finish(name, status, cause);
    if (execution && wasRunning) this.onEnd(execution);
  }
}

/** Tells contents apart, and looks like S3's MD5, at a tenth of its price. */
function checksum(body: Uint8Array): Buffer {
  const digest = Buffer.alloc(16);
  digest.writeUInt32LE(crc32(body), 0);
  digest.writeUInt32LE(body.length, 4);
  return digest;
}

const NO_EFFECT: Effect = {};
/** A new one each time: whoever waits for a promise that others share is kept in memory as long as it is. */
const never = (): Promise<never> => new Promise<never>(() => {});
const CODES: Readonly<Record<string, "TABLE_UNAVAILABLE" | "WORKFLOW_UNAVAILABLE">> = {
  Table: "TABLE_UNAVAILABLE",
  WorkflowPort: "WORKFLOW_UNAVAILABLE",
};

const codeOf = (method: string) => CODES[method.slice(0, method.indexOf("."))] ?? "STORE_UNAVAILABLE";
/** An answer that a fault of ours took away. */
const isLost = (error: unknown): boolean => error instanceof JobJobError && error.code.endsWith("_UNAVAILABLE");

const conflictOf = (writes: number, at: number): RefusedError =>
  new RefusedError(Array.from({ length: writes }, (_, i) => (i === at ? "conflict" : "none")));

function describe({ before, after }: StoredChange): string {
  const item = after ?? before;
  if (!item) return "nothing";
  const changed = Object.keys({ ...before, ...after }).filter(
    (name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]),
  );
  const shown = changed.map((name) => `${name}: ${JSON.stringify(before?.[name])} → ${JSON.stringify(after?.[name])}`);
  return `${item.pk.slice(-8)} ${item.sk.slice(0, 12)} {${shown.join(", ").slice(0, 700)}}`;
}
