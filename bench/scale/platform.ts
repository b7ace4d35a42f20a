/** Where a job runs: what is scarce there, and how long its calls take. */
import type { Batches, Workload } from "./workload.ts";

/** Seconds of a child's three calls, the function's start apart. */
export interface ChildTimes {
  readonly claim: number;
  /** Of the worker: what it waits for before and behind its tasks, and what its processor does, `around` of it beside them. */
  readonly app: { readonly waits: number; readonly works: number; readonly around: number };
  readonly commit: number;
}

/** A step of the job that is one function at a time. */
export interface Stage {
  readonly name: string;
  readonly seconds: number;
  /** Of them, those that grow with the job. */
  readonly growing?: number;
  /** What is billed of those. */
  readonly gbSeconds?: number;
}

/** Infinity = not scarce here. Names: see limits.ts. */
export interface Scarce {
  readonly childStarts: number;
  readonly mapConcurrency: number;
  readonly transitions: number;
  readonly lambdaConcurrency: number;
  readonly lambdaScaling: number;
  readonly lambdaScalingBurst: number;
  readonly s3Gets: number;
  readonly s3Puts: number;
  readonly tableWrites: number;
  readonly partitionWrites: number;
  /** Processors that all functions share; Infinity where each has its own. */
  readonly processors: number;
}

export interface Platform {
  readonly name: string;
  readonly scarce: Scarce;
  /** Seconds. */
  readonly transitionLatency: number;
  readonly invokeLatency: number;
  readonly coldStart: number;
  /** How long a transaction keeps its gate: one that meets it there is canceled and comes again. */
  readonly transactionLatency: number;
  /** What its processor does once more at a worker's first call of a job: the app's thread starts, its code gets warm. */
  firstCall(tasksInBatch: number): number;
  childTimes(work: Workload, tasksInBatch: number): ChildTimes;
  /** In front of the Map, and behind it. */
  stages(work: Workload, batches: Batches): { readonly before: readonly Stage[]; readonly after: readonly Stage[] };
}
