/** `work` on each item, up to `ahead` items before they are asked for; the results come in the order of the items. */
export async function* aheadOf<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  ahead: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const started: Promise<R>[] = [];
  for await (const item of items) {
    const result = work(item);
    // Awaited in its turn, or never when the reader has stopped: then its failure is nobody's.
    result.catch(() => undefined);
    started.push(result);
    if (started.length > ahead) {
      const next = started.shift();
      if (next) yield await next;
    }
  }
  for (const next of started) yield await next;
}
