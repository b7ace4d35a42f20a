/** A job as the model sees it: how many tasks, what each takes, how they are cut into batches by JobJob's own rules. */
import { batchSize, gateCount } from "../../core/batches/sizing.ts";
import { planCuts } from "../../core/chunks/sizing.ts";
import { RULES } from "./rules.ts";

export interface Workload {
  readonly name: string;
  readonly tasks: number;
  /** t̂: decides the batch size. */
  readonly declaredSeconds: number;
  /** min(maxConcurrency of the job, maxWorkers of the deployment). */
  readonly workers: number;
  readonly task: TaskWork;
  readonly source: Source;
  /** Bytes of all results. */
  readonly outputBytes: number;
}

/** What a worker does for one task. */
export interface TaskWork {
  /** Seconds of its processor. */
  readonly seconds: number;
  readonly bytes: number;
  /** Objects it reads; 0 for a generator or a byte range. */
  readonly objects: number;
}

export type Source =
  | { readonly kind: "none" }
  | { readonly kind: "file"; readonly bytes: number; readonly scanned: boolean }
  | { readonly kind: "objects"; readonly count: number; readonly probed: boolean; readonly prefixes: number };

export interface Batches {
  readonly size: number;
  readonly count: number;
  readonly gates: number;
}

export function batchesOf({ tasks, declaredSeconds, workers }: Workload): Batches {
  const size = batchSize(tasks, declaredSeconds, workers);
  const count = Math.ceil(tasks / size);
  return { size, count, gates: gateCount(count) };
}

/** GETs of a task's input. */
export const getsOf = ({ objects, bytes }: TaskWork): number =>
  objects > 0 ? objects : Math.ceil(bytes / RULES.windowBytes.value);

/** Chunks that JobJob cuts one object of text into, unasked. */
export const chunksOf = (bytes: number): number => planCuts({ size: bytes }).count;
