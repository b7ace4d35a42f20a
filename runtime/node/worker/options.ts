import type { Log, ObjectStore } from "../../../core/ports/index.ts";

/** One invocation of the function. */
export interface Invocation {
  readonly requestId: string;
  /** Milliseconds until the function is killed. */
  remaining(): number;
}

export interface NodeWorkerOptions {
  readonly objects: ObjectStore;
  readonly clock: { now(): number };
  readonly log: Log;
  /** The deployment's own bucket. */
  readonly bucket: string;
  /** Of this process, unique. */
  readonly workerId: string;
  /** Module of the thread: it calls `startThread`. */
  readonly thread: URL;
  /** MiB of the function. */
  readonly memoryMiB: number;
  readonly limits?: Partial<WorkerLimits>;
}

export interface WorkerLimits {
  /** Bytes over which a result gets an object of its own. @default 8 MiB */
  readonly packBytes: number;
  /** Bytes of a part of an upload. @default 5 MiB */
  readonly partBytes: number;
  /** Bytes of one GET of input. @default 4 MiB: two of them and what they leave behind stay far below 256 MiB */
  readonly windowBytes: number;
  /**
   * Milliseconds between two looks at the control hint. @default 9,500: a worker notices within 10 s, the look included,
   * and a batch of three minutes looks 18 times
   */
  readonly hintEveryMs: number;
  /** Milliseconds kept back for the last uploads and the index. @default 20,000 */
  readonly marginMs: number;
  /** Milliseconds between two writes of the log while there is something new. @default 10,000 */
  readonly logEveryMs: number;
}
