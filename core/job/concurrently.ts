/** The results of `work` on each item, in order, with at most `most` under way. The first error ends it. */
export async function concurrently<A, B>(
  items: readonly A[],
  most: number,
  work: (item: A) => Promise<B>,
): Promise<B[]> {
  const results = new Array<B>(items.length);
  const entries = items.entries(); // shared: each worker takes the next one
  const worker = async (): Promise<void> => {
    for (const [i, item] of entries) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
  return results;
}
