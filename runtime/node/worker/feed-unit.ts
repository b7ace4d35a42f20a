import type { InputFormat } from "../../../core/contracts/parts.ts";
import type { ErrorData } from "../../../core/errors.ts";
import type { ObjectStore } from "../../../core/ports/index.ts";
import type { HandTask } from "./hand-plan.ts";
import type { Meter } from "./meter.ts";
import type { Submission } from "./submission.ts";
import type { Supervisor } from "./supervisor.ts";

/** What the feeder reports of a task whose input it read: where it ends up in the claim's index. */
export interface FeedResults {
  /** Before a task is skipped or refused: false means that no further one may be taken. */
  mayTake(task: HandTask): boolean;
  /** Before a task goes to the thread: the same, and whatever must be written before it begins is written. */
  begin(task: HandTask): Promise<boolean>;
  /** Handlers for a task that goes to the thread. */
  eventsFor(task: HandTask, facts: InputFacts): Submission["events"];
  /** Nothing to do. */
  skipped(task: HandTask, facts: InputFacts): void;
  /** It can't be begun. */
  refused(task: HandTask, error: ErrorData): void;
}
/** Known of a task's input while or after it is read. */
export interface InputFacts {
  bytes: number;
  /** Real edges of an inexact chunk of CSV whose newlines were promised to be unquoted. */
  edges?: readonly [number, number];
  /** Overrides whatever the app makes of it. */
  error?: ErrorData;
}

export interface FeederOptions {
  readonly objects: ObjectStore;
  readonly supervisor: Supervisor;
  readonly meter: Meter;
  readonly input: InputFormat;
  readonly windowBytes: number;
  readonly results: FeedResults;
  /** One task after the other. */
  readonly sequential: boolean;
}

/** Inputs up to this size travel with their task; larger ones are streamed. */
export const INLINE_BYTES = 256 * 1024;
export type ByteTask = HandTask & { readonly input: Extract<HandTask["input"], { kind: "bytes" }> };

/** Tasks whose input is read together. */
export interface Unit {
  readonly isSmall: boolean;
  prime(): void;
  /** @returns false when nothing more may be taken */
  run(lastAsked: () => void): Promise<boolean>;
}
