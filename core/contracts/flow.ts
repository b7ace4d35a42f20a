/**
 * Where each step of JobWorkflow may go. The CDK code makes the Choice after a step from its row, the step's handler refuses
 * an answer that isn't in it. `fail`, `superseded` and `ended` are open to every step and stand in no row.
 */
import type { Next } from "./workflow.ts";

/** `again` and `wait` are loops, the others name a state. */
export const STEP_FLOW = {
  /** A requeued run goes on from the last state whose result still stands. */
  prepare: ["again", "wait", "partition", "plan", "assemble", "deliver"],
  partition: ["again", "plan"],
  plan: ["again", "tasks", "settle", "assemble", "deliver"],
  settle: ["again", "plan", "assemble"],
  assemble: ["again", "deliver"],
  deliver: ["again", "publish"],
  publish: ["again", "finish"],
  finish: ["again"],
  fail: ["again"],
} as const satisfies Record<string, readonly Next[]>;

export type StepName = keyof typeof STEP_FLOW;

export const EXITS = ["fail", "superseded", "ended"] as const satisfies readonly Next[];

/** Whether the workflow has a way from this step to that answer. */
export function mayAnswer(step: StepName, next: Next): boolean {
  const open: readonly Next[] = [...STEP_FLOW[step], ...EXITS];
  return open.includes(next);
}
