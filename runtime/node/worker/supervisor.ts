import type { ErrorData } from "../../../core/errors.ts";
import {
  BLOCK_BYTES,
  type HandConfig,
  type InlineInput,
  type PrintedMessage,
  type ResultPiece,
  type TaskOutcome,
} from "../messages.ts";
import { AppThread, type TaskMessage } from "./app-thread.ts";
import { BlockFeed } from "./block-feed.ts";
import { Serial } from "./serial.ts";
import type { Submission } from "./submission.ts";
import { Watchdog } from "./watchdog.ts";

interface Outstanding extends Submission {
  readonly id: number;
  readonly bytes: number;
  startedAt: number;
  /** Milliseconds it may take from then on. */
  limit: number;
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

/**
 * Runs tasks in one worker thread, in order, and survives whatever they do to it: a task that takes too long, exits,
 * throws out of reach or fills its heap ends with an error; the thread is replaced and the tasks behind it are sent again.
 */
export class Supervisor {
  readonly #now: () => number;
  readonly #control = new Int32Array(new SharedArrayBuffer(4));
  readonly #thread: AppThread;
  readonly #feed: BlockFeed;
  /** Handling of messages, one after the other. */
  readonly #handlers = new Serial();
  /** The thread is configured and was sent all outstanding tasks. */
  #live = false;
  #reviving = false;
  #config: HandConfig | undefined;
  #nextId = 0;
  #outstanding: Outstanding[] = [];
  #bytes = 0;
  readonly #watchdog: Watchdog;
  /** Hears what tasks print. */
  printed: (message: PrintedMessage) => void = () => undefined;
  /** Milliseconds that a task may take which begins now; less than the configured when the function's time runs out. */
  timeLimit: () => number;

