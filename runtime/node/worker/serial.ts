/**
 * Runs asynchronous work one after the other, remembers the first failure (nothing runs after it), and wakes whoever waits
 * for a condition whenever something may have changed.
 */
export class Serial {
  #chain: Promise<void> = Promise.resolve();
  #running = 0;
  #failure: { readonly error: unknown } | undefined;
  #waiters: (() => void)[] = [];

  get isIdle(): boolean {
    return this.#running === 0;
  }

  run(work: () => Promise<void>): void {
    this.#running++;
    this.#chain = this.#chain.then(async () => {
      try {
        if (!this.#failure) await work();
      } catch (error) {
        this.#failure = { error };
      }
      this.#running--;
      this.wake();
    });
  }

  /** @throws what some work threw */
  async until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure) throw this.#failure.error;
      if (condition()) return;
      await new Promise<void>((wake) => this.#waiters.push(wake));
    }
  }

  wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  forgive(): void {
    this.#failure = undefined;
  }
}
