import { JobJobError } from "../errors.ts";
import type { ObjectStore, Place } from "../ports/index.ts";
import { inputChanged, readError } from "./input-errors.ts";

export interface SourceVersion extends Place {
  readonly etag: string;
  readonly size: number;
}

/** Broken connections in a row, without a byte between them, that are put up with. */
const TRIES = 3;

/**
 * The bytes [from, to) of exactly this version of an object; a connection that breaks is opened again where it broke.
 * @throws JobJobError INPUT_CHANGED, ACCESS_DENIED, STORE_UNAVAILABLE
 */
export async function* readSource(
  objects: ObjectStore,
  source: SourceVersion,
  from = 0,
  to: number = source.size,
): AsyncGenerator<Uint8Array> {
  let at = from;
  let failures = 0;
  while (at < to) {
    try {
      for await (const block of objects.stream(source, { range: { from: at, to }, ifMatch: source.etag })) {
        at += block.length;
        failures = 0;
        yield block;
      }
      if (at < to) throw inputChanged(source);
    } catch (error) {
      const known = error instanceof JobJobError && error.retryable;
      if (!known || ++failures >= TRIES) throw readError(error, source);
    }
  }
}

/** One range of exactly this version. @throws as readSource */
export async function readRange(
  objects: ObjectStore,
  source: SourceVersion,
  from: number,
  to: number,
): Promise<Uint8Array> {
  try {
    return await objects.get(source, { range: { from, to: Math.min(to, source.size) }, ifMatch: source.etag });
  } catch (error) {
    throw readError(error, source);
  }
}

/** An error found in a source's bytes, with the source's name in front. */
export function inSource(error: unknown, place: Place): unknown {
  if (!(error instanceof JobJobError) || error.details?.key !== undefined) return error;
  const { code, message, retryable, details, cause } = error;
  return new JobJobError({
    code,
    message: `s3://${place.bucket}/${place.key}: ${message}`,
    retryable,
    details: { ...details, bucket: place.bucket, key: place.key },
    cause,
  });
}
