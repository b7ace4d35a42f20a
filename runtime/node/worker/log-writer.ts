import type { TaskLogHead } from "../../../core/contracts/task-log.ts";
import type { TaskEntry } from "../../../core/contracts/worker.ts";
import { toErrorData } from "../../../core/errors.ts";
import { claimLogKey, type JobPlace } from "../../../core/keys/object-keys.ts";
import type { Clock, Log, ObjectStore } from "../../../core/ports/index.ts";
import type { PrintedMessage } from "../messages.ts";
import { ClaimLog } from "./claim-log.ts";

export interface LogWriterOptions {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly bucket: string;
  readonly job: JobPlace;
  readonly generation: number;
  readonly head: TaskLogHead;
  /** Milliseconds between two writes; the first comes after a fifth of it, for whoever waits for a sign of life. */
  readonly everyMs: number;
}

/** A task of the hand: ordinal relative to the batch's first, and what is known of it. */
interface Task {
  readonly relative: number;
  readonly spec: { readonly ordinal: number; readonly attempt: number };
}

/**
 * Keeps one claim's log in S3: written at the end, and while the claim runs as long as there is something new. Tasks that
 * say nothing cost nothing, and a log that can't be written harms no task.
 */
export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #text: ClaimLog;
  #ordinals: ReadonlySet<number> = new Set();
  #first = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Writes, one after the other: an older text must not come last. */
  #chain: Promise<void> = Promise.resolve();
  #next: number;
  #isClosed = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#text = new ClaimLog(options.head);
    this.#next = options.clock.now() + options.everyMs / 5;
  }

  begin(tasks: readonly Task[]): void {
    this.#ordinals = new Set(tasks.map(({ spec }) => spec.ordinal));
    this.#first = tasks[0]?.relative ?? 0;
  }

  printed({ ordinal, attempt, level, text, at }: PrintedMessage): void {
    if (this.#isClosed) return;
    // Else a timer that a task of the thread's last hand left running: it is this hand's to bear.
    const o = this.#ordinals.has(ordinal) ? ordinal - this.#options.head.first : this.#first;
    this.#text.print({ o, n: attempt, level, text, at });
    this.#schedule();
  }

  /** How a task ended, when there is something to say: it failed, or left items out. */
  ended(task: Task, entry: Pick<TaskEntry, "t" | "e" | "j" | "jn">): void {
    const { e: error, j, jn = 0 } = entry;
    const at = entry.t[0] + entry.t[1];
    if (jn > 0) {
      const [first] = j ?? [];
      const why = first ? `; the first: ${first.reason} (${first.item})` : "";
      this.#note(task, at, "WARN", `${jn === 1 ? "1 item was" : `${jn} items were`} rejected${why}`);
    }
    if (!error) return;
    const verdict = error.retryable ? "" : " for good";
    this.#note(task, at, "ERROR", `Attempt ${task.spec.attempt} failed${verdict}: ${error.code}: ${error.message}`);
  }

  /** Tasks of the hand that were not begun. */
  handedBack(tasks: readonly Task[]): void {
    const [first] = tasks;
    if (!first) return;
    const who = tasks.length === 1 ? "This task was" : `This task and ${tasks.length - 1} more were`;
    const text = `${who} handed back unbegun: the job was stopped, or the worker's time ran short.`;
    this.#note(first, this.#options.clock.now(), "INFO", text, true);
  }

  /** The last of it. Never throws. */
  async finish(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#write();
  }

  #note(task: Task, at: number, level: "INFO" | "WARN" | "ERROR", text: string, quiet = false): void {
    this.#text.note({ o: task.relative, n: task.spec.attempt, level, text, at }, { quiet });
    if (!quiet) this.#schedule();
  }

  #schedule(): void {
    if (this.#timer !== undefined) return;
    const { clock, everyMs } = this.#options;
    this.#timer = setTimeout(
      () => {
        this.#next = clock.now() + everyMs;
        void this.#write().then(() => {
          this.#timer = undefined;
          if (this.#text.isNew && !this.#isClosed) this.#schedule();
        });
      },
      Math.max(0, this.#next - clock.now()),
    );
    this.#timer.unref();
  }

  #write(): Promise<void> {
    this.#chain = this.#chain.then(async () => {
      if (!this.#text.isNew) return;
      const { objects, bucket, job, generation, head, log } = this.#options;
      const place = { bucket, key: claimLogKey(job, generation, head.batch, head.claim) };
      try {
        await objects.put(place, this.#text.take(), { contentType: "application/x-ndjson" });
      } catch (error) {
        this.#text.giveBack();
        const { jobId } = job;
        log.warn("WORKER_LOG_UNWRITTEN", { jobId, batch: head.batch, claim: head.claim, error: toErrorData(error) });
      }
    });
    return this.#chain;
  }
}
