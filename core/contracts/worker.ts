/**
 * What lies in S3 between plan, workers, commit, assemble and the tasks API.
 */
import * as z from "zod";
import { blockVersion, errorData, inputFormat } from "./parts.ts";

/**
 * How results are normalised at write, so that a merge is concatenation (apps' records become):
 * csv: RFC 4180 lines with "\n", no header (it goes to `header` of the index) · ndjson: one JSON value per line ·
 * json: each value preceded by ",\n" (a merge cuts the very first and adds "[" and "]") · bytes: as the app wrote it ·
 * accumulator: one JSON document per task (reducers).
 */
export const RESULT_FORMATS = ["bytes", "csv", "ndjson", "json", "accumulator"] as const;
export type ResultFormat = (typeof RESULT_FORMATS)[number];

/** The work spec: what a worker must know besides its hand. Written by: plan. Read by: app λ, assemble. */
export const workSpec = z.object({
  v: z.literal(1),
  jobId: z.string(),
  owner: z.string(),
  run: z.int(),
  round: z.int(),
  generation: z.int(),
  bucket: z.string(),
  app: blockVersion,
  assembler: blockVersion,
  /** params.app and params.assembler as the user sent them. */
  params: z.object({ app: z.record(z.string(), z.unknown()), assembler: z.record(z.string(), z.unknown()) }),
  input: inputFormat,
  resultFormat: z.enum(RESULT_FORMATS),
  /** Keys in `bucket`. `sources` is null for generators. */
  sources: z.string().nullable(),
  index: z.string(),
  /** Prefix that object keys are shown relative to ("" or ends in "/"). */
  sourceRoot: z.string(),
  taskCount: z.int(),
  taskTimeoutMs: z.int(),
  /** The control hint's key: the worker reads it every 10 s. */
  hint: z.string(),
});
export type WorkSpec = z.infer<typeof workSpec>;

/** A line of the table of sources (JSONL): an object the chunks point into, once each. */
export const sourceLine = z.object({
  b: z.string(),
  k: z.string(),
  e: z.string(),
  z: z.int(),
  v: z.string().optional(),
  /** csv: the header record's text, without terminator and BOM. */
  h: z.string().optional(),
  /** The key to show in place of `k`, when `k` is a staged copy. */
  n: z.string().optional(),
});
export type SourceLine = z.infer<typeof sourceLine>;

/**
 * A line of the chunk index (JSONL), line number = ordinal:
 * `{s,f,t,x?}` bytes [f,t) of source s, x: 1 when exact · `{s,n}` objects s … s+n−1 · `{r:[[first,last,step?],…]}` whole
 * numbers, inclusive · `{i}` replica i (with `s` when the replicas get the source's data).
 */
export const chunkLine = z.union([
  z.object({ s: z.int(), f: z.int(), t: z.int(), x: z.literal(1).optional() }),
  z.object({ s: z.int(), n: z.int() }),
  z.object({ r: z.array(z.union([z.tuple([z.int(), z.int()]), z.tuple([z.int(), z.int(), z.int()])])) }),
  z.object({ i: z.int(), s: z.int().optional() }),
]);
export type ChunkLine = z.infer<typeof chunkLine>;

/** A result of one task: bytes [from, to) of the claim's pack, or of an object of its own (over 8 MiB). */
export const taskResult = z.object({
  /** File name, may hold "/" ; unique within the task. */
  n: z.string(),
  f: z.int(),
  t: z.int(),
  /** CRC-32 (zlib) of these bytes, unsigned. */
  c: z.int(),
  /** Own object's key and etag; absent for the pack. */
  k: z.string().optional(),
  e: z.string().optional(),
});
export type TaskResult = z.infer<typeof taskResult>;

/** A rejected item of a PARTIAL task. */
export const rejection = z.object({ item: z.string(), reason: z.string() });

/** C completed · P partial · K skipped (nothing to do) · F this attempt failed, another may help · X failed for good. */
export const ATTEMPT_OUTCOMES = ["C", "P", "K", "F", "X"] as const;

export const taskEntry = z.object({
  /** Ordinal relative to the batch's first. A task that was handed back has no entry. */
  o: z.int().min(0),
  x: z.enum(ATTEMPT_OUTCOMES),
  /** Start (ms since the epoch) and duration (ms). */
  t: z.tuple([z.int(), z.int()]),
  /** Bytes read and written. */
  b: z.tuple([z.int(), z.int()]),
  r: z.array(taskResult).optional(),
  e: errorData.optional(),
  /** The first 100 rejections, and how many there are in all. */
  j: z.array(rejection).optional(),
  jn: z.int().min(0).max(1e9).optional(),
  /** The real edges of an inexact chunk, for CSV's `quotedNewlines: never`. */
  g: z.tuple([z.int(), z.int()]).optional(),
});
export type TaskEntry = z.infer<typeof taskEntry>;

/**
 * Of one claim, bytes or milliseconds. An index is untrusted, and its stats are added to a gate's counters, which must stay
 * whole numbers that aren't negative. More than a function can move or last in 15 minutes.
 */
const stat = z.int().min(0).max(1e12);

/**
 * The claim's index object. Written by: app λ; sealed by commit when its worker died. Read, as untrusted input, by: commit;
 * then by settle, assemble, tasks API.
 */
export const claimIndex = z.object({
  v: z.literal(1),
  batch: z.int(),
  claim: z.int(),
  run: z.int(),
  /** The execution environment and the invocation that did it. */
  worker: z.string(),
  requestId: z.string(),
  startedAt: z.int(),
  endedAt: z.int(),
  pack: z.object({ k: z.string(), e: z.string(), z: z.int() }).nullable(),
  /** csv results: the header record's text with "\n", the same for all tasks of the claim; null when no task wrote any. */
  header: z.string().nullable(),
  /** Bytes and milliseconds of the whole claim. */
  stats: z.object({
    downloadBytes: stat,
    uploadBytes: stat,
    downloadMs: stat,
    processMs: stat,
    uploadMs: stat,
  }),
  maxRss: z.int(),
  tasks: z.array(taskEntry),
  /**
   * An announcement: ordinal (relative to the batch) of the task that begins now, and when (ms). A cautious worker writes its
   * index before each task; the one it ends with, and the one that commit λ seals after its death, have it no more.
   */
  begun: z.tuple([z.int().min(0), z.int()]).optional(),
});
export type ClaimIndex = z.infer<typeof claimIndex>;

/** The control hint. Written by: pause, abort, failFast, plan. Read by: app λ every 10 s. An older run or round, or a wish, means: stop taking tasks. */
export const hint = z.object({ run: z.int(), round: z.int(), wish: z.int() });
export type Hint = z.infer<typeof hint>;

/** Results over this size get an object of their own. */
export const PACK_LIMIT = 8 * 1024 * 1024;
