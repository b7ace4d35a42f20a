/**
 * The states of a batch's tasks, run-length encoded: "180C1:1" = 180 tasks COMPLETED at their first attempt, their results
 * under claim 1. A run is `<count><letter>[<attempts>][:<claim>][!<code>]`; a fresh or finished batch is one run of a few
 * bytes, so its item stays far below 300 B whatever the number of tasks.
 */
import { JobJobError } from "../errors.ts";
import { TASK_LETTERS, type TaskLetter } from "../states/task-states.ts";

export interface PackedTask {
  readonly letter: TaskLetter;
  /** Attempts made so far and charged to the task; the one under way (A) is not counted yet. */
  readonly attempts: number;
  /** The claim whose index object tells the task's latest attempt; 0 = none yet. */
  readonly claim: number;
  /**
   * A suspect: what its worker died of. From that death until an attempt of the task ends otherwise, it only goes into
   * cautious hands; whether the death was charged to it is told by `letter` and `attempts`.
   */
  readonly code?: string;
}

export const FRESH: PackedTask = { letter: "Q", attempts: 0, claim: 0 };

/** All tasks of a batch nobody has claimed yet. */
export const freshTasks = (count: number): string => `${count}Q`;

export function packStates(tasks: readonly PackedTask[]): string {
  const runs: string[] = [];
  let count = 0;
  let current = "";
  for (const task of tasks) {
    const text = `${task.letter}${task.attempts || ""}${task.claim ? `:${task.claim}` : ""}${task.code ? `!${task.code}` : ""}`;
    if (text === current) count++;
    else {
      if (count > 0) runs.push(`${count}${current}`);
      current = text;
      count = 1;
    }
  }
  if (count > 0) runs.push(`${count}${current}`);
  return runs.join(",");
}

/** @throws JobJobError ITEM_MALFORMED */
export function unpackStates(packed: string): PackedTask[] {
  const tasks: PackedTask[] = [];
  if (packed === "") return tasks;
  for (const run of packed.split(",")) {
    const match = /^(\d+)([A-Z])(\d*)(?::(\d+))?(?:!([A-Z_]+))?$/.exec(run);
    const letter = match?.[2];
    if (!match || !letter || !isLetter(letter)) {
      throw new JobJobError({
        code: "ITEM_MALFORMED",
        message: `"${packed}" are no packed task states, see "${run}".`,
      });
    }
    const task: PackedTask = {
      letter,
      attempts: Number(match[3] || 0),
      claim: Number(match[4] ?? 0),
      ...(match[5] ? { code: match[5] } : {}),
    };
    for (let n = Number(match[1]); n > 0; n--) tasks.push(task);
  }
  return tasks;
}

const isLetter = (text: string): text is TaskLetter => Object.hasOwn(TASK_LETTERS, text);
