/**
 * What an app prints, line by line, with the task that is running: `log` of its context, console.*, and whatever it or a
 * library writes to process.stdout and process.stderr.
 */
import { StringDecoder } from "node:string_decoder";
import { inspect } from "node:util";
import { LOG_LINE_CHARS, TASK_LOG_BYTES, type TaskLogLevel } from "../../../core/contracts/task-log.ts";
import type { TaskLog } from "../contract.ts";
import type { PrintedMessage } from "../messages.ts";

interface Printing {
  readonly ordinal: number;
  readonly attempt: number;
}
type Line = Omit<PrintedMessage, "t" | "ordinal" | "attempt">;

const METHODS = { trace: "TRACE", debug: "DEBUG", log: "INFO", info: "INFO", warn: "WARN", error: "ERROR" } as const;
/** Output on stderr is no failure: many programs tell their progress there. */
const STREAMS = { stdout: "INFO", stderr: "WARN" } as const;

export class Capture {
  readonly #send: (message: PrintedMessage) => void;
  /** The running task, or between two the one before. */
  #task: Printing | undefined;
  /** Printed before the first task of a hand (when a module loads): belongs to that task. */
  #held: Line[] = [];
  /** UTF-8 bytes sent for the task. */
  #bytes = 0;
  /** The level that console's method has, while it writes. */
  #level: TaskLogLevel | undefined;
  readonly #ends: (() => void)[] = [];

  constructor(send: (message: PrintedMessage) => void) {
    this.#send = send;
  }

  readonly log: TaskLog = {
    debug: (message, data) => this.#print("DEBUG", withData(message, data)),
    info: (message, data) => this.#print("INFO", withData(message, data)),
    warn: (message, data) => this.#print("WARN", withData(message, data)),
    error: (message, data) => this.#print("ERROR", withData(message, data)),
  };

  /** Takes over console and the two streams of this thread. */
  install(): void {
    for (const [name, level] of Object.entries(STREAMS)) this.#takeStream(process[name as keyof typeof STREAMS], level);
    for (const [name, level] of Object.entries(METHODS)) {
      const method = name as keyof typeof METHODS;
      const original = console[method].bind(console);
      console[method] = (...args: unknown[]) => {
        const outer = this.#level;
        this.#level = level;
        try {
          original(...args);
        } finally {
          this.#level = outer;
        }
      };
    }
  }

  /** A new hand: what was printed since the last task is its next one's. */
  reset(): void {
    this.#endLines();
    this.#task = undefined;
    this.#bytes = 0;
  }

  begin({ ordinal, attempt }: Printing): void {
    this.#endLines();
    this.#task = { ordinal, attempt };
    this.#bytes = 0;
    for (const line of this.#held.splice(0)) this.#post(line);
  }

  /** Lines without their newline end with the task. */
  end(): void {
    this.#endLines();
  }

  #endLines(): void {
    for (const end of this.#ends) end();
  }

  #print(level: TaskLogLevel, text: string): void {
    const isLong = text.length > LOG_LINE_CHARS;
    const cut = isLong ? `${text.slice(0, LOG_LINE_CHARS)}… (${text.length - LOG_LINE_CHARS} characters more)` : text;
    this.#post({ level, text: cut, at: Date.now() });
  }

  /** Once over a task's bytes nothing more is sent; the line that goes over is, so that the log can say so. */
  #post(line: Line): void {
    if (this.#bytes > TASK_LOG_BYTES) return;
    this.#bytes += Buffer.byteLength(line.text);
    if (this.#task) this.#send({ t: "printed", ...this.#task, ...line });
    else this.#held.push(line);
  }

  #takeStream(stream: NodeJS.WriteStream, level: TaskLogLevel): void {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    const end = (): void => {
      rest += decoder.end();
      if (rest !== "") this.#print(level, rest);
      rest = "";
    };
    const take = (text: string): void => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#print(level, line.replace(/\r$/, ""));
      if (rest.length > LOG_LINE_CHARS) end();
    };
    this.#ends.push(end);
    const write = (chunk: string | Uint8Array, encoding?: unknown, callback?: unknown): boolean => {
      if (this.#level === undefined || typeof chunk !== "string") {
        take(typeof chunk === "string" ? chunk : decoder.write(Buffer.from(chunk)));
      } else {
        // One call of console is one entry, however many lines it has.
        end();
        this.#print(this.#level, chunk.replace(/\n$/, ""));
      }
      const done = typeof encoding === "function" ? encoding : callback;
      if (typeof done === "function") process.nextTick(done);
      return true;
    };
    stream.write = write as typeof stream.write;
  }
}

function withData(message: unknown, data: Readonly<Record<string, unknown>> | undefined): string {
  const text = String(message);
  if (data === undefined) return text;
  try {
    return `${text} ${JSON.stringify(data)}`;
  } catch {
    return `${text} ${inspect(data, { breakLength: Number.POSITIVE_INFINITY })}`; // a circle, or a bigint
  }
}
