import { InvalidInputError } from "../errors.ts";
import { MAX_CHUNKS } from "./sizing.ts";

/** Whole numbers from `from` to `to`, both included, every `step`-th (1 when absent). */
export type NumberSpan = readonly [from: number, to: number] | readonly [from: number, to: number, step: number];

/** A list of numbers or frames, cut into chunks of `perChunk` numbers. Plain JSON; the numbers are never all in memory. */
export interface RangePlan {
  readonly spans: readonly NumberSpan[];
  readonly total: number;
  readonly perChunk: number;
  readonly count: number;
}

const PART = /^(-?\d{1,15})(?:-(-?\d{1,15})(?:x(\d{1,15}))?)?$/;

/**
 * Reads "1-240", "1-10,20,30-40" or "1-100x5" (every fifth: 1, 6 … 96); numbers may be negative ("-5-5"). They come in the
 * order written; one that is written twice comes twice.
 * @param perChunk numbers a chunk, the last one may have fewer. @default 1
 * @throws InvalidInputError INVALID_PARAMS at `path`.range or `path`.perChunk
 */
export function planRange(spec: string, perChunk = 1, path = "params.partitioner"): RangePlan {
  if (!Number.isSafeInteger(perChunk) || perChunk < 1) {
    throw new InvalidInputError(`${path}.perChunk`, `must be a whole number, 1 or more; got ${String(perChunk)}`);
  }
  const field = `${path}.range`;
  if (typeof spec !== "string" || spec.trim() === "") {
    throw new InvalidInputError(field, `must be a list of numbers like "1-240" or "1-10,20,30-40"`);
  }
  const spans = spec.split(",").map((part) => parseSpan(part.trim(), field));
  const total = spanCount(spans);
  const count = Math.ceil(total / perChunk);
  if (!Number.isSafeInteger(total)) throw new InvalidInputError(field, "has more numbers than can be counted");
  if (count > MAX_CHUNKS) {
    throw new InvalidInputError(field, `${total} numbers make ${count} chunks, over ${MAX_CHUNKS}; raise perChunk`);
  }
  return { spans, total, perChunk, count };
}

/** The chunks from the `first` one on, one by one; each continues in the span where the one before it stopped. */
export function* rangeChunks(plan: RangePlan, first = 0): Generator<readonly NumberSpan[]> {
  let skip = first * plan.perChunk;
  let chunk: NumberSpan[] = [];
  let wanted = plan.perChunk;
  for (const span of plan.spans) {
    const size = lengthOf(span);
    if (skip >= size) {
      skip -= size;
      continue;
    }
    for (let at = skip; at < size; ) {
      const taken = Math.min(wanted, size - at);
      chunk.push(part(span, at, taken));
      at += taken;
      wanted -= taken;
      if (wanted > 0) continue;
      yield chunk;
      chunk = [];
      wanted = plan.perChunk;
    }
    skip = 0;
  }
  if (chunk.length > 0) yield chunk;
}

/** The numbers of chunk k, as spans; none behind the last chunk. */
export function rangeChunk(plan: RangePlan, k: number): readonly NumberSpan[] {
  const { value } = rangeChunks(plan, k).next();
  return value ?? [];
}

/** The numbers themselves, in order. */
export function* spanNumbers(spans: readonly NumberSpan[]): Generator<number> {
  for (const [from, to, step = 1] of spans) for (let n = from; n <= to; n += step) yield n;
}

/** How many numbers there are. */
export function spanCount(spans: readonly NumberSpan[]): number {
  return spans.reduce((sum, span) => sum + lengthOf(span), 0);
}

function lengthOf([from, to, step = 1]: NumberSpan): number {
  return Math.floor((to - from) / step) + 1;
}

function part([from, , step = 1]: NumberSpan, skip: number, count: number): NumberSpan {
  const first = from + skip * step;
  const last = first + (count - 1) * step;
  return step === 1 || count === 1 ? [first, last] : [first, last, step];
}

function parseSpan(text: string, path: string): NumberSpan {
  const match = PART.exec(text);
  if (!match) {
    throw new InvalidInputError(
      path,
      `${JSON.stringify(text)} is neither a number nor a range like "1-240" or "1-100x5"`,
    );
  }
  const from = Number(match[1]);
  const to = match[2] === undefined ? from : Number(match[2]);
  const step = match[3] === undefined ? 1 : Number(match[3]);
  if (to < from) {
    throw new InvalidInputError(path, `${JSON.stringify(text)} runs backwards; write the smaller number first`);
  }
  if (step < 1) throw new InvalidInputError(path, `the step of ${JSON.stringify(text)} must be 1 or more`);
  return step === 1 ? [from, to] : [from, to, step];
}

/**
 * The number of copies of a job that replicates its input; chunk k is replica k.
 * @throws InvalidInputError INVALID_PARAMS at `path`
 */
export function checkReplicas(n: unknown, path = "params.partitioner.replicas"): number {
  if (typeof n !== "number" || !Number.isSafeInteger(n) || n < 1 || n > MAX_CHUNKS) {
    throw new InvalidInputError(path, `must be a whole number from 1 to ${MAX_CHUNKS}; got ${String(n)}`);
  }
  return n;
}
