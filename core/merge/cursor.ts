/** Where a merge stands between two invocations: plain JSON, at most ~400 KB with 10,000 parts, kept in S3. */
import * as z from "zod";
import type { Value } from "../ports/index.ts";

/** Any plain JSON. */
export const jsonValue: z.ZodType<Value> = z.json() as z.ZodType<Value>;

const checkpoint = z.object({ at: jsonValue, skip: z.int(), size: z.int(), crc: z.int().nullable() });

/** A finished intermediate object: the parts of one full upload. */
const child = z.object({ bucket: z.string(), key: z.string(), etag: z.string(), size: z.int() });
export type Child = z.infer<typeof child>;

const leaf = z.object({
  key: z.string(),
  uploadId: z.string(),
  /** Where the upload's first part begins: it is made anew from there, should the upload be gone. */
  start: checkpoint,
  /** Of the parts so far, in order. */
  etags: z.array(z.string()),
  bytes: z.int(),
});
export type Leaf = z.infer<typeof leaf>;

export const mergeCursor = z.object({
  /** 0 reads the caller's segments, n > 0 the objects that level n − 1 left. */
  level: z.int().min(0),
  children: z.array(child),
  /** Objects that this level has finished. */
  done: z.array(child),
  leaf: leaf.nullable(),
  /** Where the next part begins. */
  next: checkpoint,
  /** Of the whole output, known once level 0 has ended. */
  total: z.object({ size: z.int(), crc: z.int().nullable() }).nullable(),
});
export type MergeCursor = z.infer<typeof mergeCursor>;
