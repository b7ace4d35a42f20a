/** Ctrl-C: ends the command at once, unless something under way wants to say or tidy up first. */
import { EXIT } from "./cli-error.ts";

export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

export class Interrupts {
  readonly #under: AbortController[] = [];

  /** While `work` runs, Ctrl-C fires its signal; a second one ends the process. */
  async during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#under.push(controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#under.splice(this.#under.indexOf(controller), 1);
    }
  }

  /** What SIGINT does. @returns whether somebody cares */
  fire(): boolean {
    const waiting = this.#under.filter(({ signal }) => !signal.aborted);
    for (const controller of waiting) controller.abort(new InterruptedError("interrupted"));
    return waiting.length > 0;
  }

  listen(): void {
    for (const name of ["SIGINT", "SIGTERM"] as const) {
      process.on(name, () => {
        if (!this.fire()) process.exit(EXIT.INTERRUPTED);
      });
    }
  }
}

/** `work`, or InterruptedError as soon as the signal fires; what `work` does goes on until it notices by itself. */
export function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
