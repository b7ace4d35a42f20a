/** Which faults a schedule makes, when, and how often each was made. All of it follows from the seed. */

import type { Aims } from "./aims.ts";

/** Who calls what: the unit in which crashes are counted. */
export interface Pair {
  readonly caller: string;
  /** "Table.transact" */
  readonly method: string;
}
export type When = "before" | "after";

/** A call that the schedule is out for, and what becomes of it. */
export interface Target extends Pair {
  /** The caller dies, its answer is lost, or (only before) it hangs for a moment in which others go on. */
  readonly kind: "crash" | "lost" | "late";
  readonly when: When;
  /** Calls of the pair that go well before it. */
  skip: number;
  /** Of a late call: how long it hangs at most, and whether its caller's caller waits for that. */
  readonly late?: { readonly ms: number; readonly isGivenUp: boolean };
}

export interface FaultPlan {
  /** Faults at most, besides the targets. */
  readonly budget: number;
  readonly aims: Aims;
  readonly random: () => number;
}

/**
 * Writes that act on what was read before, and whose conditions only matter when the world has changed meanwhile: they are held
 * up far oftener than others.
 */
const DECISIONS = {
  commit: "Table.write",
  ...{ plan: "Table.transact", settle: "Table.transact", fail: "Table.transact", sweep: "Table.transact" },
} as const;
const HELD_UP: Readonly<Record<string, string>> = {
  ...DECISIONS,
  ...{ pause: "Table.transact", resume: "Table.transact", abort: "Table.transact", requeue: "Table.transact" },
};
/** Who decides without being asked. */
export type Decider = keyof typeof DECISIONS;
export const DECIDERS = Object.keys(DECISIONS) as readonly Decider[];
const HELD_UP_SHARE = 0.15;
const LETS_PASS_SHARE = 0.3;
/** Of commits' writes most, for few schedules come to one: the job that failFast ends. */
const COMMIT_HELD_UP_SHARE = 0.5;

export const actsOnWhatWasRead = (caller: string, method: string): boolean => HELD_UP[caller] === method;

export class Faults {
  readonly #random: () => number;
  /** The counters of `calls` by caller and method: thousands of look-ups a schedule. */
  readonly #counters = new Map<string, Map<string, { calls: number; before: number; after: number }>>();
  readonly #targets: Target[];
  #slow: { readonly caller: string; skip: number } | undefined;
  readonly #outage: Aims["outage"];
  readonly #isLossy: boolean;
  readonly #patient: Decider | undefined;
  /** Invocations so far of the step that is to be out. */
  #invoked = 0;
  #budget: number;
  #made = 0;
  #isCalm = false;
  /** Makes of the next occasion a fault, whatever its probability. */
  isUrgent = false;
  /** Steps that had a rival: another call of theirs under way at the same time, or long after. */
  readonly rivals = new Set<string>();
  /** How often each kind was made. */
  readonly kinds = new Map<string, number>();
  /** "<caller> <method>" → calls, and crashes before and behind one. */
  readonly calls = new Map<string, { calls: number; before: number; after: number }>();

  constructor({ budget, aims, random }: FaultPlan) {
    this.#random = random;
    this.#budget = budget;
    this.#targets = aims.targets.map((target) => ({ ...target }));
    this.#slow = aims.slow && { ...aims.slow };
    this.#outage = aims.outage;
    this.#isLossy = aims.isLossy ?? false;
    this.#patient = aims.patient;
  }

  /** Faults that were made. */
  get made(): number {
    return this.#made;
  }

  /** A function that can't be invoked until then, ms. */
  outage: { readonly caller: string; readonly until: number } | undefined;

  /** From now on nothing goes wrong any more. */
  calm(): void {
    this.#isCalm = true;
    this.outage = undefined;
  }
  get isCalm(): boolean {
    return this.#isCalm;
  }

