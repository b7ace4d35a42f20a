import type { Clock, Ids, Log, NudgePort, ObjectStore, Table, WorkflowPort } from "../ports/index.ts";

/** Numbers and names of the deployment that steps depend on; tests make the budgets and limits tiny. */
export interface Settings {
  readonly bucket: string;
  readonly region: string;
  /** Buckets that jobs may read and write besides the own one. */
  readonly grantedBuckets: readonly string[];
  /** Children of the Map at once, at most. @default 500 */
  readonly maxWorkers: number;
  /** Milliseconds after which a resumable step saves its cursor and answers `again`. @default 720,000 (the function has 900 s) */
  readonly stepBudgetMs: number;
  /** The same for publish, whose function times out after 60 s. @default 40,000 */
  readonly publishBudgetMs: number;
  /** Parts that a multipart upload may have. @default 10,000 */
  readonly partLimit: number;
  /** The least bytes of a part but the last. @default 5 MiB */
  readonly partBytes: number;
}

export const DEFAULT_SETTINGS = {
  maxWorkers: 500,
  stepBudgetMs: 720_000,
  publishBudgetMs: 40_000,
  partLimit: 10_000,
  partBytes: 5 * 1024 * 1024,
} as const satisfies Partial<Settings>;

/** All a step may touch. */
export interface StepContext {
  readonly table: Table;
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  readonly settings: Settings;
}

/** Steps that also wake the sweeper. */
export interface NudgingContext extends StepContext {
  readonly nudge: NudgePort;
}

/** The sweeper also starts and stops executions. */
export interface SweepContext extends StepContext {
  readonly workflow: WorkflowPort;
}

export interface ControlContext extends NudgingContext, SweepContext {}
