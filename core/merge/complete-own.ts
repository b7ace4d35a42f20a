import { JobJobError } from "../errors.ts";
import type { ObjectStore, Place, Precondition } from "../ports/index.ts";
import { compositeEtag } from "./composite-etag.ts";

export interface OwnUpload {
  readonly uploadId: string;
  /** Of all parts, in order from part 1. */
  readonly etags: readonly string[];
  readonly bytes: number;
}

/**
 * Completes an upload once, however often it is called: where the answer to an earlier call was lost (the upload is gone,
 * or its own object now stands in the way of `precondition`), the object is recognised by the etag that its parts make.
 * The store itself verifies the size.
 * @returns the object's etag
 * @throws JobJobError UPLOAD_MISSING or PRECONDITION_FAILED when another object stands there, or none.
 */
export async function completeOwn(
  objects: ObjectStore,
  place: Place,
  upload: OwnUpload,
  precondition: Precondition,
): Promise<string> {
  const parts = upload.etags.map((etag, i) => ({ partNumber: i + 1, etag }));
  try {
    const { etag } = await objects.completeUpload(place, upload.uploadId, parts, {
      ...precondition,
      size: upload.bytes,
    });
    return etag;
  } catch (error) {
    const expected = compositeEtag(upload.etags);
    if (!isLostAnswer(error) || expected === null) throw error;
    const there = await objects.head(place).catch((missing: unknown) => {
      if (missing instanceof JobJobError && missing.code === "OBJECT_MISSING") return undefined;
      throw missing;
    });
    if (there?.etag === expected && there.size === upload.bytes) return there.etag;
    throw error;
  }
}

const isLostAnswer = (error: unknown): boolean =>
  error instanceof JobJobError && (error.code === "UPLOAD_MISSING" || error.code === "PRECONDITION_FAILED");
