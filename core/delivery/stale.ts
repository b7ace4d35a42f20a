/** Objects of earlier publications that the latest one doesn't list. */
import { JobJobError } from "../errors.ts";
import { inParallel } from "../merge/in-parallel.ts";
import type { ObjectStore } from "../ports/index.ts";
import type { OwnObjects } from "./own-objects.ts";

const HEADS_AT_ONCE = 16;

/** Always in the same order, so that a cursor can count them. */
export const staleKeys = (own: OwnObjects, listed: ReadonlySet<string>): readonly string[] =>
  [...own.keys()].filter((key) => !listed.has(key)).sort();

/** Removes those that still are what the job published: looked at right before, since S3 has no conditional removal everywhere. */
export async function removeStale(
  objects: ObjectStore,
  bucket: string,
  keys: readonly string[],
  own: OwnObjects,
): Promise<void> {
  const ours: string[] = [];
  await inParallel(keys, HEADS_AT_ONCE, async (key) => {
    try {
      const { etag } = await objects.head({ bucket, key });
      if (own.has(key, etag)) ours.push(key);
    } catch (error) {
      if (!(error instanceof JobJobError) || error.code !== "OBJECT_MISSING") throw error;
    }
  });
  if (ours.length > 0) await objects.delete(bucket, ours);
}
