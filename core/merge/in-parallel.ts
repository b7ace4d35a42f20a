/**
 * `work` on every item, at most `limit` at once. Waits for those under way before it throws the first error, so that
 * nothing goes on behind the caller's back.
 */
export async function inParallel<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = [...items].entries();
  const failures: unknown[] = [];
  const worker = async () => {
    for (const [index, item] of entries) {
      if (failures.length > 0) return;
      try {
        await work(item, index);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failures.length > 0) throw failures[0];
}
