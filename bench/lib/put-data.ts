import { createHash } from "node:crypto";
import type { ObjectStore, Place, UploadedPart } from "../../core/ports/index.ts";
import type { Data } from "./data.ts";

/** Streams made-up data into an object, a part a block. */
export async function putData(
  objects: ObjectStore,
  place: Place,
  data: Data,
): Promise<{ readonly size: number; readonly sha256: string }> {
  const { uploadId } = await objects.createUpload(place);
  const hash = createHash("sha256");
  const parts: UploadedPart[] = [];
  let size = 0;
  try {
    for (const block of data.blocks()) {
      hash.update(block);
      size += block.length;
      parts.push(await objects.uploadPart(place, uploadId, parts.length + 1, block));
    }
    await objects.completeUpload(place, uploadId, parts, { size });
  } catch (error) {
    await objects.abortUpload(place, uploadId);
    throw error;
  }
  return { size, sha256: hash.digest("hex") };
}
