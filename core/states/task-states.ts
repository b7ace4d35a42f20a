/** The states of a task. CANCELED and PAUSED are never stored but derived when a task is read. */
export const STORED_TASK_STATES = [
  "QUEUED",
  "ACTIVE",
  "COMPLETED",
  "PARTIAL",
  "SOFT_FAILED",
  "FAILED",
  "SKIPPED",
] as const;
export type StoredTaskState = (typeof STORED_TASK_STATES)[number];
export const TASK_STATES = [...STORED_TASK_STATES, "CANCELED", "PAUSED"] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** A single letter each, as batch items hold them; a state's letter is never reused. */
export const TASK_LETTERS = {
  Q: "QUEUED",
  A: "ACTIVE",
  C: "COMPLETED",
  P: "PARTIAL",
  S: "SOFT_FAILED",
  F: "FAILED",
  K: "SKIPPED",
} as const satisfies Readonly<Record<string, StoredTaskState>>;
export type TaskLetter = keyof typeof TASK_LETTERS;

/** Tasks whose result (if any) goes into the merge. */
export const COMPLETED_LETTERS = ["C", "P", "K"] as const satisfies readonly TaskLetter[];
/** Tasks that have ended in this run. */
export const ENDED_LETTERS = [...COMPLETED_LETTERS, "F"] as const satisfies readonly TaskLetter[];

export function isCompleted(letter: TaskLetter): boolean {
  return (COMPLETED_LETTERS as readonly TaskLetter[]).includes(letter);
}
export function hasEnded(letter: TaskLetter): boolean {
  return (ENDED_LETTERS as readonly TaskLetter[]).includes(letter);
}

/** What a single attempt of a task may come to, besides being handed back; the commit turns it into a state. */
export const TASK_TRANSITIONS: Readonly<Record<StoredTaskState, readonly StoredTaskState[]>> = {
  QUEUED: ["ACTIVE"],
  ACTIVE: ["COMPLETED", "PARTIAL", "SKIPPED", "SOFT_FAILED", "FAILED", "QUEUED"],
  SOFT_FAILED: ["ACTIVE", "QUEUED"],
  COMPLETED: ["QUEUED"],
  PARTIAL: ["QUEUED"],
  FAILED: ["QUEUED"],
  SKIPPED: ["QUEUED"],
};
