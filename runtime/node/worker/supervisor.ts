import { Worker } from "node:worker_threads";
import { type ErrorData, fromErrorData, JobJobError } from "../../../core/errors.ts";
import {
  BLOCK_BYTES,
  type FromThread,
  type HandConfig,
  type InlineInput,
  type PrintedMessage,
  type TaskOutcome,
  type TaskSpec,
  type ThreadData,
  type ToThread,
} from "../messages.ts";

/** What becomes of a task: its outcome, or handed back unbegun. Called in the order of submission. */
export interface TaskEvents {
  /** The app wants the content of an object (or of the chunk) that was not sent along. */
  opened(object: number): void;
  data(result: number, name: string, bytes: Uint8Array, last: boolean): Promise<void>;
  /** `null`: handed back. Times in ms since the epoch. */
  ended(outcome: TaskOutcome | null, startedAt: number, endedAt: number): Promise<void>;
}

export interface Submission {
  readonly spec: TaskSpec;
  /** Copies are sent: after a kill the task may have to be sent again. null: content is streamed. */
  readonly inline: readonly { readonly object: number; readonly offset: number; readonly bytes: Uint8Array }[] | null;
  readonly events: TaskEvents;
}

interface Outstanding extends Submission {
  readonly id: number;
  readonly bytes: number;
  startedAt: number;
}

export interface SupervisorOptions {
  /** The module of the thread: it calls `startThread`. */
  readonly thread: URL;
  /** MiB the app's heap may take; a task that needs more ends as TASK_OUT_OF_MEMORY. */
  readonly heapMiB: number;
  readonly now: () => number;
}

/** Tasks on their way to the thread: so many that a tiny task never waits for a message, so few that little is kept. */
const MAX_OUTSTANDING = 64;
const MAX_OUTSTANDING_BYTES = 2 * 1024 * 1024;
/** Blocks of one content on their way: 1 MiB. */
const MAX_BLOCKS = 16;
const START_TIMEOUT_MS = 60_000;
/** The app's young generation: larger ones only keep more garbage. */
const YOUNG_MIB = 16;

