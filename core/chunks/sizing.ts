import { InvalidInputError } from "../errors.ts";
import type { ByteChunk } from "./byte-chunk.ts";

/** What a job says about its chunks, in bytes; 0 or absent = unset. */
export interface SizingConfig {
  readonly minChunkSize?: number | undefined;
  readonly maxChunkSize?: number | undefined;
  /** Wanted number of chunks; the sizes win over it, and so does the maximum over the minimum. */
  readonly chunks?: number | undefined;
}

/** Largest chunk when the job sets no maximum: 64 MiB, about a second of scanning and far below a task's timeout. */
export const DEFAULT_MAX_CHUNK_SIZE = 64 * 1024 * 1024;
/** Smallest chunk that is made unasked: below 4 MiB a request costs more time than its bytes. */
const SMALLEST_DEFAULT = 4 * 1024 * 1024;
/** Chunks that a middling file is split into unasked, so that it runs side by side: 64 MiB gives 16, 256 MiB to 2 GiB 32. */
const DEFAULT_SPREAD = 32;
/** More tasks than this in one job are refused: they would cost more to hand out than to merge into bigger ones. */
export const MAX_CHUNKS = 10_000_000;

/**
 * Nominal cuts of [start, size) into `count` ranges: of equal length to a byte, or, with `each`, of that length but for the
 * last. Plain JSON; the cuts are never all in memory.
 */
export interface CutPlan {
  /** Where the records begin: 0, or behind a CSV header. */
  readonly start: number;
  readonly size: number;
  readonly count: number;
  readonly each?: number | undefined;
}

/** @throws InvalidInputError INVALID_PARAMS naming the field under `path` */
export function checkSizing(config: SizingConfig, path = "config"): void {
  const { minChunkSize, maxChunkSize, chunks } = config;
  checkCount(minChunkSize, `${path}.minChunkSize`, "bytes");
  checkCount(maxChunkSize, `${path}.maxChunkSize`, "bytes");
  checkCount(chunks, `${path}.chunks`, "chunks");
  if (minChunkSize && maxChunkSize && minChunkSize > maxChunkSize) {
    throw new InvalidInputError(
      `${path}.minChunkSize`,
      `${minChunkSize} is more than maxChunkSize (${maxChunkSize}); lower it, or raise maxChunkSize`,
    );
  }
  if (chunks && chunks > MAX_CHUNKS) {
    throw new InvalidInputError(`${path}.chunks`, `${chunks} is over the limit of ${MAX_CHUNKS} chunks`);
  }
}

export interface CutInput {
  /** Size of the source in bytes. */
  readonly size: number;
  /** @default 0 */
  readonly start?: number | undefined;
  readonly config?: SizingConfig | undefined;
  /** Pieces of one length, the last one shorter, as the format `bytes` promises. @default false: all nearly equal */
  readonly fixed?: boolean | undefined;
  /** Where the config stands, for errors. @default "config" */
  readonly path?: string | undefined;
}

/**
 * Decides how many chunks a source is cut into. Nothing to cut: count 0.
 * @throws InvalidInputError INVALID_PARAMS for a bad config, or one that makes more than MAX_CHUNKS chunks
 */
export function planCuts(input: CutInput): CutPlan {
  const { size, start = 0, config = {}, path = "config" } = input;
  checkSizing(config, path);
  checkCount(size, "size", "bytes");
  checkCount(start, "start", "bytes");
  const length = size - start;
  if (length <= 0) return { start: Math.min(start, size), size, count: 0 };
  const min = config.minChunkSize || 1;
  const max = config.maxChunkSize || Math.max(DEFAULT_MAX_CHUNK_SIZE, min);
  const spread = Math.max(SMALLEST_DEFAULT, Math.ceil(length / DEFAULT_SPREAD));
  const wanted = config.chunks || Math.ceil(length / Math.min(spread, max));
  const most = Math.max(1, Math.floor(length / min));
  const fewest = Math.ceil(length / max);
  const count = Math.max(fewest, Math.min(most, wanted));
  if (count > MAX_CHUNKS) {
    throw new InvalidInputError(
      `${path}.maxChunkSize`,
      `${max} bytes make ${count} chunks of ${length} bytes, over the limit of ${MAX_CHUNKS}; raise it`,
    );
  }
  if (!input.fixed) return { start, size, count };
  const each = config.maxChunkSize && count === fewest ? max : Math.ceil(length / count);
  return { start, size, count: Math.ceil(length / each), each };
}

/** The k-th nominal cut, k from 0 (= start) to count (= size). Sums stay below 2^53, unlike length × k. */
export function cutAt(plan: CutPlan, k: number): number {
  const { start, size, count } = plan;
  if (k >= count) return size;
  if (plan.each !== undefined) return Math.min(size, start + plan.each * k);
  const length = size - start;
  const each = Math.floor(length / count);
  return start + each * k + Math.min(k, length % count);
}

/** The first k whose cut lies behind `offset`; count + 1 when none does. `from` = a k known not to be too large. */
export function nextCut(plan: CutPlan, offset: number, from: number): number {
  const widest = plan.each ?? Math.floor((plan.size - plan.start) / Math.max(1, plan.count)) + 1;
  let k = Math.max(from, Math.min(plan.count, Math.floor((offset - plan.start) / widest)));
  while (k <= plan.count && cutAt(plan, k) <= offset) k++;
  return k;
}

export interface NominalOptions {
  /** Whether the cuts are the chunks' very edges: true for the format `bytes`. @default false */
  readonly exact?: boolean | undefined;
  /** The first chunk wanted. @default 0 */
  readonly first?: number | undefined;
}

/** The chunks between the cuts, one by one. */
export function* nominalChunks(plan: CutPlan, options: NominalOptions = {}): Generator<ByteChunk> {
  const { exact = false, first = 0 } = options;
  for (let k = first; k < plan.count; k++) yield { from: cutAt(plan, k), to: cutAt(plan, k + 1), exact };
}

function checkCount(value: number | undefined, path: string, unit: string): void {
  if (value === undefined) return;
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidInputError(path, `must be a whole number of ${unit}, 0 or more; got ${String(value)}`);
  }
}
