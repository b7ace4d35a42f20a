import * as z from "zod";
import { ObjectGrouper, rangeChunks } from "../chunks/index.ts";
import { type ChunkLine, type PreparedFile, type PreparedLine, preparedLine } from "../contracts/chunk-index.ts";
import { parseJson } from "../objects/json.ts";
import type { ObjectStore } from "../ports/index.ts";
import type { IndexWriter, SourceRows } from "./index-writer.ts";
import { readLines } from "./json-lines.ts";
import type { PartitionMethod } from "./method.ts";
import { inSource, readSource, type SourceVersion } from "./read-source.ts";
import { cutterState, SourceCutter } from "./source-cutter.ts";

/** Where the work stands; plain JSON, a few hundred bytes. Generators go on at `counts.tasks` and need none of it. */
export const partitionState = z.object({
  /** The next row of the table of sources: its number and byte offset. */
  next: z.int().min(0),
  offset: z.int().min(0),
  /** The source in hand: its row, where the row lies, and how far it is cut. */
  current: z.object({ row: preparedLine, number: z.int(), from: z.int(), end: z.int(), cut: cutterState }).optional(),
  /** objects: the open set, and the byte offset of its first row. */
  group: z.object({ accepted: z.int(), count: z.int(), bytes: z.int(), from: z.int() }).optional(),
});
export type PartitionState = z.infer<typeof partitionState>;
export const FRESH: PartitionState = { next: 0, offset: 0 };

export interface PartitionWork {
  readonly objects: ObjectStore;
  readonly bucket: string;
  readonly method: PartitionMethod;
  readonly prepared: PreparedFile;
  readonly writer: IndexWriter;
  /** Only the first chunk (`isTestJob`). */
  readonly firstOnly: boolean;
  /** Whether the budget is used up. */
  readonly isLate: () => boolean;
  /** Told the bytes of each block that is read of a source. */
  readonly onRead: (bytes: number) => void;
}

type Outcome = { readonly done: true } | { readonly done: false; readonly state: PartitionState };
const DONE: Outcome = { done: true };

/** Lines of a generator that are written before the budget is looked at. */
const HANDFUL = 1_000;

/** Cuts the sources into chunks, from `state` on, until all is done or the time is up; something is done in any case. */
export async function cutSources(work: PartitionWork, state: PartitionState): Promise<Outcome> {
  if (!work.prepared.sources) return generate(work, state);
  return work.method.kind === "objects" ? groupObjects(work, state) : cutEach(work, state);
}

const enough = ({ firstOnly, writer }: PartitionWork): boolean => firstOnly && writer.counts.tasks > 0;

/** Chunks without a source. How many were written says where to go on. */
async function generate(work: PartitionWork, state: PartitionState): Promise<Outcome> {
  const { writer } = work;
  for (const line of generated(work.method, writer.counts.tasks)) {
    if (enough(work)) return DONE;
    writer.add(line, null, 0);
    if (writer.full) await writer.drain();
    if (writer.counts.tasks % HANDFUL === 0 && work.isLate()) return { done: false, state };
  }
  return DONE;
}

/** The chunks from the `first` one on that need no source's data. */
export function* generated(method: PartitionMethod, first = 0): Generator<ChunkLine> {
  if (method.kind === "range") {
    for (const spans of rangeChunks(method.plan, first)) yield { r: spans.map((span) => [...span]) };
    return;
  }
  // passthrough without a source: one chunk without data, for an app that needs none.
  const count = method.kind === "replicas" ? method.count : 1;
  for (let i = first; i < count; i++) yield { i };
}

/** Each source by itself. */
async function cutEach(work: PartitionWork, state: PartitionState): Promise<Outcome> {
  let { next, offset } = state;
  if (state.current) {
    const cut = await cutOne(work, state.current);
    if (enough(work)) return DONE;
    if (cut || work.isLate()) return { done: false, state: { next, offset, ...(cut ? { current: cut } : {}) } };
  }
  for await (const { row, from, end } of rowsFrom(work, offset)) {
    const cut = await cutOne(work, { row, number: next, from, end, cut: { k: 0 } });
    next++;
    offset = end;
    if (enough(work)) return DONE;
    if (cut || work.isLate()) return { done: false, state: { next, offset, ...(cut ? { current: cut } : {}) } };
  }
  return DONE;
}

