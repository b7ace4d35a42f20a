/**
 * Lets one actor at a time take its next step, chosen by a seed: whatever runs side by side in the cloud happens here in
 * an order that the seed alone decides. An actor parks (`turn`) before everything that others can see.
 */
import type { ManualClock } from "../../adapters/memory/index.ts";

interface Parked {
  readonly who: string;
  /** Not before the clock stands there, ms. */
  readonly at: number;
  readonly go: () => void;
}

/** Far above what any schedule needs: more means that the job goes round for ever. */
const MOST_STEPS = 60_000;
/** For an actor that works on something of the machine's own (unpacking gzip), milliseconds of real time. */
const MOST_WAIT_MS = 60_000;
const TRACE_LENGTH = 20_000;

export class Scheduler {
  readonly #parked: Parked[] = [];
  readonly #random: () => number;
  readonly #clock: ManualClock;
  #steps = 0;
  #waitsSince: number | undefined;
  /** The latest steps; kept only when somebody is to read them. */
  readonly trace: string[] | undefined;
  /** True while an actor neither waits for its turn nor has ended. */
  isBusy: () => boolean = () => false;
  /** Looks at the world behind each step; what it throws ends the run. */
  after: () => void = () => {};

  constructor(clock: ManualClock, random: () => number, traced: boolean) {
    this.#clock = clock;
    this.#random = random;
    this.trace = traced ? [] : undefined;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Resolves when it is this actor's turn, `delayMs` from now at the earliest. */
  turn(who: string, delayMs = 0): Promise<void> {
    return new Promise((go) => {
      this.#parked.push({ who, at: this.#clock.now() + Math.round(delayMs), go });
    });
  }

  tell(what: () => string): void {
    if (!this.trace) return;
    this.trace.push(`${new Date(this.#clock.now()).toISOString().slice(8, 23)} ${what()}`);
    if (this.trace.length > TRACE_LENGTH) this.trace.shift();
  }

  /** Runs until nobody is parked any more. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          this.after();
          if (this.isBusy()) {
            this.#waitsSince ??= performance.now();
            if (performance.now() - this.#waitsSince > MOST_WAIT_MS)
              throw new Error("an actor hangs: it waits for nothing that it ever gets");
            setImmediate(step);
            return;
          }
          this.#waitsSince = undefined;
          const next = this.#pick();
          if (!next) {
            resolve();
            return;
          }
          if (++this.#steps > MOST_STEPS) throw new Error(`it never ends: ${MOST_STEPS} steps`);
          this.tell(() => next.who);
          next.go();
          // The twins know no timers: once the microtasks are through, everybody has parked again or ended. A tick that is
          // queued by a microtask comes behind all of them, and costs a tenth of a turn of the event loop.
          queueMicrotask(() => process.nextTick(step));
        } catch (error) {
          reject(error);
        }
      };
      queueMicrotask(() => process.nextTick(step));
    });
  }

  /** Any of those that are ready. Time passes with every step, and jumps ahead when all are waiting. */
  #pick(): Parked | undefined {
    const parked = this.#parked;
    if (parked.length === 0) return undefined;
    this.#clock.advance(Math.floor(this.#random() * 20));
    let now = this.#clock.now();
    let ready = 0;
    let earliest = Number.POSITIVE_INFINITY;
    for (const { at } of parked) {
      if (at <= now) ready++;
      if (at < earliest) earliest = at;
    }
    if (ready === 0) {
      this.#clock.set(earliest);
      now = earliest;
      for (const { at } of parked) if (at <= now) ready++;
    }
    let wanted = Math.floor(this.#random() * ready);
    for (let i = 0; i < parked.length; i++) {
      const candidate = parked[i];
      if (!candidate || candidate.at > now || wanted-- > 0) continue;
      const last = parked.pop();
      if (last && i < parked.length) parked[i] = last;
      return candidate;
    }
    return undefined;
  }
}
