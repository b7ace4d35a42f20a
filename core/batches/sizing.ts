/**
 * How many tasks one worker invocation takes: enough that a child's fixed price ($26 per million) is spread over three
 * minutes of work, few enough that all workers get some, and never under 20 s of work while there are few tasks.
 */
export const DEFAULT_TASK_SECONDS = 5;
export const MAX_BATCH = 1_000;
const TARGET_SECONDS = 180;
const LEAST_SECONDS = 20;
export const MAX_GATES = 32;

/** @param taskSeconds t̂: the app's declared task time, or its measured mean. */
export function batchSize(tasks: number, taskSeconds: number = DEFAULT_TASK_SECONDS, workers: number): number {
  const wanted = clamp(Math.floor(TARGET_SECONDS / taskSeconds));
  if (Math.ceil(tasks / wanted) >= workers) return wanted;
  return clamp(Math.max(Math.ceil(tasks / workers), Math.ceil(LEAST_SECONDS / taskSeconds)), wanted);
}

/** Batch n belongs to gate n mod gates: more gates for more batches, so that no partition is hot. */
export function gateCount(batches: number): number {
  return Math.max(1, Math.min(MAX_GATES, Math.ceil(batches / 4)));
}

const clamp = (n: number, most: number = MAX_BATCH): number => Math.max(1, Math.min(most, n));
