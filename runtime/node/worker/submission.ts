import type { TaskOutcome, TaskSpec } from "../messages.ts";

/** What becomes of a task: its outcome, or handed back unbegun. Called in the order of submission. */
export interface TaskEvents {
  /** The app wants the content of an object (or of the chunk) that was not sent along. */
  opened(object: number): void;
  data(result: number, name: string, bytes: Uint8Array, last: boolean): Promise<void>;
  /** `null`: handed back. Times in ms since the epoch. */
  ended(outcome: TaskOutcome | null, startedAt: number, endedAt: number): Promise<void>;
}

export interface Submission {
  readonly spec: TaskSpec;
  /** Copies are sent: after a kill the task may have to be sent again. null: content is streamed. */
  readonly inline: readonly { readonly object: number; readonly offset: number; readonly bytes: Uint8Array }[] | null;
  readonly events: TaskEvents;
}
