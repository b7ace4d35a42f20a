/**
 * The closed list of log events: what a line's `event` may be. A saved query, an alarm or a test names them from here, so
 * that none of them can drift from the code.
 */
export const LOG_EVENTS = {
  /** A step, a claim, a commit or a sweep answered: {ms, next or what it did}. */
  STEP_ENDED: "STEP_ENDED",
  /** It ended with an error that no retry mends; the workflow was told so: {ms, error}. */
  STEP_REFUSED: "STEP_REFUSED",
  /** It threw: the workflow calls it again: {ms, error}. */
  STEP_BROKE: "STEP_BROKE",
  /** The sweeper repaired a job: {jobId, what}. */
  SWEEP_REPAIRED: "SWEEP_REPAIRED",
  /** How many repairs of a kind a sweep made, as CloudWatch's metric Repairs: {_aws, kind, Repairs}. */
  REPAIRS_COUNTED: "REPAIRS_COUNTED",
  /** The sweeper couldn't look after a job now; it stays due: {jobId, error}. */
  SWEEP_FAILED: "SWEEP_FAILED",
  /** An asynchronous call of the sweeper was lost; the schedule makes up for it: {error}. */
  NUDGE_LOST: "NUDGE_LOST",
  /** A worker's index wasn't there or wasn't what its answer said; its claim counts as not worked on. */
  INDEX_UNREADABLE: "INDEX_UNREADABLE",
  /** A job was accepted, but its execution couldn't be started now; the sweeper does: {jobId, run, error}. */
  START_LOST: "START_LOST",
  /** An abort was taken, but its call couldn't end the job; the sweeper does: {jobId, error}. */
  CANCEL_UNFINISHED: "CANCEL_UNFINISHED",
  /** A change of state will never be on EventBridge: its row is unreadable, or it was refused for good: {jobId, id, code}. */
  EVENT_DROPPED: "EVENT_DROPPED",
  /** The API answered: {method, path, status, ms, owner, reason}. */
  REQUEST_ENDED: "REQUEST_ENDED",
  /** It answered 5xx for want of anything better: {method, path, error}. */
  REQUEST_BROKE: "REQUEST_BROKE",
  /** A worker could not work on its batch at all: {jobId, batch, claim, error}. */
  WORKER_FAILED: "WORKER_FAILED",
  /** The thread that runs the app could not be started again; the rest of the hand is handed back. */
  WORKER_THREAD_LOST: "WORKER_THREAD_LOST",
  /** A failed worker's uploads could not be aborted; the bucket's lifecycle rule removes them. */
  WORKER_ABORT_FAILED: "WORKER_ABORT_FAILED",
  /** The log of a claim could not be written now; what it holds is tried again with the next lines, and at the claim's end. */
  WORKER_LOG_UNWRITTEN: "WORKER_LOG_UNWRITTEN",
  /** The control hint could not be read: it is only a hint. */
  WORKER_HINT_UNREAD: "WORKER_HINT_UNREAD",
} as const;
export type LogEvent = keyof typeof LOG_EVENTS;
