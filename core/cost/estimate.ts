/** What a job will cost, and what it has cost so far: the same model, fed with expectations or with the gates' counts. */
import { batchSize, gateCount } from "../batches/sizing.ts";
import { type Cost, priceOf, type Usage } from "./prices.ts";
import { furtherRuns, NOTHING, usageOf, WORKER_GB, type Work, type WorkInput } from "./usage.ts";

/** What both sides know of a job from what the user gave. */
export interface JobShape {
  /** Bytes that the workers read; 0 for generators. */
  readonly bytes: number;
  /** Objects that the chunks are made of, when they are whole objects: each is a GET of its own. @default 0 */
  readonly objects?: number;
  /** Objects whose ranges the chunks are. @default 1 */
  readonly sources?: number;
  /** Partition reads the bytes too, as of CSV with quotes. */
  readonly scanned?: boolean;
  /** Objects of the output. @default 1 */
  readonly outputs?: number;
  /** Accumulators that are merged into one table. */
  readonly reduced?: boolean;
  /** To a bucket of the user's. */
  readonly delivered?: boolean;
  /** @default WORKER_GB */
  readonly workerGb?: number;
}

export interface EstimateInput extends JobShape {
  readonly tasks: number;
  /** Seconds that a task takes: declared by the app or measured. */
  readonly taskSeconds: number;
  readonly workers: number;
}

export interface Estimate {
  readonly cost: Cost;
  readonly usage: Usage;
  readonly batches: number;
  /** Seconds of all tasks together. */
  readonly appSeconds: number;
  /** Hours of 1 vCPU + 1 GiB, rounded up. */
  readonly byteChips: number;
}

/** Without retries, and without what the results' own bytes take: their size isn't known before. */
export function estimate(input: EstimateInput): Estimate {
  const { tasks, taskSeconds, workers } = input;
  const size = batchSize(tasks, taskSeconds, workers);
  const batches = Math.ceil(tasks / size);
  const appSeconds = tasks * taskSeconds;
  const work = workOf(input, { batches, claims: batches, size, workers, appSeconds, resultBytes: 0 });
  const usage = usageOf(work);
  return { cost: priceOf(usage), usage, batches, appSeconds, byteChips: byteChipsOf(appSeconds, work.workerGb) };
}

export interface MeasuredInput extends JobShape {
  readonly batches: number;
  /** @default 1 */
  readonly batchSize?: number;
  /** Processes that the batches are spread over. @default as many as batches */
  readonly workers?: number;
  /** Claims committed so far, of all runs. */
  readonly claims: number;
  /** Milliseconds that workers spent: download, process, upload. */
  readonly workerMs: number;
  /** @default 0 */
  readonly resultBytes?: number;
  /** Runs of the job's workflow; 0 before the first. */
  readonly runs: number;
}

/** From the gates' sums: what was counted exactly (claims, times, bytes) at the prices of the table. */
export function measured(input: MeasuredInput): Cost {
  const { claims, batchSize: size = 1, resultBytes = 0 } = input;
  if (input.runs === 0) return priceOf(NOTHING);
  const batches = Math.min(input.batches, claims);
  const workers = input.workers ?? batches;
  const work = workOf(input, { batches, claims, size, workers, appSeconds: input.workerMs / 1_000, resultBytes });
  return priceOf(furtherRuns(usageOf(work), work, input.runs));
}

interface Handed {
  readonly batches: number;
  readonly claims: number;
  readonly size: number;
  readonly workers: number;
  readonly appSeconds: number;
  readonly resultBytes: number;
}

function workOf(shape: JobShape, handed: Handed): Work & { readonly workerGb: number } {
  const { size: batchSize, resultBytes, ...rest } = handed;
  const { outputs = 1, reduced = false, delivered = false, workerGb = WORKER_GB } = shape;
  return {
    ...rest,
    batchSize,
    gates: gateCount(handed.batches),
    input: inputOf(shape),
    results: { objects: outputs, bytes: resultBytes, reduced },
    delivered,
    workerGb,
  };
}

function inputOf({ bytes, objects = 0, sources = 1, scanned = false }: JobShape): WorkInput {
  if (objects > 0) return { from: "objects", objects };
  return bytes > 0 ? { from: "bytes", bytes, sources, scanned } : { from: "nothing" };
}

/** vCPU and memory come together on Lambda: 1,769 MiB bring one vCPU. The dearer of the two counts. */
function byteChipsOf(appSeconds: number, workerGb: number): number {
  return Math.ceil((appSeconds / 3_600) * Math.max(workerGb / WORKER_GB, 1));
}
