import { setTimeout as sleep } from "node:timers/promises";

export interface RetryOptions {
  /** @default 8 */
  readonly tries?: number;
  /** The first wait is at most this long, in milliseconds; each next one twice that. @default 50 */
  readonly baseMs?: number;
  /** No further try once this much time has gone. @default 10,000 */
  readonly totalMs?: number;
}

/**
 * Tries again with full jitter: wait i is random in [0, base × 2^i). With 8 tries from 50 ms the seven waits add up to
 * 6.35 s at most, 3.2 s on average. Throws the last error when nothing helped, or the first that `again` declines.
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  again: (error: unknown) => boolean,
  options: RetryOptions = {},
): Promise<T> {
  const { tries = 8, baseMs = 50, totalMs = 10_000 } = options;
  const end = performance.now() + totalMs;
  for (let i = 1; ; i++) {
    try {
      return await attempt();
    } catch (error) {
      if (i >= tries || !again(error) || performance.now() >= end) throw error;
      await sleep(Math.random() * baseMs * 2 ** (i - 1));
    }
  }
}

/** `map` with at most `width` calls at a time; the results are in the order of the inputs. */
export async function mapAtMost<A, B>(
  width: number,
  inputs: readonly A[],
  call: (input: A) => Promise<B>,
): Promise<readonly B[]> {
  const results: B[] = new Array(inputs.length);
  const queue = inputs.entries();
  const worker = async () => {
    for (const [i, input] of queue) results[i] = await call(input);
  };
  await Promise.all(Array.from({ length: Math.min(width, inputs.length) }, worker));
  return results;
}
