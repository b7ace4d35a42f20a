/** What the sweeper did for a job. */
export const REPAIR_KINDS = [
  /** A run that was accepted and never started. */
  "START",
  /** An execution that ended behind our back. */
  "WORKFLOW",
  /** A job past its jobTimeout. */
  "TIMEOUT",
  /** An abort that its own call could not end. */
  "CANCEL",
  /** What an ended run had left: gates that were not closed, a running execution. */
  "GATES",
  "EXECUTION",
] as const;
export type RepairKind = (typeof REPAIR_KINDS)[number];

export interface Repair {
  readonly kind: RepairKind;
  /** For the timeline: what was done, in the past tense. */
  readonly what: string;
}