/**
 * Runs tasks in one worker thread, in order, and survives whatever they do to it: a task that takes too long, exits,
 * throws out of reach or fills its heap ends with an error; the thread is replaced and the tasks behind it are sent again.
 */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #control = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | undefined;
  /** The thread is configured and was sent all outstanding tasks. */
  #live = false;
  #reviving = false;
  #config: HandConfig | undefined;
  #ready: { resolve: () => void; reject: (error: JobJobError) => void } | undefined;
  #nextId = 0;
  #outstanding: Outstanding[] = [];
  #bytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Handling of messages, one after the other. */
  #chain: Promise<void> = Promise.resolve();
  #handling = 0;
  #failure: { error: unknown } | undefined;
  #waiters: (() => void)[] = [];
  /** Blocks by object of the first task's input that the app hasn't taken: only the first task is ever fed. */
  readonly #fed = new Map<number, number>();
  /** Buffers that came back from the thread, to be filled again. */
  readonly #buffers: ArrayBuffer[] = [];
  /** Hears what tasks print. */
  printed: (message: PrintedMessage) => void = () => undefined;
  /** Milliseconds that a task may take now; less than the configured when the function's time runs out. */
  timeLimit: () => number;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.timeLimit = () => this.#config?.taskTimeoutMs ?? 0;
  }

  /** Readies a thread for a hand's tasks: the same one as before if it's the same job's. @throws JobJobError of the app */
  async configure(config: HandConfig): Promise<void> {
    if (this.#config && this.#config.jobId !== config.jobId) await this.close();
    this.#config = config;
    this.#failure = undefined;
    Atomics.store(this.#control, 0, 0);
    this.#worker?.ref();
    await this.#start();
    this.#live = true;
  }

  /** Resolves when another task may be submitted. */
  async room(): Promise<void> {
    await this.#until(() => this.#outstanding.length < MAX_OUTSTANDING && this.#bytes < MAX_OUTSTANDING_BYTES);
  }

  /** Resolves when every submitted task has ended. @throws what an event handler threw */
  async drained(): Promise<void> {
    await this.#until(() => this.#outstanding.length === 0 && this.#handling === 0);
  }

  submit(submission: Submission): number {
    const id = this.#nextId++;
    const bytes = (submission.inline ?? []).reduce((sum, input) => sum + input.bytes.length, 0);
    const task: Outstanding = { ...submission, id, bytes, startedAt: 0 };
    this.#outstanding.push(task);
    this.#bytes += bytes;
    if (this.#live) this.#send(task);
    else if (!this.#reviving) this.#revive();
    if (this.#outstanding[0] === task) this.#begin(task);
    return id;
  }

  /** No further task begins; those that haven't begun are handed back. */
  stop(): void {
    Atomics.store(this.#control, 0, 1);
  }

  /** False when the task is not under way any more: its input is wanted no longer. */
  isOpen(id: number): boolean {
    return this.#outstanding.some((task) => task.id === id);
  }

  /**
   * Sends streamed input, copied, as fast as the app takes it.
   * @returns false when the task has ended: nothing more is wanted
   */
  async feed(id: number, object: number, offset: number, bytes: Uint8Array): Promise<boolean> {
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const fits = () => !this.isOpen(id) || (this.#live && (this.#fed.get(object) ?? 0) < MAX_BLOCKS);
      if (!fits()) await this.#until(fits);
      if (!this.isOpen(id)) return false;
      const block = bytes.subarray(at, at + BLOCK_BYTES);
      const buffer = this.#buffers.pop() ?? new ArrayBuffer(BLOCK_BYTES);
      new Uint8Array(buffer).set(block);
      this.#fed.set(object, (this.#fed.get(object) ?? 0) + 1);
      this.#post({ t: "block", id, object, offset: offset + at, buffer, length: block.length }, [buffer]);
    }
    return this.isOpen(id);
  }
  async endInput(id: number, object: number, error?: ErrorData): Promise<void> {
    await this.#until(() => this.#live || !this.isOpen(id));
    this.#post({ t: "input-end", id, object, ...(error ? { error } : {}) });
  }
  /** Lets the process freeze or end; the thread stays warm for the same job's next hand. */
  rest(): void {
    this.#worker?.unref();
  }
  async close(): Promise<void> {
    const worker = this.#detach();
    this.#config = undefined;
    await worker?.terminate();
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      if (condition()) return;
      await new Promise<void>((wake) => this.#waiters.push(wake));
    }
  }
  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  #post(message: ToThread, transfer: ArrayBuffer[] = []): void {
    this.#worker?.postMessage(message, transfer);
  }

  #send(task: Outstanding): void {
    const inline = task.inline?.map(({ object, offset, bytes }): InlineInput => {
      return { object, offset, bytes: new Uint8Array(bytes) };
    });
    this.#post(
      { t: "task", id: task.id, spec: task.spec, inline: inline ?? null },
      inline?.map(({ bytes }) => bytes.buffer),
    );
  }

  async #start(): Promise<void> {
    const config = this.#config;
    if (!config) return;
    this.#worker ??= this.#spawn();
    const worker = this.#worker;
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#ready = { resolve, reject };
        timer = setTimeout(() => {
          if (this.#worker === worker) void this.#detach()?.terminate();
          reject(loadFailed("it took longer than 60 s to load"));
        }, START_TIMEOUT_MS);
        worker.postMessage({ t: "configure", config } satisfies ToThread);
      });
    } finally {
      clearTimeout(timer);
      this.#ready = undefined;
    }
  }

  #spawn(): Worker {
    const workerData: ThreadData = { control: this.#control.buffer as SharedArrayBuffer };
    const worker = new Worker(this.#options.thread, {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: this.#options.heapMiB, maxYoungGenerationSizeMb: YOUNG_MIB },
    });
    let death: unknown;
    worker.on("message", (message: FromThread) => {
      if (this.#worker === worker) this.#receive(message);
    });
    worker.on("error", (error) => {
      death = error;
    });
    worker.on("exit", (code) => {
      if (this.#worker !== worker) return;
      this.#printStack(death);
      this.#died(deathError(death, code));
    });
    return worker;
  }

  /** The thread is ours no longer: whatever it still says is not heard. */
  #detach(): Worker | undefined {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#live = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return worker;
  }

  #receive(message: FromThread): void {
    switch (message.t) {
      case "ready":
        this.#ready?.resolve();
        return;
      case "refused":
        this.#ready?.reject(fromErrorData(message.error));
        return;
      case "consumed":
        this.#buffers.push(message.buffer);
        if (this.#outstanding[0]?.id === message.id) {
          this.#fed.set(message.object, (this.#fed.get(message.object) ?? 1) - 1);
        }
        this.#wake();
        return;
      case "open":
        this.#outstanding.find(({ id }) => id === message.id)?.events.opened(message.object);
        return;
      case "data": {
        const task = this.#outstanding.find(({ id }) => id === message.id);
        const { length } = message.bytes;
        if (!task) return;
        this.#handle(async () => {
          await task.events.data(message.result, message.name, message.bytes, message.last);
          this.#post({ t: "credit", bytes: length });
        });
        return;
      }
      case "printed":
        this.printed(message);
        return;
      case "end":
        this.#end(message.id, message.outcome);
        return;
      case "handed-back":
        this.#end(message.id, null);
        return;
    }
  }

  /** Tasks end in order, so it's always the first one. */
  #end(id: number, outcome: TaskOutcome | null): void {
    const task = this.#outstanding[0];
    if (task?.id !== id) return;
    const now = this.#options.now();
    this.#outstanding.shift();
    this.#bytes -= task.bytes;
    this.#handle(() => task.events.ended(outcome, task.startedAt, now));
    this.#fed.clear();
    const next = this.#outstanding[0];
    if (next) this.#begin(next);
    this.#wake();
  }

  #handle(work: () => Promise<void>): void {
    this.#handling++;
    this.#chain = this.#chain.then(async () => {
      try {
        if (!this.#failure) await work();
      } catch (error) {
        this.#failure = { error };
      }
      this.#handling--;
      this.#wake();
    });
  }

  #begin(task: Outstanding): void {
    task.startedAt = this.#options.now();
    if (this.#timer === undefined) this.#watch(this.timeLimit());
  }

  /** One timer for a thousand tasks: when it fires, it looks how long the first one has been at it. */
  #watch(delay: number): void {
    this.#timer = setTimeout(() => {
      // What lies in the queue first: this thread may have been busy, and the task may have ended in time.
      setImmediate(() => {
        const first = this.#outstanding[0];
        this.#timer = undefined;
        if (!first) return;
        const limit = this.timeLimit();
        const left = this.#live ? first.startedAt + limit - this.#options.now() : limit;
        if (left > 0) this.#watch(left);
        else this.#kill(limit);
      });
    }, delay);
    this.#timer.unref();
  }

  #kill(limit: number): void {
    const worker = this.#detach();
    void worker?.terminate();
    this.#blameFirst({
      code: "TASK_TIMEOUT",
      message: `The task did not end within ${limit / 1_000} s and was killed; raise config.taskTimeout (at most 840 s), or make chunks smaller (config.maxChunkSize).`,
      retryable: true,
    });
  }

  #died(error: ErrorData): void {
    this.#detach();
    if (this.#ready) this.#ready.reject(loadFailed(error.message));
    else this.#blameFirst(error);
  }

  /** An error that nobody caught ended the thread before it could print it. */
  #printStack(error: unknown): void {
    const spec = this.#outstanding[0]?.spec;
    if (!spec || !(error instanceof Error) || error.stack === undefined || "code" in error) return;
    const { ordinal, attempt } = spec;
    this.printed({ t: "printed", ordinal, attempt, level: "ERROR", text: error.stack, at: this.#options.now() });
  }

  /** The first task ends with this error; those behind it go to a new thread. */
  #blameFirst(error: ErrorData): void {
    const first = this.#outstanding[0];
    const outcome: TaskOutcome = { x: error.retryable ? "F" : "X", error, rejections: [], rejected: 0, header: null };
    const stopped = Atomics.load(this.#control, 0) === 1;
    if (first) this.#end(first.id, outcome);
    const behind = this.#outstanding;
    if (stopped) {
      for (const task of [...behind]) this.#end(task.id, null);
      return;
    }
    if (behind.length > 0) this.#revive();
  }

  /** A new thread, which gets every task that is outstanding. */
  #revive(): void {
    this.#reviving = true;
    this.#handle(async () => {
      try {
        await this.#start();
      } finally {
        this.#reviving = false;
      }
      this.#live = true;
      const [next] = this.#outstanding;
      if (next) this.#begin(next);
      for (const task of this.#outstanding) this.#send(task);
    });
  }
}

function loadFailed(why: string): JobJobError {
  return new JobJobError({
    code: "APP_LOAD_FAILED",
    message: `The app's code could not be loaded: ${why}. Run it with \`jobjob app run\` to see why.`,
    retryable: true,
  });
}

function deathError(error: unknown, code: number): ErrorData {
  if ((error as NodeJS.ErrnoException | undefined)?.code === "ERR_WORKER_OUT_OF_MEMORY") {
    return {
      code: "TASK_OUT_OF_MEMORY",
      message:
        "The task filled the memory of its worker and was killed; stream the chunk instead of holding it, or make chunks smaller (config.maxChunkSize).",
      retryable: true,
    };
  }
  if (error !== undefined) {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { code: "APP_ERROR", message: `Uncaught: ${text}`.slice(0, 1_000), retryable: true };
  }
  return {
    code: "TASK_EXITED",
    message: `The task ended its process (exit code ${code}); return from run() instead, or throw an error to fail.`,
    retryable: true,
  };
}