  /** True with this probability, while there are faults left. */
  draw(kind: string, probability: number): boolean {
    if (this.#isCalm || (this.#budget <= 0 && !this.isUrgent)) return false;
    if (!this.isUrgent && this.#random() >= probability) return false;
    this.isUrgent = false;
    this.#budget--;
    this.note(kind);
    return true;
  }

  note(kind: string): void {
    this.#made++;
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
  }

  /** Whether the caller dies here. */
  crashes(caller: string, method: string, when: When, probability: number): boolean {
    const counter = this.#counter(caller, method);
    if (when === "before") counter.calls++;
    if (!this.#hit("crash", caller, method, when) && !this.draw(`crashed ${when} a call`, probability)) return false;
    counter[when]++;
    return true;
  }

  /** Whether the answer of a call that took effect gets lost. */
  losesAnswer(caller: string, method: string, probability: number): boolean {
    return this.#hit("lost", caller, method, "after") !== undefined || this.draw("answer lost", probability);
  }

  /** Whether the execution of a child ends in the middle, its batch unfinished. */
  losesChild(): boolean {
    return this.draw("child lost", this.#isLossy ? 0.1 : 0.004);
  }

  /** Whether a call waits for another that is under way, to come just behind it. Not one of the schedule's faults: just timing. */
  letsPass(caller: string): boolean {
    return !this.#isCalm && (caller === this.#patient || this.#random() < LETS_PASS_SHARE);
  }

  /** Whether the call hangs for long before it goes out. */
  holdsUp(caller: string): boolean {
    // A commit, whatever else went wrong before: by then most schedules have had their faults.
    if (caller !== "commit") {
      if (!this.draw("held up", HELD_UP_SHARE)) return false;
    } else {
      if (this.#isCalm || this.#random() >= COMMIT_HELD_UP_SHARE) return false;
      this.note("held up");
    }
    this.rivals.add(caller);
    return true;
  }

  /** How the call hangs, where the schedule is out for that. */
  lateness(caller: string, method: string): Target["late"] {
    const target = this.#hit("late", caller, method, "before");
    if (target?.late?.isGivenUp) this.rivals.add(caller);
    return target?.late;
  }

  /** Whether the caller of this function gives it up. */
  givesUp(caller: string, probability: number): boolean {
    const isAimedAt = !this.#isCalm && this.#slow?.caller === caller && this.#slow.skip-- <= 0;
    if (isAimedAt) {
      this.#slow = undefined;
      this.note("given up by its caller");
    } else if (!this.draw("given up by its caller", probability)) return false;
    this.rivals.add(caller);
    return true;
  }

  /** Whether an outage of the step begins with this invocation. */
  breaks(step: string, probability: number): boolean {
    const isDue = !this.#isCalm && this.#outage?.caller === step && this.#invoked++ === this.#outage.from;
    if (!isDue) return this.draw("function out for minutes", probability);
    this.note("function out for minutes");
    return true;
  }

  #hit(kind: Target["kind"], caller: string, method: string, when: When): Target | undefined {
    if (this.#isCalm || this.#targets.length === 0) return undefined;
    for (let at = 0; at < this.#targets.length; at++) {
      const target = this.#targets[at];
      const isIt =
        target?.method === method && target.when === when && target.caller === caller && target.kind === kind;
      if (!isIt) continue;
      if (target.skip-- > 0) return undefined;
      this.#targets.splice(at, 1);
      this.note({ crash: `crashed ${when} a call`, lost: "answer lost", late: "held up" }[kind]);
      return target;
    }
    return undefined;
  }

  #counter(caller: string, method: string) {
    let methods = this.#counters.get(caller);
    if (!methods) {
      methods = new Map();
      this.#counters.set(caller, methods);
    }
    let counter = methods.get(method);
    if (!counter) {
      counter = { calls: 0, before: 0, after: 0 };
      methods.set(method, counter);
      this.calls.set(`${caller} ${method}`, counter);
    }
    return counter;
  }
}
