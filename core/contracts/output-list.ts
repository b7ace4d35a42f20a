/**
 * Lists of output objects, in pages of 1,000 so that none of them must fit memory or one response. The head object names
 * the pages by key: each lies under the claim that wrote it, so that a superseded invocation can't change a page.
 */
import * as z from "zod";

export const PAGE_ENTRIES = 1_000;

/** Written by: assemble (job.output). Read by: deliver, results API. */
export const outputEntry = z.object({
  /** Relative to the destination's folder; may hold "/". */
  n: z.string(),
  /** Key in the deployment's bucket. */
  k: z.string(),
  /** Bytes. */
  z: z.int(),
  e: z.string(),
  /** CRC-32, unsigned; null when a part's was not known. */
  c: z.int().nullable(),
  /** Content type. */
  t: z.string(),
});
export type OutputEntry = z.infer<typeof outputEntry>;

/** Written by: deliver (job.delivery). Read by: publish. One destination object: an upload with all its parts. */
export const deliveryEntry = z.object({
  n: z.string(),
  /** Final key in the destination's bucket. */
  k: z.string(),
  z: z.int(),
  c: z.int().nullable(),
  u: z.string(),
  /** Etags of its parts, in order. */
  p: z.array(z.string()),
  /** Etag of the object it replaces: a later run's publication completes with If-Match on it. */
  r: z.string().optional(),
});
export type DeliveryEntry = z.infer<typeof deliveryEntry>;

/** What a list writer must know to go on in another invocation. */
export const listState = z.object({
  pages: z.array(z.string()),
  count: z.int(),
  bytes: z.int(),
  pending: z.array(z.unknown()),
});
export type ListState = z.infer<typeof listState>;

export const listHead = z.object({
  v: z.literal(1),
  count: z.int(),
  bytes: z.int(),
  pages: z.array(z.string()),
  /** Name of the report of what is missing: then it is the list's last entry. */
  report: z.string().optional(),
});
export type ListHead = z.infer<typeof listHead>;

/** Objects besides the report. Exactly one: a delivery of one object, else a set with a manifest. */
export const outputsIn = (head: Pick<ListHead, "count" | "report">): number =>
  head.count - (head.report === undefined ? 0 : 1);

/** Written by: publish (job.publication), when all is published. Read by: the checks and the publication of later runs. */
export const publishedEntry = z.object({
  /** Key in the destination's bucket. */
  k: z.string(),
  z: z.int(),
  e: z.string(),
});
export type PublishedEntry = z.infer<typeof publishedEntry>;

/** head of a delivery: where it goes. */
export const deliveryHead = listHead.extend({
  bucket: z.string(),
  /** "" or ends in "/". */
  folder: z.string(),
  /** Group number → the deliver claim that made its uploads. */
  groups: z.array(z.int()),
  /** Heads of the lists of earlier runs whose objects may stand at the destination; keys below the job's prefix. */
  replaces: z.array(z.string()),
});
export type DeliveryHead = z.infer<typeof deliveryHead>;

/**
 * A group of uploads at the destination. Written by: deliver, before they are created (`ids` null) and again before their
 * first part. Read by: whoever aborts. So no upload with parts is unknown, and one without parts can be found.
 */
export const uploadGroup = z.object({
  v: z.literal(1),
  bucket: z.string(),
  keys: z.array(z.string()),
  ids: z.array(z.string()).nullable(),
  /** When the uploads' creation began, ms. */
  at: z.int(),
});
export type UploadGroup = z.infer<typeof uploadGroup>;
