import {
  CLAIM_LOG_BYTES,
  TASK_LOG_BYTES,
  type TaskLogHead,
  type TaskLogLevel,
  type TaskLogLine,
} from "../../../core/contracts/task-log.ts";

/** A line to keep: which task (relative to the batch's first), which attempt, and when (ms). */
export interface LogEntry {
  readonly o: number;
  readonly n: number;
  readonly at: number;
  readonly level: TaskLogLevel;
  readonly text: string;
}

/** Kept for the runtime's own notes, so that a talkative app can't hide that a task failed. */
const NOTES_BYTES = 256 * 1024;
const HEAD_BYTES = 1024;
const APPS_BYTES = CLAIM_LOG_BYTES - NOTES_BYTES - HEAD_BYTES;
/** Characters of a note: it may quote an app's error. */
const NOTE_CHARS = 4 * 1024;

/** The text of one claim's log: it only grows, stays within its bounds, and says where it left something out. */
export class ClaimLog {
  readonly #buffer: string[];
  /** Bytes of apps' lines by task, of all of them, and of notes. */
  readonly #ofTask = new Map<number, number>();
  readonly #told = new Set<number>();
  #apps = 0;
  #notes = 0;
  #isFull = false;
  /** Something was added that is worth a PUT. */
  #isNew = false;

  constructor(head: TaskLogHead) {
    this.#buffer = [`${JSON.stringify(head)}\n`];
  }

  get isNew(): boolean {
    return this.#isNew;
  }

  /** What an app printed. */
  print(entry: LogEntry): void {
    const line = lineOf(entry);
    const bytes = Buffer.byteLength(line);
    const sum = (this.#ofTask.get(entry.o) ?? 0) + bytes;
    this.#isFull ||= this.#apps + bytes > APPS_BYTES;
    if (sum > TASK_LOG_BYTES) this.#leaveOut(entry, "task", TASK_LOG_BYTES);
    else if (this.#isFull) this.#leaveOut(entry, "worker's batch", APPS_BYTES);
    else {
      this.#ofTask.set(entry.o, sum);
      this.#apps += bytes;
      this.#add(line);
    }
  }

  /** What the runtime has to say of a task. A quiet note alone is not worth a PUT. */
  note(entry: LogEntry, options: { readonly quiet?: boolean } = {}): void {
    const isLong = entry.text.length > NOTE_CHARS;
    const line = lineOf(isLong ? { ...entry, text: `${entry.text.slice(0, NOTE_CHARS - 1)}…` } : entry, 1);
    const bytes = Buffer.byteLength(line);
    if (this.#notes + bytes > NOTES_BYTES) return;
    this.#notes += bytes;
    if (options.quiet) this.#buffer.push(line);
    else this.#add(line);
  }

  /** All of it; from now on only what comes is new. */
  take(): string {
    this.#isNew = false;
    return this.#buffer.join("");
  }

  /** What was taken didn't arrive. */
  giveBack(): void {
    this.#isNew = true;
  }

  #add(line: string): void {
    this.#buffer.push(line);
    this.#isNew = true;
  }

  /** Said once for each task. */
  #leaveOut(entry: LogEntry, whose: string, bytes: number): void {
    // What comes of this task now would stand behind the gap.
    this.#ofTask.set(entry.o, TASK_LOG_BYTES);
    if (this.#told.has(entry.o)) return;
    this.#told.add(entry.o);
    const size = Math.round(bytes / 1024);
    const text = `The log of this ${whose} went over ${size} KiB: what the task printed from here on is not kept.`;
    this.note({ ...entry, level: "WARN", text });
  }
}

function lineOf({ o, n, at, level, text }: LogEntry, r?: 1): string {
  const line: TaskLogLine = { o, n, t: Math.max(0, Math.trunc(at)), l: level, m: text, ...(r ? { r } : {}) };
  return `${JSON.stringify(line)}\n`;
}
