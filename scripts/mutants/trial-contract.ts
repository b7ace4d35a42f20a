import type { Pair } from "../../test/simulation/faults.ts";
import type { Invariant } from "./table.ts";

/** What a trial is to do. */
export interface Trial {
  /** File of the synthesised stack, as test/simulation/definition.ts gives it. */
  readonly deployed: string;
  readonly pairs: readonly Pair[];
  readonly invariant: Invariant;
  readonly plainSchedules: number;
  readonly seeds: number;
}

export interface TrialAnswer {
  /** A schedule without faults and control actions failed: then the mutation is no honest one. */
  readonly plainFailure?: string;
  /** The seed that caught it, and what the check said. */
  readonly seed?: number;
  readonly caught?: string;
  /** Schedules that another invariant's check failed before. */
  readonly others: number;
}
