/**
 * What the supervisor (main thread) and the thread that runs the app's code tell each other. Bytes travel in buffers of
 * their own, transferred; the thread gives input blocks back with `consumed`, so that a stream makes no garbage.
 */
import type { NumberSpan } from "../../core/chunks/index.ts";
import type { InputFormat } from "../../core/contracts/parts.ts";
import type { TaskLogLevel } from "../../core/contracts/task-log.ts";
import type { ResultFormat } from "../../core/contracts/worker.ts";
import type { ErrorData } from "../../core/errors.ts";

/** What is the same for all tasks of a hand. */
export interface HandConfig {
  readonly jobId: string;
  readonly app: string;
  /** params.app as the user sent them. */
  readonly params: unknown;
  readonly input: InputFormat;
  readonly resultFormat: ResultFormat;
  readonly taskCount: number;
  readonly taskTimeoutMs: number;
}

/** One task, without its input. */
export interface TaskSpec {
  readonly ordinal: number;
  readonly attempt: number;
  /** Bytes, planned. */
  readonly size: number;
  /** Relative key of the source; null for generators and sets of objects. */
  readonly source: string | null;
  /** csv: text of the header record; null without one. */
  readonly header: string | null;
  /** The content begins with the header record itself (whole sources). */
  readonly headerInside: boolean;
  readonly objects: readonly { readonly key: string; readonly size: number }[];
  readonly ranges: readonly NumberSpan[];
  /** Generators: their content is made by the thread. */
  readonly replica: number | null;
}

export interface InlineInput {
  /** Content by object number; `CHUNK` for the chunk itself. */
  readonly object: number;
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
/** The chunk's own content, as opposed to that of one of its objects. */
export const CHUNK = -1;

export type ToThread =
  | { readonly t: "configure"; readonly config: HandConfig }
  /** `inline` null: contents are streamed by `block` (a chunk's at once, an object's when it is opened). */
  | { readonly t: "task"; readonly id: number; readonly spec: TaskSpec; readonly inline: readonly InlineInput[] | null }
  | {
      readonly t: "block";
      readonly id: number;
      readonly object: number;
      readonly offset: number;
      readonly buffer: ArrayBuffer;
      readonly length: number;
    }
  | { readonly t: "input-end"; readonly id: number; readonly object: number; readonly error?: ErrorData }
  | { readonly t: "credit"; readonly bytes: number };

export interface Rejection {
  readonly item: string;
  readonly reason: string;
}

export interface TaskOutcome {
  readonly x: "C" | "P" | "F" | "X";
  readonly error?: ErrorData;
  readonly rejections: readonly Rejection[];
  readonly rejected: number;
  /** csv results: the header line with "\n"; null when the task wrote no csv. */
  readonly header: string | null;
}

/** A line that a task printed. */
export interface PrintedMessage {
  readonly t: "printed";
  readonly ordinal: number;
  readonly attempt: number;
  readonly level: TaskLogLevel;
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A piece of a task's result number `result`. */
export interface ResultPiece {
  readonly result: number;
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Nothing more of this result follows. */
  readonly last: boolean;
}

export type FromThread =
  | { readonly t: "ready" }
  | { readonly t: "refused"; readonly error: ErrorData }
  | { readonly t: "open"; readonly id: number; readonly object: number }
  | { readonly t: "consumed"; readonly id: number; readonly object: number; readonly buffer: ArrayBuffer }
  | ({ readonly t: "data"; readonly id: number } & ResultPiece)
  | PrintedMessage
  /** `rest`: the task's last piece, which comes with its end: a tiny task has no other, and each message has its price. */
  | { readonly t: "end"; readonly id: number; readonly outcome: TaskOutcome; readonly rest?: ResultPiece }
  /** Told to stop before it began. */
  | { readonly t: "handed-back"; readonly id: number };

/** `workerData` of the thread. */
export interface ThreadData {
  /** One Int32, shared: 1 = begin no further task. */
  readonly control: SharedArrayBuffer;
}

/** Bytes of an input block: small enough that record readers copy what they carry over to the next. */
export const BLOCK_BYTES = 64 * 1024;
/** Results that a thread may have on their way. */
export const RESULT_CREDIT = 2 * 1024 * 1024;
export const MAX_REJECTIONS = 100;