  constructor({ thread, heapMiB, now }: SupervisorOptions) {
    this.#now = now;
    this.#thread = new AppThread({
      thread,
      heapMiB,
      control: this.#control.buffer as SharedArrayBuffer,
      heard: (message) => this.#heard(message),
      died: (error, thrown) => this.#died(error, thrown),
    });
    this.#feed = new BlockFeed((message, transfer) => this.#thread.post(message, transfer));
    this.timeLimit = () => this.#config?.taskTimeoutMs ?? 0;
    this.#watchdog = new Watchdog({ now, left: () => this.#timeLeft(), expired: () => this.#kill() });
  }

  /** Readies a thread for a hand's tasks: the same one as before if it's the same job's. @throws JobJobError of the app */
  async configure(config: HandConfig): Promise<void> {
    if (this.#config && this.#config.jobId !== config.jobId) await this.close();
    this.#config = config;
    this.#handlers.forgive();
    Atomics.store(this.#control, 0, 0);
    this.#live = false;
    await this.#thread.configure(config);
    this.#live = true;
  }

  /** Resolves when another task may be submitted. */
  async room(): Promise<void> {
    await this.#handlers.until(() => this.#outstanding.length < MAX_OUTSTANDING && this.#bytes < MAX_OUTSTANDING_BYTES);
  }

  /** Resolves when every submitted task has ended. @throws what an event handler threw */
  async drained(): Promise<void> {
    await this.#handlers.until(() => this.#outstanding.length === 0 && this.#handlers.isIdle);
  }

  submit(submission: Submission): number {
    const id = this.#nextId++;
    const bytes = (submission.inline ?? []).reduce((sum, input) => sum + input.bytes.length, 0);
    const { spec, inline, events } = submission;
    const task: Outstanding = { spec, inline, events, id, bytes, startedAt: 0, limit: 0 };
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
      const fits = () => !this.isOpen(id) || (this.#live && this.#feed.hasRoom(object));
      if (!fits()) await this.#handlers.until(fits);
      if (!this.isOpen(id)) return false;
      this.#feed.send(id, object, offset + at, bytes.subarray(at, at + BLOCK_BYTES));
    }
    return this.isOpen(id);
  }

  async endInput(id: number, object: number, error?: ErrorData): Promise<void> {
    await this.#handlers.until(() => this.#live || !this.isOpen(id));
    this.#thread.post({ t: "input-end", id, object, ...(error ? { error } : {}) });
  }

  /** Lets the process freeze or end; the thread stays warm for the same job's next hand. */
  rest(): void {
    this.#thread.rest();
  }

  async close(): Promise<void> {
    this.#config = undefined;
    await this.#detach();
  }

  #detach(): Promise<void> {
    this.#gone();
    return this.#thread.detach();
  }

  #gone(): void {
    this.#live = false;
    this.#watchdog.end();
  }

  #send(task: Outstanding): void {
    const inline = task.inline?.map(({ object, offset, bytes }): InlineInput => {
      return { object, offset, bytes: new Uint8Array(bytes) };
    });
    this.#thread.post(
      { t: "task", id: task.id, spec: task.spec, inline: inline ?? null },
      inline?.map(({ bytes }) => bytes.buffer),
    );
  }

  #heard(message: TaskMessage): void {
    switch (message.t) {
      case "consumed":
        this.#feed.takeBack(message, this.#outstanding[0]?.id === message.id);
        this.#handlers.wake();
        return;
      case "open":
        this.#outstanding.find(({ id }) => id === message.id)?.events.opened(message.object);
        return;
      case "data": {
        const { length } = message.bytes;
        this.#data(message.id, message, () => this.#thread.post({ t: "credit", bytes: length }));
        return;
      }
      case "printed":
        this.printed(message);
        return;
      case "end":
        if (message.rest) this.#data(message.id, message.rest);
        this.#end(message.id, message.outcome);
        return;
      case "handed-back":
        this.#end(message.id, null);
        return;
    }
  }

  #data(of: number, { result, name, bytes, last }: ResultPiece, taken?: () => void): void {
    const task = this.#outstanding.find(({ id }) => id === of);
    if (!task) return;
    this.#handlers.run(async () => {
      await task.events.data(result, name, bytes, last);
      taken?.();
    });
  }

  /** Tasks end in order, so it's always the first one. */
  #end(id: number, outcome: TaskOutcome | null): void {
    const task = this.#outstanding[0];
    if (task?.id !== id) return;
    const now = this.#now();
    this.#outstanding.shift();
    this.#bytes -= task.bytes;
    this.#handlers.run(() => task.events.ended(outcome, task.startedAt, now));
    this.#feed.reset();
    const next = this.#outstanding[0];
    if (next) this.#begin(next);
    this.#handlers.wake();
  }

  #begin(task: Outstanding): void {
    task.startedAt = this.#now();
    task.limit = this.timeLimit();
    this.#watchdog.begin(task.limit);
  }

  #timeLeft(): number | undefined {
    const first = this.#outstanding[0];
    if (!first) return undefined;
    return this.#live ? first.startedAt + first.limit - this.#now() : first.limit;
  }

  #kill(): void {
    const limit = this.#outstanding[0]?.limit ?? 0;
    void this.#detach();
    this.#blameFirst({
      code: "TASK_TIMEOUT",
      message: `The task did not end within ${limit / 1_000} s and was killed; raise config.taskTimeout (at most 840 s), or make chunks smaller (config.maxChunkSize).`,
      retryable: true,
    });
  }

  #died(error: ErrorData, thrown: unknown): void {
    this.#gone();
    this.#printStack(thrown);
    this.#blameFirst(error);
  }

  /** An error that nobody caught ended the thread before it could print it. */
  #printStack(error: unknown): void {
    const spec = this.#outstanding[0]?.spec;
    if (!spec || !(error instanceof Error) || error.stack === undefined || "code" in error) return;
    const { ordinal, attempt } = spec;
    this.printed({ t: "printed", ordinal, attempt, level: "ERROR", text: error.stack, at: this.#now() });
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
    this.#handlers.run(async () => {
      try {
        if (this.#config) await this.#thread.configure(this.#config);
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
