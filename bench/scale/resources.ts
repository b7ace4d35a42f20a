/** The four ways in which something is scarce: so many at once, so many a second, one after the other, shared by all. */
import type { Simulator } from "./simulator.ts";
import { Timeline } from "./timeline.ts";

/** Length of a queue's used-up head that is cut off. */
const COMPACT_AT = 10_000;

/** So many at once; who comes too many waits in a queue. */
export class Slots {
  readonly used = new Timeline();
  readonly #sim: Simulator;
  readonly #size: number;
  #busy = 0;
  readonly #waiting: (() => void)[] = [];
  #head = 0;

  constructor(sim: Simulator, size: number) {
    this.#sim = sim;
    this.#size = size;
  }

  take(run: () => void): void {
    if (this.#busy < this.#size) this.#begin(run);
    else this.#waiting.push(run);
  }

  give(): void {
    this.#busy--;
    this.used.add(this.#sim.now, -1);
    const next = this.#waiting[this.#head];
    if (!next) return;
    this.#head++;
    if (this.#head > COMPACT_AT) {
      this.#waiting.splice(0, this.#head);
      this.#head = 0;
    }
    this.#begin(next);
  }

  #begin(run: () => void): void {
    this.#busy++;
    this.used.add(this.#sim.now, 1);
    run();
  }
}

/** So many a second, some saved up: a token bucket that gives in the order of asking. */
export class Rate {
  /** Per second, over time. */
  readonly used = new Timeline();
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, burst = 1, from = 0) {
    this.#perSecond = perSecond;
    this.#burst = Math.max(burst, 1);
    this.#tokens = this.#burst;
    this.#at = from;
  }

  /** @returns when the last of `count` that are asked for at `from` is given: `from` or later */
  take(from: number, count = 1): number {
    if (!Number.isFinite(this.#perSecond)) return from;
    const since = Math.max(from, this.#at);
    this.#tokens = Math.min(this.#burst, this.#tokens + (since - this.#at) * this.#perSecond) - count;
    this.#at = since;
    // Whoever comes behind a debt waits for it too.
    const given = since + (this.#tokens >= 0 ? 0 : -this.#tokens / this.#perSecond);
    const lasts = count / this.#perSecond;
    this.used.spread(Math.max(since, given - lasts), lasts, count);
    return given;
  }
}

/** Work that all who are there share evenly, as processes share processors: `size` of it a second, at most 1 each. */
export class Shared {
  readonly #sim: Simulator;
  readonly #size: number;
  /** Work given to each that was there from the beginning. */
  #given = 0;
  #at = 0;
  #round = 0;
  readonly #open: { readonly ends: number; readonly done: () => void }[] = [];

  constructor(sim: Simulator, size: number) {
    this.#sim = sim;
    this.#size = size;
  }

  /** @param work seconds that it takes alone */
  do(work: number, done: () => void): void {
    if (!Number.isFinite(this.#size)) {
      this.#sim.schedule(this.#sim.now + work, done);
      return;
    }
    this.#advance();
    this.#open.push({ ends: this.#given + work, done });
    this.#plan();
  }

  #speed(): number {
    return this.#open.length === 0 ? 0 : Math.min(1, this.#size / this.#open.length);
  }

  #advance(): void {
    this.#given += (this.#sim.now - this.#at) * this.#speed();
    this.#at = this.#sim.now;
  }

  #plan(): void {
    const round = ++this.#round;
    const first = this.#open.reduce((least, { ends }) => Math.min(least, ends), Number.POSITIVE_INFINITY);
    if (!Number.isFinite(first)) return;
    this.#sim.schedule(this.#at + (first - this.#given) / this.#speed(), () => {
      if (round !== this.#round) return; // somebody came or went in between
      this.#advance();
      const over: (() => void)[] = [];
      for (let i = this.#open.length - 1; i >= 0; i--) {
        const work = this.#open[i];
        if (work && work.ends <= first) {
          over.unshift(work.done);
          this.#open.splice(i, 1);
        }
      }
      this.#plan();
      for (const done of over) done();
    });
  }
}

/** One after the other. */
export class Line {
  /** Who came while another was there. */
  conflicts = 0;
  arrivals = 0;
  #free = 0;

  /** @returns when it is done */
  take(from: number, seconds: number): number {
    this.arrivals++;
    if (this.#free > from) this.conflicts++;
    this.#free = Math.max(this.#free, from) + seconds;
    return this.#free;
  }
}
