import { JobJobError } from "../errors.ts";
import type { ObjectStore } from "../ports/index.ts";
import { aheadOf } from "./ahead.ts";
import type { CommittedResult } from "./results.ts";

/** Small results lie side by side in packs: a window reads many of them with one GET. */
const WINDOW_BYTES = 8 * 1024 * 1024;
const WINDOWS_AHEAD = 2;

export interface ReadResult {
  readonly result: CommittedResult;
  /** null: larger than a window, to be copied rather than read. */
  readonly bytes: Uint8Array | null;
}

/** Results with their bytes, in order, a window at a time; at most three windows are in memory. */
export async function* readWindows(
  objects: ObjectStore,
  results: Iterable<CommittedResult>,
  windowBytes = WINDOW_BYTES,
): AsyncGenerator<readonly ReadResult[]> {
  yield* aheadOf(windowsOf(results, windowBytes), WINDOWS_AHEAD, (window) => readWindow(objects, window, windowBytes));
}

function* windowsOf(results: Iterable<CommittedResult>, windowBytes: number): Generator<readonly CommittedResult[]> {
  let window: CommittedResult[] = [];
  for (const result of results) {
    const first = window[0]?.extent;
    const last = window.at(-1)?.extent;
    const { extent } = result;
    const fits =
      first && last && extent.key === last.key && extent.from === last.to && extent.to - first.from <= windowBytes;
    if (!fits && window.length > 0) {
      yield window;
      window = [];
    }
    window.push(result);
  }
  if (window.length > 0) yield window;
}

async function readWindow(
  objects: ObjectStore,
  window: readonly CommittedResult[],
  windowBytes: number,
): Promise<readonly ReadResult[]> {
  const first = window[0]?.extent;
  const to = window.at(-1)?.extent.to ?? 0;
  if (!first || to - first.from > windowBytes) return window.map((result) => ({ result, bytes: null }));
  const bytes =
    to === first.from
      ? new Uint8Array()
      : await objects.get(first, { range: { from: first.from, to }, ifMatch: first.etag });
  if (bytes.length !== to - first.from) {
    throw new JobJobError({
      code: "RESULT_DAMAGED",
      message: `${first.key} ends before byte ${to}; requeue the job with tasks "all".`,
      details: { key: first.key, from: first.from, to },
    });
  }
  return window.map((result) => ({
    result,
    bytes: bytes.subarray(result.extent.from - first.from, result.extent.to - first.from),
  }));
}
