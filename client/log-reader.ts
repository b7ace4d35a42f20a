/** A job's logs as lines, read from the objects that hold them: again and again, each line once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { LogPart } from "../core/contracts/api/records.ts";
import { logLines } from "../core/logs/lines.ts";
import type { JobJobClient } from "./client.ts";
import { reasonOf, TransferError } from "./errors.ts";
import { delayMs, eachOf, type RetryPolicy, TRANSFER_RETRIES } from "./retry.ts";

export interface LogLine {
  /** RFC 3339 UTC, by the clock of the worker that printed it. */
  readonly at: string;
  readonly service: "partitioner" | "assembler" | "taskrunner";
  /** The task's number; null for engines. */
  readonly task: number | null;
  /** Of the task; which worker's hand it was in: the claim. A claim that was superseded keeps its log. */
  readonly attempt: number | null;
  readonly claim: number | null;
  readonly level: string;
  /** "runtime" for what JobJob has to say of a task, else the app's own words. */
  readonly container: string;
  readonly text: string;
}

export interface LogReaderOptions {
  readonly task?: number | undefined;
  readonly keep?: (line: LogLine) => boolean;
  readonly retries?: RetryPolicy;
}

const WIDTH = 8;
/** Bytes of logs that are put in order together; a bigger job's come in as many pieces, in the order of its tasks. */
const SORTED_BYTES = 64 * 1024 * 1024;

/**
 * @example
 * const reader = new LogReader(jobjob, id);
 * for await (const lines of reader.read()) for (const { at, task, text } of lines) console.log(at, task, text);
 */
export class LogReader {
  readonly #client: JobJobClient;
  readonly #id: string;
  readonly #options: LogReaderOptions;
  /** Bytes read of each object. */
  readonly #read = new Map<string, number>();
  /** Lines of the engines that were given already. */
  #engines = 0;

  constructor(client: JobJobClient, id: string, options: LogReaderOptions = {}) {
    this.#client = client;
    this.#id = id;
    this.#options = options;
  }

  /**
   * What is new since the last pass, by time. A pass that fails may be repeated: nothing is given twice.
   * @throws ApiFailure, UnreachableError, TransferError
   */
  async *read(): AsyncGenerator<readonly LogLine[]> {
    const { task } = this.#options;
    if (task === undefined) yield this.#inOrder(await this.#engineLines());
    let parts: LogPart[] = [];
    let bytes = 0;
    for await (const part of this.#client.logParts(this.#id, { task })) {
      const fresh = part.size - (this.#read.get(keyOf(part)) ?? 0);
      if (fresh <= 0) continue;
      parts.push(part);
      bytes += fresh;
      if (bytes < SORTED_BYTES) continue;
      yield await this.#linesOf(parts);
      parts = [];
      bytes = 0;
    }
    if (parts.length > 0) yield await this.#linesOf(parts);
  }

  async #engineLines(): Promise<LogLine[]> {
    const answer = await this.#client.logs(this.#id, { services: ["partitioner", "assembler"] });
    const all = (["partitioner", "assembler"] as const).flatMap((service) =>
      answer[service].map(({ log, timestamp, level, container }): LogLine => {
        return { at: timestamp, service, task: null, attempt: null, claim: null, level, container, text: log };
      }),
    );
    const fresh = all.sort(byTime).slice(this.#engines);
    this.#engines = all.length;
    return fresh;
  }

  async #linesOf(parts: readonly LogPart[]): Promise<readonly LogLine[]> {
    const lines: LogLine[] = [];
    const read: [string, number][] = [];
    await eachOf(parts, WIDTH, async (part) => {
      const from = this.#read.get(keyOf(part)) ?? 0;
      const bytes = await this.#fetch(part, from);
      // Whole lines only.
      const end = bytes.lastIndexOf(10) + 1;
      read.push([keyOf(part), from + end]);
      for (const { o, n, t, l, m, r } of logLines(bytes.toString("utf8", 0, end))) {
        const task = part.first + o;
        if (this.#options.task !== undefined && task !== this.#options.task) continue;
        const container = r ? "runtime" : "app";
        const at = new Date(t).toISOString();
        lines.push({ at, service: "taskrunner", task, attempt: n, claim: part.claim, level: l, container, text: m });
      }
    });
    for (const [key, end] of read) this.#read.set(key, end);
    return this.#inOrder(lines);
  }

  #inOrder(lines: readonly LogLine[]): readonly LogLine[] {
    const { keep } = this.#options;
    return (keep ? lines.filter(keep) : [...lines]).sort(byTime);
  }

  async #fetch({ link, batch, claim }: LogPart, from: number): Promise<Buffer> {
    const { retries = TRANSFER_RETRIES } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await fetch(link, { headers: { range: `bytes=${from}-` } });
        // It expired, or is gone with its job.
        if (answer.status === 404 || answer.status === 416) return Buffer.alloc(0);
        if (answer.ok) {
          const body = Buffer.from(await answer.arrayBuffer());
          // A store that knows no ranges gives all of it.
          return answer.status === 206 ? body : body.subarray(from);
        }
        throw failure(`the store answered ${answer.status}`, answer.status >= 500 || answer.status === 429);
      } catch (error) {
        const known = error instanceof TransferError ? error : failure(reasonOf(error), true, error);
        if (!known.retryable || attempt === retries.attempts) throw known;
      }
      await sleep(delayMs(retries, attempt, Math.random));
    }

    function failure(why: string, retryable: boolean, cause?: unknown): TransferError {
      const message = `The log of batch ${batch}, claim ${claim} can't be read: ${why}. Run the command again.`;
      return new TransferError({ code: "LOG_UNREADABLE", message, retryable, ...(cause ? { cause } : {}) });
    }
  }
}

const keyOf = ({ generation, batch, claim }: LogPart): string => `${generation}/${batch}/${claim}`;
const byTime = (a: LogLine, b: LogLine): number => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0);
