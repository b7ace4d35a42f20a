/** Bounded retries with exponential backoff and full-range jitter on its upper half. */
export interface RetryPolicy {
  /** Calls in all, the first one included. */
  readonly attempts: number;
  readonly firstMs: number;
  readonly mostMs: number;
}

/** 0.25, 0.5, 1, 2, 4 s: five waits, at most 7.75 s in all, without the server's own Retry-After. */
export const CALL_RETRIES: RetryPolicy = { attempts: 6, firstMs: 250, mostMs: 8_000 };
/** 0.5, 1, 2, 4 s: a part of a big upload is worth some patience. */
export const TRANSFER_RETRIES: RetryPolicy = { attempts: 5, firstMs: 500, mostMs: 8_000 };
/** A server that asks for more patience than this gets it at the next command. */
const MOST_ASKED_MS = 30_000;

/** @param failed how many attempts have failed; `asked` is the Retry-After in ms. */
export function delayMs(policy: RetryPolicy, failed: number, random: () => number, asked = 0): number {
  const full = Math.min(policy.mostMs, policy.firstMs * 2 ** (failed - 1));
  return Math.max(full * (0.5 + random() / 2), Math.min(asked, MOST_ASKED_MS));
}

/** Retry-After in ms: seconds or a date; 0 when absent or unreadable. */
export function retryAfterMs(header: string | null, now: number): number {
  if (header === null) return 0;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1_000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? 0 : Math.max(0, at - now);
}

/** Runs `work` on every item, at most `width` at a time; the first failure ends it once those under way have ended. */
export async function eachOf<T>(items: Iterable<T>, width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const worker = async () => {
    for (let next = queue.next(); !next.done && !failure; next = queue.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  if (failure) throw failure.error;
}
