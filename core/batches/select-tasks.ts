/** Which tasks of a batch a requeue resets: back to QUEUED with fresh attempts, their old results dropped from the merge. */
import type { Selection } from "../contracts/job-items.ts";
import { isCompleted } from "../states/task-states.ts";
import { FRESH, type PackedTask } from "./packed-states.ts";
import { parseRanges } from "./ranges.ts";

/** @returns whether a task, by its ordinal in the job, is to run anew. */
export type Picks = (ordinal: number, task: PackedTask) => boolean;

/** @param ranges of a selection of tasks by number @returns undefined when nothing is reset */
export function picksOf(selection: Selection | undefined, ranges: string | undefined): Picks | undefined {
  switch (selection?.kind) {
    case "unfinished":
      return (_, task) => !isCompleted(task.letter);
    case "failed":
      return (_, task) => task.letter === "F";
    case "partial":
      return (_, task) => task.letter === "P";
    case "all":
      return () => true;
    case "tasks": {
      const ordinals = new Set(parseRanges(ranges ?? ""));
      return (ordinal) => ordinals.has(ordinal);
    }
    default:
      return undefined;
  }
}

/** @returns the tasks afterwards, and those that were reset. */
export function resetTasks(
  tasks: readonly PackedTask[],
  first: number,
  picks: Picks,
): { readonly tasks: readonly PackedTask[]; readonly reset: readonly number[] } {
  const reset: number[] = [];
  const after = tasks.map((task, i) => {
    const isFresh = task.letter === "Q" && task.attempts === 0 && task.claim === 0;
    if (isFresh || !picks(first + i, task)) return task;
    reset.push(i);
    return FRESH;
  });
  return { tasks: after, reset };
}
