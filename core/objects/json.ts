/** JSON objects of our own in S3: read as what they must be, written with their content type. */
import { JobJobError } from "../errors.ts";
import type { ObjectStore, Place } from "../ports/index.ts";

const decoder = new TextDecoder();

interface Schema<T> {
  parse(value: unknown): T;
}

/** @throws JobJobError SCRATCH_MALFORMED, and those of the store */
export async function readJson<T>(
  objects: ObjectStore,
  place: Place,
  schema: Schema<T>,
  options: { readonly ifMatch?: string } = {},
): Promise<T> {
  const bytes = await objects.get(place, options);
  return parseJson(schema, decoder.decode(bytes), place);
}

/** A text of ours (an object, or a line of one), checked. @throws JobJobError SCRATCH_MALFORMED */
export function parseJson<T>(schema: Schema<T>, text: string, place: Place): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw malformed(place, `${text.slice(0, 100)} has an unexpected shape`, cause);
  }
}

export async function writeJson(objects: ObjectStore, place: Place, value: unknown): Promise<void> {
  await objects.put(place, JSON.stringify(value), { contentType: "application/json" });
}

export function malformed(place: Place, why: string, cause?: unknown): JobJobError {
  return new JobJobError({
    code: "SCRATCH_MALFORMED",
    message: `s3://${place.bucket}/${place.key} isn't as JobJob wrote it: ${why}. Was it changed, or written by another version? Run the job again.`,
    details: { ...place },
    cause,
  });
}
