import type { LogEvent } from "../contracts/log-events.ts";
import type { ErrorData } from "../errors.ts";

/** Step Functions: the job's workflow. Execution names are `<jobId>-r<run>`, so a repeated start is recognised. */
export interface WorkflowPort {
  /**
   * `started` is false when an execution of that name exists already: ended, or running with another input. One that runs
   * with the same input may answer either (AWS: true, like the first start): it is the one execution of that name.
   * @throws JobJobError WORKFLOW_UNAVAILABLE (retryable) after the port's own retries; so do all methods.
   */
  start(name: string, input: Readonly<Record<string, string | number>>): Promise<{ readonly started: boolean }>;
  /** Fine when it has ended or never was. */
  stop(name: string, cause: string): Promise<void>;
  /** `missing` when no execution of that name is known. */
  status(name: string): Promise<"running" | "ended" | "missing">;
}

/** Asynchronous invocations of our own functions: at least once, perhaps never; the sweeper makes up for the latter. */
export interface NudgePort {
  sweep(jobId: string): Promise<void>;
}

export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
}

export interface Ids {
  /** A ULID: sorts by time of creation. */
  ulid(): string;
  /** [0, 1), for jitter. */
  random(): number;
}

/** One line of structured log; `event` comes from the closed list in core/contracts/log-events.ts. */
export interface Log {
  info(event: LogEvent, data?: Readonly<Record<string, unknown>>): void;
  warn(event: LogEvent, data?: Readonly<Record<string, unknown>> & { readonly error?: ErrorData }): void;
  error(event: LogEvent, data?: Readonly<Record<string, unknown>> & { readonly error?: ErrorData }): void;
}

/** How long a resumable step may still work, and how many parts an upload may have; tests make both tiny. */
export interface Budget {
  /** Milliseconds left before the step must save its cursor and answer `{done: false}`. */
  remaining(): number;
}
