import { monotonicFactory } from "ulid";
import type { ErrorData } from "../../core/errors.ts";
import type { Clock, Ids, Log } from "../../core/ports/index.ts";
import { redact } from "./redact.ts";

export { redact } from "./redact.ts";

export const systemClock: Clock = { now: () => Date.now() };

const nextUlid = monotonicFactory();
/** ULIDs with 80 bits of cryptographic randomness; within one process they rise even in the same millisecond. */
export const systemIds: Ids = { ulid: () => nextUlid(), random: () => Math.random() };

type Data = Readonly<Record<string, unknown>>;

/** One JSON object per line: {time, level, event, …context, …data}; credentials are hidden. @default to stdout */
export class JsonLog implements Log {
  readonly #context: Data;
  readonly #write: (line: string) => void;
  readonly #clock: Clock;

  constructor(
    options: { readonly context?: Data; readonly write?: (line: string) => void; readonly clock?: Clock } = {},
  ) {
    this.#context = options.context ?? {};
    this.#write = options.write ?? ((line) => process.stdout.write(`${line}\n`));
    this.#clock = options.clock ?? systemClock;
  }

  /** The same log with more context on every line, as jobId and run. */
  with(context: Data): JsonLog {
    return new JsonLog({ context: { ...this.#context, ...context }, write: this.#write, clock: this.#clock });
  }

  info(event: string, data: Data = {}): void {
    this.#line("info", event, data);
  }

  warn(event: string, data: Data & { readonly error?: ErrorData } = {}): void {
    this.#line("warn", event, data);
  }

  error(event: string, data: Data & { readonly error?: ErrorData } = {}): void {
    this.#line("error", event, data);
  }

  #line(level: string, event: string, data: Data): void {
    const line = redact({ ...this.#context, ...data }) as Record<string, unknown>;
    this.#write(JSON.stringify({ time: new Date(this.#clock.now()).toISOString(), level, event, ...line }));
  }
}
