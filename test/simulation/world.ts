/**
 * Functions as the cloud runs them: each invocation has its own ports, whose calls wait for their turn, and may be throttled,
 * lose their answers, or be the last thing the function ever does. Its clock may be wrong by five minutes.
 */
import { conflict, type Moment, SeededIds, unavailable, withFaults } from "../../adapters/memory/index.ts";
import { type Engine, makeEngine } from "../helpers/engine.ts";
import { Scheduler } from "./scheduler.ts";

/** Who makes a call, as far as the checks want to know. */
export interface Caller {
  readonly name: string;
  readonly run?: number;
  readonly round?: number;
  readonly batch?: number;
  readonly claim?: number;
}

export interface Invocation<T> {
  readonly caller: Caller;
  readonly body: (ctx: Engine) => Promise<T>;
}

/** The function died, or its caller gave it up: then it goes on by itself. */
export class Died extends Error {
  override readonly name = "Died";
}

const SKEW_MS = 300_000;
/** A slow function isn't waited for any longer than this; whatever it still does comes late. */
const TIMEOUT_MS = 2_000;

export class World {
  readonly engine: Engine = makeEngine();
  readonly scheduler: Scheduler;
  /** Called behind every call that changed something, with who did it. */
  onWrite: (caller: Caller) => void = () => {};
  /** What has been invoked so far: a late duplicate is one of these. */
  readonly history: Invocation<unknown>[] = [];
  #faults: number;
  readonly #ids: SeededIds;
  #invocations = 0;
  /** How often each kind of fault was made. */
  readonly made: Record<string, number> = {};

  /** @param faults how many faults the schedule has at most */
  constructor(seed: number, faults: number) {
    this.#ids = new SeededIds(seed);
    this.#faults = faults;
    this.scheduler = new Scheduler(this.engine.clock, this.random);
  }

  readonly random = (): number => this.#ids.random();
  chance(probability: number): boolean {
    return this.random() < probability;
  }
  oneOf<T>(first: T, ...others: readonly T[]): T {
    return [first, ...others][Math.floor(this.random() * (others.length + 1))] ?? first;
  }

  /** True with this probability, while the schedule has faults left. */
  fault(kind: string, probability: number): boolean {
    if (this.#faults === 0 || !this.chance(probability)) return false;
    this.#faults--;
    this.made[kind] = (this.made[kind] ?? 0) + 1;
    return true;
  }

  /** Runs the function once, at its caller's pace or very slowly; rejects with Died when it dies on the way, and with whatever it throws. */
  invoke<T>(invocation: Invocation<T>, isSlow = this.fault("given up", 0.03)): Promise<T> {
    this.history.push(invocation);
    const { caller, body } = invocation;
    const id = `${caller.name}#${++this.#invocations}`;
    const skew = this.chance(0.1) ? this.oneOf(-SKEW_MS, SKEW_MS) : 0;
    const slowness = isSlow ? this.oneOf(500, 5_000, 60_000) : 0;
    return new Promise<T>((resolve, reject) => {
      if (slowness > 0)
        void this.scheduler.turn(`${id} times out`, TIMEOUT_MS).then(() => reject(new Died(`${id} timed out`)));
      let dead = false;
      const die = (moment: string): Promise<never> => {
        dead = true;
        reject(new Died(`${id} died ${moment}`));
        return NEVER;
      };
      const hook = async (moment: Moment): Promise<void> => {
        const what = `${id} ${moment.method}`;
        if (moment.when === "before") {
          if (dead) return NEVER;
          await this.scheduler.turn(what, this.random() * slowness);
          return this.#before(moment, die);
        }
        if (isWrite(moment)) this.onWrite(caller);
        return this.#after(moment, die);
      };
      const { engine } = this;
      const ctx: Engine = {
        ...engine,
        clock: Object.assign(Object.create(engine.clock), { now: () => engine.clock.now() + skew }),
        table: withFaults(engine.table, hook),
        objects: withFaults(engine.objects, hook),
        workflow: withFaults(engine.workflow, hook),
        nudge: withFaults(engine.nudge, hook),
      };
      body(ctx).then(resolve, reject);
    });
  }

  async #before({ port, method, args }: Moment, die: (moment: string) => Promise<never>): Promise<void> {
    if (this.fault("died before a call", 0.01)) return die(`before ${method}`);
    if (port === "MemoryNudge") return;
    if (this.fault("throttled", 0.005)) throw unavailable("TABLE_UNAVAILABLE");
    const writes = method === "transact" ? (args[0] as readonly unknown[]).length : method === "write" ? 1 : 0;
    if (writes > 0 && this.fault("conflict", 0.01)) throw conflict(writes, Math.floor(this.random() * writes));
  }

  async #after({ port, method, outcome }: Moment, die: (moment: string) => Promise<never>): Promise<void> {
    if (this.fault("died behind a call", 0.01)) return die(`behind ${method}`);
    const worked = outcome !== undefined && "value" in outcome;
    if (worked && port !== "MemoryNudge" && this.fault("answer lost", 0.01)) throw unavailable("TABLE_UNAVAILABLE");
  }
}

const NEVER = new Promise<never>(() => {});
const isWrite = ({ port, method }: Moment): boolean =>
  port === "MemoryTable" && (method === "write" || method === "transact");
