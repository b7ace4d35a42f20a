/**
 * Lets one actor at a time take its next step, chosen by a seed: whatever runs side by side in the cloud happens here in
 * an order that the seed alone decides. An actor parks (`turn`, `sleep`) before everything that others can see.
 */
import { setImmediate } from "node:timers/promises";
import type { ManualClock } from "../../adapters/memory/index.ts";

interface Parked {
  readonly who: string;
  /** Not before the clock stands there, ms. */
  readonly at: number;
  readonly go: () => void;
}

/** Far above what any schedule needs: more means that the job goes round for ever. */
const MOST_STEPS = 30_000;
const TRACE_LENGTH = 60;

export class Scheduler {
  #parked: Parked[] = [];
  readonly #random: () => number;
  readonly #clock: ManualClock;
  #steps = 0;
  /** The latest steps, for the report of a failure. */
  readonly trace: string[] = [];

  constructor(clock: ManualClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
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

  /** Runs until nobody is parked any more; `after` looks at the world behind each step. */
  async run(after: () => void): Promise<void> {
    for (;;) {
      await setImmediate(); // the twins know no timers: by now everybody has parked again or ended
      after();
      const next = this.#pick();
      if (!next) return;
      if (++this.#steps > MOST_STEPS) throw new Error(`it never ends: ${MOST_STEPS} steps`);
      this.trace.push(`${new Date(this.#clock.now()).toISOString().slice(11, 23)} ${next.who}`);
      if (this.trace.length > TRACE_LENGTH) this.trace.shift();
      next.go();
    }
  }

  /** Any of those that are ready. Time passes with every step, and jumps ahead when all are waiting. */
  #pick(): Parked | undefined {
    if (this.#parked.length === 0) return undefined;
    this.#clock.advance(Math.floor(this.#random() * 20));
    const earliest = Math.min(...this.#parked.map(({ at }) => at));
    if (earliest > this.#clock.now()) this.#clock.set(earliest);
    const ready = this.#parked.filter(({ at }) => at <= this.#clock.now());
    const next = ready[Math.floor(this.#random() * ready.length)];
    this.#parked = this.#parked.filter((parked) => parked !== next);
    return next;
  }
}
