/**
 * The states of a job and every transition there is (shared product definition). Nothing changes a job's state but a
 * pair of this matrix; docs/guide/states.md prints it from here.
 */
export const JOB_STATES = [
  "NEW",
  "STARTED",
  "UPLOADING",
  "PARTITIONING",
  "PARTITIONED",
  "TASKS_COMPLETED",
  "MERGING",
  "MERGED",
  "DOWNLOADING",
  "COMPLETE",
  "FAILED",
  "PAUSING",
  "PAUSED",
  "CANCELING",
  "CANCELED",
  "REQUEUEING",
  "UNRUNNABLE",
] as const;
export type JobState = (typeof JOB_STATES)[number];

/** States from which the engine is working, or waiting to work: FAILED and CANCELING are reachable from each of them. */
export const ACTIVE_STATES = [
  "STARTED",
  "UPLOADING",
  "PARTITIONING",
  "PARTITIONED",
  "TASKS_COMPLETED",
  "MERGING",
  "MERGED",
  "DOWNLOADING",
  "PAUSING",
  "PAUSED",
  "REQUEUEING",
] as const satisfies readonly JobState[];

export const TERMINAL_STATES = ["COMPLETE", "FAILED", "CANCELED", "UNRUNNABLE"] as const satisfies readonly JobState[];

/** States of a job that isn't COMPLETE in which nothing runs: what its tasks have finished can be had. */
export const PARTIAL_RESULT_STATES: readonly JobState[] = ["FAILED", "CANCELED", "PAUSED"];

const ALWAYS = ["FAILED", "CANCELING"] as const;

/** From each state, the states it may lead to. NEW is deleted by an abort, which is no transition. */
export const JOB_TRANSITIONS: Readonly<Record<JobState, readonly JobState[]>> = {
  NEW: ["STARTED", "UNRUNNABLE"],
  STARTED: ["UPLOADING", "UNRUNNABLE", ...ALWAYS],
  UPLOADING: ["PARTITIONING", ...ALWAYS],
  PARTITIONING: ["PARTITIONED", ...ALWAYS],
  PARTITIONED: ["TASKS_COMPLETED", "PAUSING", ...ALWAYS],
  TASKS_COMPLETED: ["MERGING", ...ALWAYS],
  MERGING: ["MERGED", ...ALWAYS],
  MERGED: ["DOWNLOADING", ...ALWAYS],
  DOWNLOADING: ["COMPLETE", ...ALWAYS],
  COMPLETE: ["REQUEUEING"],
  FAILED: ["REQUEUEING", "CANCELED"],
  PAUSING: ["PAUSED", ...ALWAYS],
  PAUSED: ["PARTITIONED", ...ALWAYS],
  CANCELING: ["CANCELED"],
  CANCELED: ["REQUEUEING"],
  REQUEUEING: ["STARTED", "PARTITIONED", "TASKS_COMPLETED", "MERGED", ...ALWAYS],
  UNRUNNABLE: [],
};

export function mayBecome(from: JobState, to: JobState): boolean {
  return JOB_TRANSITIONS[from].includes(to);
}

export function isTerminal(state: JobState): boolean {
  return (TERMINAL_STATES as readonly JobState[]).includes(state);
}

export function isActive(state: JobState): boolean {
  return !isTerminal(state) && state !== "NEW";
}

/** Every state from which `to` may be entered, for a transition's condition. */
export function statesBefore(to: JobState): readonly JobState[] {
  return JOB_STATES.filter((from) => mayBecome(from, to));
}

/** Why a STARTED job is not moving yet. UPSTREAM comes with pipelines. */
export const WAITING_FOR = ["START_AT", "UPLOAD", "CONCURRENCY", "UPSTREAM"] as const;
export type WaitingFor = (typeof WAITING_FOR)[number];

/** What the user or the engine wants of the running job; it only rises, resume clears PAUSE and requeue clears all. */
export const WISHES = { NONE: 0, PAUSE: 1, FAIL: 2, CANCEL: 3 } as const;
export type Wish = (typeof WISHES)[keyof typeof WISHES];

export const JOB_STATE_WIRE_PREFIX = "JOB_STATE_";
