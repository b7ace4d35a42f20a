/**
 * The params of the built-in partitioners: strict, so that a misspelt one is refused and not silently without effect.
 * A value is taken from params.partitioner, else from config.partitioningSettings, else from the job's config.
 */
import * as z from "zod";
import { MAX_CHUNKS } from "../chunks/index.ts";

/** Whole numbers; int64s come as text from some clients. */
const whole = (least: number, most: number, what: string) => {
  const error = `must be a whole number from ${least} to ${most} (${what})`;
  return z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.int({ error }).min(least, { error }).max(most, { error }),
  );
};
const bytes = (what: string) => whole(0, Number.MAX_SAFE_INTEGER, `bytes, 0 = ${what}`).optional();

const sizing = {
  /** Wanted number of chunks of each source object; the sizes win over it. */
  chunks: whole(0, MAX_CHUNKS, "chunks wanted of each source, 0 = as the sizes say").optional(),
  minChunkSize: bytes("no minimum"),
  maxChunkSize: bytes("64 MiB"),
};
const maxRecordBytes = whole(1, 1024 * 1024 * 1024, "bytes of the longest record").optional();
const globs = z
  .array(z.string().min(1, { error: 'must be a glob like "**/*.csv"' }))
  .max(100, { error: "has more than 100 globs; merge some, as in **/*.{csv,json}" })
  .optional();

export const passthroughParams = z.strictObject({});
export const bytesParams = z.strictObject(sizing);
export const linesParams = z.strictObject({ ...sizing, maxRecordBytes });
export const csvParams = z.strictObject({
  ...sizing,
  maxRecordBytes,
  delimiter: z
    .string()
    .regex(/^[\t -!#-~]$/, {
      error: 'must be one ASCII character, not a quote or a newline, like "," or ";" or "\\t"',
    })
    .optional(),
  /** Whether the first record names the columns. @default true */
  header: z.boolean({ error: "must be true (the first record names the columns) or false" }).optional(),
  quotedNewlines: z
    .enum(["auto", "never"], {
      error: 'must be "auto" (the file is scanned for newlines in quotes) or "never" (there are none: no scan)',
    })
    .optional(),
});
export const objectsParams = z.strictObject({
  objectsPerChunk: whole(0, 1_000, "objects of a chunk at most, 0 = no limit").optional(),
  bytesPerChunk: bytes("no limit"),
  include: globs,
  exclude: globs,
});
export const replicasParams = z.strictObject({
  /** @default config.replicationFactor, else 1 */
  replicas: whole(1, MAX_CHUNKS, "replicas").optional(),
});
export const rangeParams = z.strictObject({
  range: z.string({ error: 'must be a list of numbers like "1-240" or "1-10,20,30-40" or "1-100x5"' }).min(1, {
    error: 'must be a list of numbers like "1-240" or "1-10,20,30-40" or "1-100x5"',
  }),
  /** Numbers of a chunk. @default 1 */
  perChunk: whole(1, Number.MAX_SAFE_INTEGER, "numbers of a chunk").optional(),
});
