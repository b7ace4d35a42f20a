import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ErrorData, JobJobError } from "../../../core/errors.ts";
import { type AnyBlock, type Context, PermanentError, type TaskLog } from "../contract.ts";
import { checkJsonSchema } from "../json-schema.ts";
import { type HandConfig, MAX_REJECTIONS, type Rejection, type TaskOutcome, type TaskSpec } from "../messages.ts";
import { parseParams } from "../params.ts";
import { eachRecord } from "../records.ts";
import { serialiseAccumulator } from "../reducer.ts";
import { makeChunk } from "./chunk.ts";
import type { Block } from "./content.ts";
import { type Emit, TaskResults } from "./results.ts";

/** Where a task's input comes from and its results go to: another thread, or memory. */
export interface TaskIo {
  /** Content of an object by its number, or of the chunk itself (`CHUNK`). */
  blocks(object: number): AsyncIterable<Block>;
  readonly emit: Emit;
  readonly log: TaskLog;
}

const MAX_MESSAGE = 1_000;
const MAX_ITEM = 200;
/** The signal comes this long before the task is killed, or a tenth of its time. */
const SIGNAL_LEAD_MS = 1_000;

/** Runs tasks of one hand with an app's code; every error of a task is data. */
export class TaskRunner {
  readonly #block: AnyBlock;
  readonly #config: HandConfig;
  readonly #params: unknown;

  /** @throws InvalidInputError when the params break the app's schema */
  constructor(block: AnyBlock, config: HandConfig) {
    this.#block = block;
    this.#config = config;
    this.#params = parseParams(block.params, config.params, checkJsonSchema);
  }

  async run(spec: TaskSpec, io: TaskIo): Promise<TaskOutcome> {
    const { input, resultFormat } = this.#config;
    const rejections: Rejection[] = [];
    let rejected = 0;
    const reject = (item: unknown, reason: string): void => {
      rejected++;
      if (rejections.length < MAX_REJECTIONS)
        rejections.push({ item: itemText(item), reason: String(reason).slice(0, MAX_ITEM) });
    };
    const files: string[] = [];
    const temporaryFile = (): string => {
      const path = join(tmpdir(), `jobjob-${randomUUID()}`);
      files.push(path);
      return path;
    };
    const results = new TaskResults({ format: resultFormat, input, emit: io.emit });
    const signal = lazySignal(this.#config.taskTimeoutMs);
    const context: Context<unknown> = {
      params: this.#params,
      log: io.log,
      get signal() {
        return signal.get();
      },
      results,
      reject,
      task: { jobId: this.#config.jobId, ordinal: spec.ordinal, attempt: spec.attempt, count: this.#config.taskCount },
    };
    const outcome = (x: TaskOutcome["x"], error?: ErrorData): TaskOutcome => ({
      x,
      ...(error ? { error } : {}),
      rejections,
      rejected,
      header: results.header,
    });
    try {
      const chunk = makeChunk(spec, { input, blocks: io.blocks, reject, temporaryFile });
      const block = this.#block;
      if (block.kind === "app") await results.writeReturned(await block.run(chunk, context));
      else {
        let accumulator = block.init(this.#params);
        await eachRecord(block.read ? block.read(chunk, context) : chunk.records(), (record) => {
          accumulator = block.add(accumulator, record, context) ?? accumulator;
          return undefined;
        });
        await results.writeAccumulator(serialiseAccumulator(block, accumulator));
      }
      return outcome(rejected > 0 ? "P" : "C");
    } catch (error) {
      const data = taskError(error);
      if (data.code === "APP_ERROR" && error instanceof Error) io.log.error(error.stack ?? error.message);
      return outcome(data.retryable ? "F" : "X", data);
    } finally {
      signal.clear();
      await Promise.all(files.map((path) => rm(path, { force: true })));
    }
  }
}

/** An error of the app's code: retried, unless it says that this is in vain. */
export function taskError(error: unknown): ErrorData {
  const message = (text: string): string => (text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text);
  if (error instanceof JobJobError) return { ...error.toData(), message: message(error.message) };
  // A user's bundle has its own copy of the class.
  if (error instanceof PermanentError || (error instanceof Error && error.name === "PermanentError")) {
    const { code, details } = error as Partial<PermanentError>;
    return {
      code: code ?? "APP_ERROR",
      message: message(error.message),
      retryable: false,
      ...(details === undefined ? {} : { details }),
    };
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: "APP_ERROR", message: message(text), retryable: true };
}

function itemText(item: unknown): string {
  const text = typeof item === "string" ? item : (JSON.stringify(item) ?? String(item));
  return text.length > MAX_ITEM ? `${text.slice(0, MAX_ITEM - 1)}…` : text;
}

/** Made only for apps that look at it: there may be a thousand tasks a second. */
function lazySignal(timeoutMs: number): { get(): AbortSignal; clear(): void } {
  const startedAt = performance.now();
  let controller: AbortController | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    get() {
      if (!controller) {
        const made = new AbortController();
        controller = made;
        const lead = Math.min(SIGNAL_LEAD_MS, timeoutMs / 10);
        const abort = () => made.abort(new Error("The task's time is nearly up."));
        timer = setTimeout(abort, Math.max(0, timeoutMs - lead - (performance.now() - startedAt)));
      }
      return controller.signal;
    },
    clear() {
      clearTimeout(timer);
    },
  };
}
