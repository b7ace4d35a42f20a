import { type ChunksFile, chunkLine, chunksFile, OFFSET_STRIDE, offsetRow } from "../contracts/chunk-index.ts";
import type { BatchPlace } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { malformed, parseJson, readJson } from "../objects/json.ts";
import type { ObjectStore, Place } from "../ports/index.ts";
import { readLines } from "./json-lines.ts";
import { sourcesOf } from "./read-batch.ts";

export interface ChunkReader {
  readonly objects: ObjectStore;
  /** The deployment's bucket. */
  readonly bucket: string;
}

/** chunks.json. @param key full key: jobPrefix + job.chunks */
export function loadChunks(objects: ObjectStore, bucket: string, key: string): Promise<ChunksFile> {
  return readJson(objects, { bucket, key }, chunksFile);
}

/**
 * Where the lines of each batch of `batchSize` tasks lie, in order. A multiple of OFFSET_STRIDE, or one batch for all, is
 * answered from the offset table (25 bytes per 50 tasks); any other size reads the index and the table of sources once,
 * streaming: with such small batches the tasks are few or slow.
 * @throws JobJobError SCRATCH_MALFORMED, and those of the store
 */
export async function* locateBatches(
  reader: ChunkReader,
  chunks: ChunksFile,
  batchSize: number,
): AsyncGenerator<BatchPlace> {
  if (!Number.isInteger(batchSize) || batchSize < 1 || batchSize > 1_000) {
    throw new JobJobError({ code: "BATCH_SIZE", message: `A batch has 1 to 1,000 tasks, not ${batchSize}.` });
  }
  if (chunks.tasks === 0) return;
  if (batchSize >= chunks.tasks || batchSize % OFFSET_STRIDE === 0) yield* fromOffsets(reader, chunks, batchSize);
  else yield* fromLines(reader, chunks, batchSize);
}

/** Where a batch's lines begin in both files; the next batch's begin ends it. */
interface Start {
  readonly index: number;
  readonly source: readonly [number: number, from: number] | null;
}

function batchAt(n: number, size: number, tasks: number, start: Start, index: number, sourcesEnd: number): BatchPlace {
  const first = n * size;
  return {
    n,
    first,
    count: Math.min(size, tasks - first),
    index: [start.index, index],
    sources: start.source && [start.source[0], start.source[1], sourcesEnd],
  };
}

async function* fromOffsets(reader: ChunkReader, chunks: ChunksFile, size: number): AsyncGenerator<BatchPlace> {
  const place = { bucket: reader.bucket, key: chunks.offsets };
  const rows = Math.ceil(chunks.tasks / OFFSET_STRIDE);
  const rowsPerBatch = Math.max(1, Math.min(rows, Math.ceil(size / OFFSET_STRIDE)));
  let row = 0;
  let n = 0;
  let start: Start | undefined;
  const end = await reader.objects.head(place);
  for await (const lines of readLines(reader.objects, place, { from: 0, to: end.size, etag: end.etag })) {
    for (const { text } of lines) {
      if (row++ % rowsPerBatch !== 0) continue;
      const entry = parseJson(offsetRow, text, place);
      const index = entry[0];
      const sourcesEnd = entry.length === 4 ? entry[3] : 0;
      if (start) yield batchAt(n++, size, chunks.tasks, start, index, sourcesEnd);
      start = { index, source: entry.length === 4 ? [entry[1], entry[2]] : null };
    }
  }
  if (row !== rows || !start) throw malformed(place, `${row} rows where ${chunks.tasks} tasks need ${rows}`);
  yield batchAt(n, size, chunks.tasks, start, chunks.indexSize, chunks.sourcesEnd);
}

async function* fromLines(reader: ChunkReader, chunks: ChunksFile, size: number): AsyncGenerator<BatchPlace> {
  const place = { bucket: reader.bucket, key: chunks.index };
  const table =
    chunks.sourcesKey === null
      ? undefined
      : new LineOffsets(reader.objects, { bucket: reader.bucket, key: chunks.sourcesKey }, chunks.sourcesEnd);
  let n = 0;
  let ordinal = 0;
  let start: Start | undefined;
  let behind = 0;
  const close = async (batchStart: Start, index: number): Promise<BatchPlace> =>
    batchAt(n++, size, chunks.tasks, batchStart, index, table && batchStart.source ? await table.at(behind) : 0);
  for await (const lines of readLines(reader.objects, place, { from: 0, to: chunks.indexSize })) {
    for (const { from, text } of lines) {
      const used = sourcesOf(parseJson(chunkLine, text, place));
      if (ordinal++ % size === 0) {
        if (start) yield await close(start, from);
        table?.forget(used?.first ?? 0);
        start = { index: from, source: table && used ? [used.first, await table.at(used.first)] : null };
      }
      if (used) behind = used.first + used.count;
    }
  }
  if (ordinal !== chunks.tasks || !start)
    throw malformed(place, `${ordinal} lines where there are ${chunks.tasks} tasks`);
  yield await close(start, chunks.indexSize);
}

/** Byte offsets of the lines of a file, asked for in roughly rising order; only those from `forget` on are kept. */
class LineOffsets {
  readonly #place: Place;
  readonly #blocks: AsyncIterator<readonly { readonly from: number; readonly to: number }[]>;
  #base = 0;
  #offsets: number[] = [0];

  constructor(objects: ObjectStore, place: Place, size: number) {
    this.#place = place;
    this.#blocks = readLines(objects, place, { from: 0, to: size })[Symbol.asyncIterator]();
  }

  /** Offset of line `number`, or behind the last line when it's one more than there are. */
  async at(number: number): Promise<number> {
    while (this.#base + this.#offsets.length <= number) {
      const { done, value } = await this.#blocks.next();
      if (done) throw malformed(this.#place, `it has no line ${number}`);
      for (const { to } of value) this.#offsets.push(to);
    }
    const offset = this.#offsets[number - this.#base];
    if (offset === undefined) throw malformed(this.#place, `line ${number} was asked for out of order`);
    return offset;
  }

  forget(before: number): void {
    this.#base += this.#offsets.splice(0, Math.max(0, before - this.#base)).length;
  }
}
