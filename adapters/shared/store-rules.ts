import { JobJobError } from "../../core/errors.ts";
import type { ByteRange, Place, UploadedPart } from "../../core/ports/index.ts";

/** S3's limits. Source: "Amazon S3 multipart upload limits", "Object key naming". */
export const MAX_KEY_BYTES = 1_024;
export const MAX_PARTS = 10_000;
export const MIN_PART_BYTES = 5 * 1_024 * 1_024;
export const MAX_PAGE = 1_000;
export const MAX_PRESIGN_SECONDS = 3_600;

export type StoreErrorCode =
  | "OBJECT_MISSING"
  | "BUCKET_MISSING"
  | "ACCESS_DENIED"
  | "PRECONDITION_FAILED"
  | "UPLOAD_MISSING"
  | "PARTS_INVALID"
  | "SIZE_MISMATCH"
  | "RANGE_INVALID"
  | "STORE_REQUEST_INVALID"
  | "STORE_UNAVAILABLE";

/** What each error says; never more than the caller named himself, so that nothing leaks about other people's objects. */
const MESSAGES: Readonly<Record<StoreErrorCode, (place: string) => string>> = {
  OBJECT_MISSING: (place) => `${place} doesn't exist; check the name.`,
  BUCKET_MISSING: (place) => `The bucket of ${place} doesn't exist; check its name.`,
  ACCESS_DENIED: (place) =>
    `${place} can't be reached with the deployment's rights, or doesn't exist; grant it or check the name.`,
  PRECONDITION_FAILED: (place) =>
    `${place} isn't what it was expected to be: it was changed, removed or created meanwhile.`,
  UPLOAD_MISSING: (place) => `The upload to ${place} is gone: it was completed or aborted.`,
  PARTS_INVALID: (place) => `The parts of the upload to ${place} can't be joined.`,
  SIZE_MISMATCH: (place) => `The parts of the upload to ${place} don't add up to the expected size.`,
  RANGE_INVALID: (place) => `The byte range doesn't lie within ${place}.`,
  STORE_REQUEST_INVALID: (place) => `S3 can't take this request for ${place}.`,
  STORE_UNAVAILABLE: (place) => `S3 didn't serve ${place} in time; try again.`,
};

export function storeError(
  code: StoreErrorCode,
  place: { readonly bucket: string; readonly key?: string },
  options: { readonly why?: string; readonly cause?: unknown } = {},
): JobJobError {
  const name = place.key === undefined ? `s3://${place.bucket}` : `s3://${place.bucket}/${place.key}`;
  const { why, cause } = options;
  return new JobJobError({
    code,
    message: `${MESSAGES[code](name)}${why === undefined ? "" : ` (${why})`}`,
    retryable: code === "STORE_UNAVAILABLE",
    details: { ...place, ...(why === undefined ? {} : { why }) },
    ...(cause === undefined ? {} : { cause }),
  });
}

export function checkKeyLength(place: Place): void {
  const bytes = Buffer.byteLength(place.key);
  if (bytes === 0 || bytes > MAX_KEY_BYTES) {
    throw storeError("STORE_REQUEST_INVALID", place, {
      why: `a key has 1 to ${MAX_KEY_BYTES} bytes, this one ${bytes}`,
    });
  }
}

/** @throws JobJobError RANGE_INVALID unless 0 ≤ from ≤ to, both whole. */
export function checkRange(place: Place, range: ByteRange): void {
  const { from, to } = range;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || to < from) {
    throw storeError("RANGE_INVALID", place, { why: `[${from}, ${to})` });
  }
}

/** @throws JobJobError PARTS_INVALID */
export function checkPartNumber(place: Place, partNumber: number, maxParts = MAX_PARTS): void {
  if (!Number.isInteger(partNumber) || partNumber < 1 || partNumber > maxParts) {
    throw storeError("PARTS_INVALID", place, { why: `a part's number is 1 to ${maxParts}, not ${partNumber}` });
  }
}

/** @throws JobJobError PARTS_INVALID for no parts and for numbers that don't rise. */
export function checkParts(place: Place, parts: readonly UploadedPart[]): void {
  if (parts.length === 0) throw storeError("PARTS_INVALID", place, { why: "no parts" });
  if (parts.some(({ partNumber }, i) => partNumber <= (parts[i - 1]?.partNumber ?? 0))) {
    throw storeError("PARTS_INVALID", place, { why: "InvalidPartOrder" });
  }
}

export function checkExpiry(place: Place, expiresIn: number): void {
  if (!Number.isInteger(expiresIn) || expiresIn < 1 || expiresIn > MAX_PRESIGN_SECONDS) {
    throw storeError("STORE_REQUEST_INVALID", place, {
      why: `a link lives 1 to ${MAX_PRESIGN_SECONDS} seconds, not ${expiresIn}`,
    });
  }
}

/** The header that makes a browser save under `name`: plain for old ones, RFC 5987 for everything beyond ASCII. */
export function contentDisposition(name: string): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  // encodeURIComponent throws on half an emoji; a Buffer replaces it.
  const encoded = encodeURIComponent(Buffer.from(name, "utf8").toString("utf8")).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
