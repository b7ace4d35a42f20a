/** Calls under way, at most `limit` at once. The first failure is thrown at the next `start` or `landed`. */
export class Flights {
  readonly #limit: number;
  readonly #open = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes off at once or when there is room. */
  async start(call: () => Promise<void>): Promise<void> {
    while (this.#open.size >= this.#limit) await Promise.race(this.#open);
    this.#throwFirst();
    const flight: Promise<void> = call()
      .catch((error: unknown) => {
        this.#failures.push(error);
      })
      .finally(() => this.#open.delete(flight));
    this.#open.add(flight);
  }

  /** All are done. */
  async landed(): Promise<void> {
    await this.settled();
    this.#throwFirst();
  }

  /** None is under way any more, whatever became of them. */
  async settled(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open);
  }

  #throwFirst(): void {
    if (this.#failures.length > 0) throw this.#failures[0];
  }
}
