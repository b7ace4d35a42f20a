/** Records one by one for an app, and many at a time for the runtime: a promise for each would cost more than its work. */

/** A method that gives the records of a block, or null at the end. A global symbol: a user's bundle has this module again. */
const MANY = Symbol.for("jobjob.records.many");

type Records<T> = Iterable<T> | AsyncIterable<T>;

/** An async iterator on batches. */
export class RecordStream<T> implements AsyncIterableIterator<T> {
  readonly #batches: AsyncIterator<readonly T[]>;
  #batch: readonly T[] = [];
  #index = 0;

  constructor(batches: AsyncIterator<readonly T[]>) {
    this.#batches = batches;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** What is left of the batch in hand, or the next one, never an empty one; null at the end. */
  async [MANY](): Promise<readonly T[] | null> {
    let batch = this.#index === 0 ? this.#batch : this.#batch.slice(this.#index);
    this.#batch = [];
    this.#index = 0;
    while (batch.length === 0) {
      const next = await this.#batches.next();
      if (next.done) return null;
      batch = next.value;
    }
    return batch;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#index === this.#batch.length) return this.#refill();
    // Within its bounds: what stands there is a T, undefined or not.
    return Promise.resolve({ done: false, value: this.#batch[this.#index++] as T });
  }

  async #refill(): Promise<IteratorResult<T>> {
    const batch = await this[MANY]();
    if (batch === null) return { done: true, value: undefined };
    this.#batch = batch;
    this.#index = 1;
    return { done: false, value: batch[0] as T };
  }

  async return(): Promise<IteratorResult<T>> {
    this.#batch = [];
    this.#index = 0;
    await this.#batches.return?.();
    return { done: true, value: undefined };
  }
}

interface Many<T> extends AsyncIterator<T> {
  [MANY](): Promise<readonly T[] | null>;
}

const givesMany = <T>(records: Records<T>): records is Records<T> & Many<T> => MANY in records;

async function* batchesOf<T>(records: Records<T>): AsyncGenerator<readonly T[]> {
  if (!givesMany(records)) {
    for await (const record of records) yield [record];
    return;
  }
  try {
    for (let batch = await records[MANY](); batch; batch = await records[MANY]()) yield batch;
  } finally {
    await records.return?.();
  }
}

/** Calls `take` for each record in turn, and waits where it gives a promise. */
export async function eachRecord<T>(
  records: Records<T>,
  take: (record: T) => Promise<void> | undefined,
): Promise<void> {
  if (!givesMany(records)) {
    for await (const record of records) {
      const wait = take(record);
      if (wait) await wait;
    }
    return;
  }
  for await (const batch of batchesOf(records)) {
    for (const record of batch) {
      const wait = take(record);
      if (wait) await wait;
    }
  }
}

/**
 * Records made of others; `convert` answers undefined for one that is left out. Faster than an async generator: with the
 * records of a chunk it costs no promise for each.
 *
 * @example
 * run: (chunk) => mapRecords(chunk.records(), ({ name, state }) => (state === "CA" ? { name } : undefined))
 */
export function mapRecords<T, U>(records: Records<T>, convert: (record: T) => U | undefined): AsyncIterableIterator<U> {
  return new RecordStream(mapped(records, convert));
}

async function* mapped<T, U>(records: Records<T>, convert: (record: T) => U | undefined): AsyncGenerator<readonly U[]> {
  for await (const batch of batchesOf(records)) {
    const made: U[] = [];
    for (const record of batch) {
      const one = convert(record);
      if (one !== undefined) made.push(one);
    }
    if (made.length > 0) yield made;
  }
}
