import fc from "fast-check";
import { type ByteChunk, ChunkCutter, type CutEnd } from "../../core/chunks/index.ts";
import { type RecordFormat, RecordSplitter, type TextFormat } from "../../core/records/index.ts";

/** At least 1,000 files a format. */
export const RUNS = 1_000;

/** A record as the tests compare it: its text and where it lies. */
export interface Seen {
  readonly text: string;
  readonly offset: number;
}

/** Sizes of successive blocks, used over and over. */
export const blockSizes = fc.oneof(
  { weight: 1, arbitrary: fc.constant([1]) },
  { weight: 3, arbitrary: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }) },
  { weight: 1, arbitrary: fc.constant([1 << 20]) },
);

/** Fractions of the file at which it is cut; and how many chunks a worker takes at once. */
export const cuts = fc.record({
  at: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
  run: fc.integer({ min: 1, max: 5 }),
});

export function* blocksOf(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

/** Every record of the bytes, which begin at `offset` of a file. */
export function recordsOf(format: TextFormat, bytes: Buffer, sizes: readonly number[], offset = 0): Seen[] {
  const splitter = new RecordSplitter({ format, offset });
  const seen: Seen[] = [];
  const take = (records: ReturnType<RecordSplitter["push"]>) => {
    for (const record of records) seen.push({ text: record.bytes.toString("latin1"), offset: record.offset });
  };
  for (const block of blocksOf(bytes, sizes)) take(splitter.push(block));
  take(splitter.end());
  return seen;
}

/** Neighbouring chunks of [start, size) with the given cuts. */
export function chunksAt(start: number, size: number, at: readonly number[], exact: boolean): ByteChunk[] {
  const inner = at.map((fraction) => start + Math.floor(fraction * (size - start))).sort((a, b) => a - b);
  const edges = [start, ...inner, size];
  return edges.slice(1).map((to, i) => ({ from: edges[i] ?? 0, to, exact }));
}

export interface Cut {
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
  readonly error: CutEnd["error"];
}

/** What workers do: each takes `run` neighbours, reads from where the cutter says, as far as it says, in any blocks. */
export function cutAll(
  format: RecordFormat,
  file: Buffer,
  chunks: readonly ByteChunk[],
  run: number,
  sizes: readonly number[],
): { cuts: Cut[]; read: number } {
  const found: Cut[] = [];
  let read = 0;
  for (let first = 0; first < chunks.length; first += run) {
    const cutter = new ChunkCutter({ format, chunks: chunks.slice(first, first + run), size: file.length });
    const pieces: Buffer[] = [];
    let next = cutter.readFrom;
    const take = (events: ReturnType<ChunkCutter["push"]>) => {
      for (const event of events) {
        if (event.type === "piece") {
          if (event.bytes.length === 0) throw new Error("an empty piece");
          if (!file.subarray(event.offset).subarray(0, event.bytes.length).equals(event.bytes))
            throw new Error("a piece from elsewhere");
          pieces.push(event.bytes);
        } else {
          const bytes = Buffer.concat(pieces.splice(0));
          found.push({ start: event.start, end: event.end, bytes, error: event.error });
        }
      }
    };
    for (let upTo = cutter.readTo; !cutter.done && next < file.length; upTo = cutter.moreTo()) {
      for (const block of blocksOf(file.subarray(next, upTo), sizes)) {
        read += block.length;
        take(cutter.push(block));
        if (cutter.done) break;
      }
      next = cutter.position;
    }
    take(cutter.end());
  }
  return { cuts: found, read };
}

/** Text with what breaks splitters: multi-byte characters, empty lines, lone carriage returns, quotes, delimiters. */
export const nastyText = (maxLength: number) =>
  fc
    .array(fc.constantFrom("a", "b", "é", "漢", "😀", " ", ",", ";", '"', "\r", "\t", "x1", "\\"), { maxLength })
    .map((parts) => parts.join(""));

export const terminator = fc.constantFrom("\n", "\n", "\r\n");
export const mark = fc.constantFrom("", "", "\uFEFF");
