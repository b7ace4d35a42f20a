import { hint } from "../../../core/contracts/worker.ts";
import { JobJobError, toErrorData } from "../../../core/errors.ts";
import type { Log, ObjectStore, Place } from "../../../core/ports/index.ts";

export interface StopWatchOptions {
  readonly objects: ObjectStore;
  readonly log: Log;
  readonly hint: Place;
  readonly hintEveryMs: number;
  readonly run: number;
  readonly round: number;
  /** Milliseconds that must remain for another task to begin. */
  readonly needMs: () => number;
  readonly remaining: () => number;
  readonly onStop: () => void;
}

const LOOK_EVERY_MS = 200;

/** Tells when no further task may begin: the control hint says so, or time runs short. */
export class StopWatch {
  readonly #options: StopWatchOptions;
  #timers: ReturnType<typeof setInterval>[] = [];
  #stopped = false;
  /** Too little time from the very start: then time stops nothing here, and the caller takes one task only. */
  isShort = false;

  constructor(options: StopWatchOptions) {
    this.#options = options;
  }

  get stopped(): boolean {
    if (!this.#stopped && !this.isShort && this.#options.remaining() < this.#options.needMs()) this.#stop();
    return this.#stopped;
  }

  start(): void {
    this.isShort = this.#options.remaining() < this.#options.needMs();
    this.#timers = [
      setInterval(() => this.stopped, LOOK_EVERY_MS),
      setInterval(() => void this.#readHint(), this.#options.hintEveryMs),
    ];
  }

  end(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#options.onStop();
  }

  /** A newer run or round, or a wish of this run. Only a hint: whatever goes wrong with it stops nothing. */
  async #readHint(): Promise<void> {
    const { objects, log, run, round } = this.#options;
    try {
      const found = hint.parse(JSON.parse(new TextDecoder().decode(await objects.get(this.#options.hint))));
      const isNewer = found.run > run || (found.run === run && found.round > round);
      if (isNewer || (found.run === run && found.wish > 0)) this.#stop();
    } catch (error) {
      const isMissing = error instanceof JobJobError && error.code === "OBJECT_MISSING";
      if (!isMissing) log.warn("WORKER_HINT_UNREAD", { error: toErrorData(error) });
    }
  }
}