type Current = NonNullable<PartitionState["current"]>;

/** @returns null when the source is cut to its end, else where it stands */
async function cutOne(work: PartitionWork, current: Current): Promise<Current | null> {
  const { row, number, from, end } = current;
  const { method, writer } = work;
  const rows: SourceRows = { first: number, from, end };
  if (method.kind === "replicas") return replicate(work, current, rows, method.count);
  if (method.kind === "objects" || method.kind === "range") return null;
  const start = row.o ?? 0;
  const resumed = current.cut.k > 0 || current.cut.scan ? { state: current.cut } : {};
  const source = { bucket: row.b, key: row.k, etag: row.e, size: row.z };
  try {
    const cutter = new SourceCutter(method, { size: row.z, start }, { firstOnly: work.firstOnly, ...resumed });
    for await (const chunks of cutter.chunks((at) => countedSource(work, source, at))) {
      for (const chunk of chunks) {
        writer.add(byteLine(number, chunk), rows, chunk.to - chunk.from);
        if (enough(work)) return null;
      }
      if (writer.full) await writer.drain();
      if (work.isLate()) return { ...current, cut: cutter.state() };
    }
    return null;
  } catch (error) {
    throw inSource(error, { bucket: row.b, key: row.n ?? row.k });
  }
}

async function* countedSource(work: PartitionWork, source: SourceVersion, from: number): AsyncGenerator<Uint8Array> {
  for await (const block of readSource(work.objects, source, from)) {
    work.onRead(block.length);
    yield block;
  }
}

export const byteLine = (
  source: number,
  chunk: { readonly from: number; readonly to: number; readonly exact: boolean },
): ChunkLine => ({ s: source, f: chunk.from, t: chunk.to, ...(chunk.exact ? { x: 1 as const } : {}) });

async function replicate(
  work: PartitionWork,
  current: Current,
  rows: SourceRows,
  count: number,
): Promise<Current | null> {
  for (let i = current.cut.k; i < count; i++) {
    work.writer.add({ i, s: current.number }, rows, current.row.z);
    if (enough(work)) return null;
    if (work.writer.full) await work.writer.drain();
    if ((i + 1) % HANDFUL === 0 && work.isLate()) return { ...current, cut: { k: i + 1 } };
  }
  return null;
}

/** Sets of whole objects. */
async function groupObjects(work: PartitionWork, state: PartitionState): Promise<Outcome> {
  const { method, writer } = work;
  if (method.kind !== "objects") return DONE;
  const { objectsPerChunk, bytesPerChunk } = method.grouping;
  // prepare let only objects of the job into the table: the globs have done their work.
  const grouper = new ObjectGrouper({ objectsPerChunk, bytesPerChunk }, "params.partitioner", state.group);
  let setFrom = state.group?.from ?? 0;
  let { next, offset } = state;
  const close = (set: { readonly first: number; readonly count: number; readonly bytes: number }, end: number): void =>
    writer.add({ s: set.first, n: set.count }, { first: set.first, from: setFrom, end }, set.bytes);
  for await (const { row, from, end, lastOfBlock } of rowsFrom(work, offset)) {
    const { closed } = grouper.add({ key: row.k, size: row.z });
    if (closed) {
      close(closed, from);
      if (enough(work)) return DONE;
      if (writer.full) await writer.drain();
    }
    if (closed || next === 0) setFrom = from;
    next++;
    offset = end;
    if (lastOfBlock && work.isLate()) {
      return { done: false, state: { next, offset, group: { ...grouper.state(), from: setFrom } } };
    }
  }
  const last = grouper.end();
  if (last) close(last, offset);
  return DONE;
}

interface Row {
  readonly row: PreparedLine;
  readonly from: number;
  readonly end: number;
  /** The rows are read in blocks; only between two of them is the clock worth asking. */
  readonly lastOfBlock: boolean;
}

async function* rowsFrom(work: PartitionWork, offset: number): AsyncGenerator<Row> {
  const table = work.prepared.sources;
  if (!table || offset >= table.size) return;
  const place = { bucket: work.bucket, key: table.key };
  for await (const lines of readLines(work.objects, place, { from: offset, to: table.size })) {
    for (const [index, { from, to, text }] of lines.entries()) {
      yield { row: parseJson(preparedLine, text, place), from, end: to, lastOfBlock: index === lines.length - 1 };
    }
  }
}
