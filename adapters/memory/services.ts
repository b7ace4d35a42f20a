import type { ErrorData } from "../../core/errors.ts";
import type {
  BusEvent,
  Clock,
  EventBusPort,
  Ids,
  Log,
  NudgePort,
  UnsentEvent,
  WorkflowPort,
} from "../../core/ports/index.ts";

/** A clock that only the test moves. Milliseconds since the epoch. */
export class ManualClock implements Clock {
  #now: number;
  constructor(start: number | string = "2026-01-01T00:00:00Z") {
    this.#now = typeof start === "number" ? start : Date.parse(start);
  }
  now(): number {
    return this.#now;
  }
  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
  set(time: number | string): void {
    this.#now = typeof time === "number" ? time : Date.parse(time);
  }
}

const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The same ids and the same random numbers for the same seed. ULIDs are unique and rise with the clock and the calls. */
export class SeededIds implements Ids {
  #state: number;
  #made = 0;
  readonly #clock: Clock;
  constructor(seed = 1, clock: Clock = new ManualClock()) {
    this.#state = seed >>> 0;
    this.#clock = clock;
  }
  /** Time (10 characters), calls so far (8, so that equal times still sort), random (8). */
  ulid(): string {
    const tail = Array.from({ length: 8 }, () => CROCKFORD[Math.floor(this.random() * 32)]).join("");
    return base32(this.#clock.now(), 10) + base32(++this.#made, 8) + tail;
  }
  /** mulberry32. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
}

function base32(value: number, length: number): string {
  let text = "";
  let rest = value;
  for (let i = 0; i < length; i++) {
    text = (CROCKFORD[rest % 32] ?? "0") + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Keeps every line, for assertions. */
export class CapturedLog implements Log {
  readonly lines: LogLine[] = [];
  info(event: string, data: Readonly<Record<string, unknown>> = {}): void {
    this.lines.push({ level: "info", event, data });
  }
  warn(event: string, data: Readonly<Record<string, unknown>> & { readonly error?: ErrorData } = {}): void {
    this.lines.push({ level: "warn", event, data });
  }
  error(event: string, data: Readonly<Record<string, unknown>> & { readonly error?: ErrorData } = {}): void {
    this.lines.push({ level: "error", event, data });
  }
  events(): readonly string[] {
    return this.lines.map(({ event }) => event);
  }
}

export interface MemoryExecution {
  readonly name: string;
  readonly input: Readonly<Record<string, string | number>>;
  status: "running" | "succeeded" | "failed" | "stopped";
  cause?: string;
}

/** Step Functions' bookkeeping without the machine: a test or the simulation runs what was started. */
export class MemoryWorkflow implements WorkflowPort {
  readonly executions = new Map<string, MemoryExecution>();

  /** As AWS: the same name with the same input while it runs answers like the first start; else it exists. */
  async start(name: string, input: Readonly<Record<string, string | number>>): Promise<{ readonly started: boolean }> {
    const known = this.executions.get(name);
    if (known) {
      return { started: known.status === "running" && JSON.stringify(known.input) === JSON.stringify(input) };
    }
    this.executions.set(name, { name, input: { ...input }, status: "running" });
    return { started: true };
  }

  async stop(name: string, cause: string): Promise<void> {
    const known = this.executions.get(name);
    if (known?.status === "running") Object.assign(known, { status: "stopped", cause });
  }

  async status(name: string): Promise<"running" | "ended" | "missing"> {
    const known = this.executions.get(name);
    if (!known) return "missing";
    return known.status === "running" ? "running" : "ended";
  }

  /** Ends a running execution, as the machine would. */
  finish(name: string, status: "succeeded" | "failed" = "succeeded", cause?: string): void {
    const known = this.executions.get(name);
    if (known?.status === "running") Object.assign(known, { status, ...(cause === undefined ? {} : { cause }) });
  }

  running(): readonly MemoryExecution[] {
    return [...this.executions.values()].filter(({ status }) => status === "running");
  }
}

/** Keeps the ids of the jobs that were nudged, in order; a test takes them out and runs the sweeper. */
export class MemoryNudge implements NudgePort {
  readonly jobs: string[] = [];
  async sweep(jobId: string): Promise<void> {
    this.jobs.push(jobId);
  }
  take(): readonly string[] {
    return this.jobs.splice(0);
  }
}

/** Keeps what it took, in order; a test says what it doesn't take. */
export class MemoryEventBus implements EventBusPort {
  readonly sent: BusEvent[] = [];
  /** Answers why an event isn't taken, or undefined. */
  refuse: (event: BusEvent) => Omit<UnsentEvent, "index"> | undefined = () => undefined;

  async send(events: readonly BusEvent[]): Promise<readonly UnsentEvent[]> {
    return events.flatMap((event, index) => {
      const why = this.refuse(event);
      if (!why) this.sent.push(structuredClone(event));
      return why ? [{ index, ...why }] : [];
    });
  }
}
