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

/** One event for EventBridge. */
export interface BusEvent {
  readonly source: string;
  readonly detailType: string;
  /** Milliseconds; shown as the event's time, in whole seconds. */
  readonly at: number;
  /** With all of it the event has at most 256 KB. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** An event that the bus did not take, by its place in the call. */
export interface UnsentEvent {
  readonly index: number;
  /** The bus's own word for why. */
  readonly code: string;
  /** False when it would be refused again. */
  readonly retryable: boolean;
}

/** EventBridge: each event at least once, in any order. */
export interface EventBusPort {
  /** Never throws: what wasn't taken after the port's own retries is answered, in the order of the call. */
  send(events: readonly BusEvent[]): Promise<readonly UnsentEvent[]>;
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
