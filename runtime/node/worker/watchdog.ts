export interface WatchdogOptions {
  readonly now: () => number;
  /** Milliseconds that the task in hand has left; undefined when there is none. */
  readonly left: () => number | undefined;
  /** Its time is over. */
  readonly expired: () => void;
}

/** One timer for a thousand tasks: when it fires, it looks how long the one in hand has been at it. */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firesAt = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  /** A task begins that has so many milliseconds. */
  begin(ms: number): void {
    if (this.#timer !== undefined && this.#firesAt <= this.#options.now() + ms) return;
    this.end();
    this.#watch(ms);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #watch(delay: number): void {
    this.#firesAt = this.#options.now() + delay;
    const timer = setTimeout(() => {
      // What lies in the queue first: this thread may have been busy, and the task may have ended in time.
      setImmediate(() => {
        if (this.#timer !== timer) return;
        this.#timer = undefined;
        const left = this.#options.left();
        if (left === undefined) return;
        if (left > 0) this.#watch(left);
        else this.#options.expired();
      });
    }, delay);
    this.#timer = timer;
    timer.unref();
  }
}
