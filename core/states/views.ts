/**
 * The words of the systems that JobJob unites: Pachyderm's jobs and datums, Flamenco's jobs and tasks, ngenea Hub's jobs and
 * tasks. One table, shared by API and CLI; docs/guide/states.md prints it from here.
 */
import type { JobState, WaitingFor } from "./job-states.ts";
import type { TaskState } from "./task-states.ts";

export const VIEWS = ["pachyderm", "flamenco", "ngenea"] as const;
export type ViewName = (typeof VIEWS)[number];

/** What a job's word depends on besides its state. */
export interface JobFacts {
  readonly state: JobState;
  readonly waitingFor: WaitingFor | null;
  /** A task of this run has begun. */
  readonly taskBegun: boolean;
  /** COMPLETE, but tolerated failures left something out. */
  readonly incomplete: boolean;
  /** FAILED because of jobTimeout. */
  readonly timedOut: boolean;
}

type Words = Readonly<Record<ViewName, string>>;
const words = (pachyderm: string, flamenco: string, ngenea: string): Words => ({ pachyderm, flamenco, ngenea });

/** The rows of the table: a job's state, refined where one state has several words. */
export const JOB_WORDS = {
  NEW: words("CREATED", "under-construction", "Pending"),
  STARTED_QUEUED: words("CREATED", "queued", "Pending"),
  STARTED: words("STARTING", "queued", "Pending"),
  UPLOADING: words("STARTING", "under-construction", "Pending"),
  PARTITIONING: words("STARTING", "under-construction", "Pending"),
  PARTITIONED_IDLE: words("RUNNING", "queued", "Pending"),
  PARTITIONED: words("RUNNING", "active", "Started"),
  TASKS_COMPLETED: words("RUNNING", "active", "Started"),
  MERGING: words("FINISHING", "active", "Started"),
  MERGED: words("FINISHING", "active", "Started"),
  DOWNLOADING: words("EGRESS", "active", "Started"),
  COMPLETE: words("SUCCESS", "completed", "Success"),
  COMPLETE_INCOMPLETE: words("SUCCESS", "failed", "Failure"),
  FAILED: words("FAILURE", "failed", "Failure"),
  FAILED_TIMEOUT: words("KILLED", "failed", "Failure"),
  PAUSING: words("RUNNING", "active", "Pausing"),
  PAUSED: words("RUNNING", "paused", "Paused"),
  CANCELING: words("RUNNING", "cancel-requested", "Dequeuing"),
  CANCELED: words("KILLED", "canceled", "Cancelled"),
  REQUEUEING: words("CREATED", "requeueing", "Pending"),
  UNRUNNABLE: words("UNRUNNABLE", "failed", "Failure"),
} as const satisfies Readonly<Record<string, Words>>;
export type JobRow = keyof typeof JOB_WORDS;

export const TASK_WORDS: Readonly<Record<TaskState, Words>> = {
  QUEUED: words("starting", "queued", "Pending"),
  ACTIVE: words("starting", "active", "Started"),
  COMPLETED: words("success", "completed", "Success"),
  PARTIAL: words("recovered", "completed", "Error"),
  SOFT_FAILED: words("starting", "soft-failed", "Pending"),
  FAILED: words("failed", "failed", "Failure"),
  SKIPPED: words("skipped", "completed", "Skipped"),
  CANCELED: words("failed", "canceled", "Cancelled"),
  PAUSED: words("starting", "paused", "Pending"),
};

/** The row of the table that a job is in. */
export function jobRow(facts: JobFacts): JobRow {
  switch (facts.state) {
    case "STARTED":
      return facts.waitingFor === "START_AT" || facts.waitingFor === "CONCURRENCY" ? "STARTED_QUEUED" : "STARTED";
    case "PARTITIONED":
      return facts.taskBegun ? "PARTITIONED" : "PARTITIONED_IDLE";
    case "COMPLETE":
      return facts.incomplete ? "COMPLETE_INCOMPLETE" : "COMPLETE";
    case "FAILED":
      return facts.timedOut ? "FAILED_TIMEOUT" : "FAILED";
    default:
      return facts.state;
  }
}

export const jobWord = (view: ViewName, facts: JobFacts): string => JOB_WORDS[jobRow(facts)][view];
export const taskWord = (view: ViewName, state: TaskState): string => TASK_WORDS[state][view];

/** Where a task of a job that isn't running stands: CANCELED and PAUSED are derived, never stored. */
export function shownTaskState(stored: Exclude<TaskState, "CANCELED" | "PAUSED">, job: JobState): TaskState {
  const unfinished = stored === "QUEUED" || stored === "ACTIVE" || stored === "SOFT_FAILED";
  if (!unfinished) return stored;
  if (job === "FAILED" || job === "CANCELED" || job === "COMPLETE") return "CANCELED";
  return job === "PAUSED" ? "PAUSED" : stored;
}
