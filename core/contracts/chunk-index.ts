/**
 * What prepare hands to partition, and what partition leaves for plan, the workers and the tasks API. All in S3, in the
 * deployment's bucket, as objects of the claim that wrote them; every key here is a full key of that bucket.
 */
import * as z from "zod";
import { sourceLine } from "./worker.ts";

/**
 * A line of the table of sources as prepare writes it: what workers see, and `o`, where its records begin (behind a CSV
 * header; absent = 0), which only partition needs. Line number = number of the source.
 */
export const preparedLine = sourceLine.extend({ o: z.int().min(0).optional() });
export type PreparedLine = z.infer<typeof preparedLine>;

/** prepared.json: the resolved source; `job.prepared` is its key relative to jobPrefix. Written by: prepare. Read by: partition. */
export const preparedFile = z.object({
  v: z.literal(1),
  /** Key and size of the table of sources (JSONL of preparedLine); null when the job has no source. */
  sources: z.object({ key: z.string(), size: z.int(), count: z.int(), bytes: z.int() }).nullable(),
  /** Prefix that object keys are shown relative to: "" or ends in "/". */
  root: z.string(),
  /** csv: the header of the first source that has one, without terminator. */
  header: z.string().nullable(),
});
export type PreparedFile = z.infer<typeof preparedFile>;

/** Every so many lines of the chunk index have a row in the offset table. */
export const OFFSET_STRIDE = 50;

/**
 * A row of the offset table (JSONL), number r for the lines [50 r, 50 (r + 1)) of the chunk index: `[index]` for
 * generators, else `[index, source, from, end]`:
 * `index` byte offset of its first line in the chunk index · `source` number of the first source it needs, `from` byte
 * offset of that one's line in the table of sources · `end` byte offset behind the line of the last source that the lines
 * BEFORE this block need (so that a batch that ends here reads no further).
 */
export const offsetRow = z.union([z.tuple([z.int()]), z.tuple([z.int(), z.int(), z.int(), z.int()])]);
export type OffsetRow = z.infer<typeof offsetRow>;

/** chunks.json: what partition found; `job.chunks` is its key relative to jobPrefix. Written by: partition. Read by: plan, assemble, tasks API. */
export const chunksFile = z.object({
  v: z.literal(1),
  tasks: z.int().min(0),
  /** Bytes of the source that lie in chunks. */
  bytes: z.int().min(0),
  /** Bytes of the source that partition read to find the chunks: none unless it scans (csv). */
  readBytes: z.int().min(0),
  /** Objects in the table of sources. */
  sources: z.int().min(0),
  /** The chunk index (JSONL of chunkLine, line number = ordinal) and its size. */
  index: z.string(),
  indexSize: z.int().min(0),
  /** The table of sources (JSONL of sourceLine), null for generators, and the offset behind the last line that a chunk needs. */
  sourcesKey: z.string().nullable(),
  sourcesEnd: z.int().min(0),
  /** The offset table (JSONL of offsetRow). */
  offsets: z.string(),
  stride: z.literal(OFFSET_STRIDE),
  /** Prefix that object keys are shown relative to: "" or ends in "/". */
  sourceRoot: z.string(),
  /** csv: the first header, without terminator; what an output without a single record still shows. */
  header: z.string().nullable(),
});
export type ChunksFile = z.infer<typeof chunksFile>;

export { type ChunkLine, chunkLine, type SourceLine, sourceLine } from "./worker.ts";
