import { JobJobError } from "../../core/errors.ts";
import { readSdkError } from "../shared/sdk-error.ts";
import { type StoreErrorCode, storeError } from "../shared/store-rules.ts";

/** S3's error names and what they mean to the port. Source: "Amazon S3 error responses". */
const CODES: Readonly<Record<string, StoreErrorCode>> = {
  NoSuchKey: "OBJECT_MISSING",
  NotFound: "OBJECT_MISSING",
  NoSuchBucket: "BUCKET_MISSING",
  AccessDenied: "ACCESS_DENIED",
  AllAccessDisabled: "ACCESS_DENIED",
  Forbidden: "ACCESS_DENIED",
  PreconditionFailed: "PRECONDITION_FAILED",
  // Two conditional writes met. S3 wants an upload begun anew, so to the caller it is a lost race.
  ConditionalRequestConflict: "PRECONDITION_FAILED",
  NoSuchUpload: "UPLOAD_MISSING",
  InvalidPart: "PARTS_INVALID",
  InvalidPartOrder: "PARTS_INVALID",
  EntityTooSmall: "PARTS_INVALID",
  EntityTooLarge: "PARTS_INVALID",
  MalformedXML: "PARTS_INVALID",
  InvalidRange: "RANGE_INVALID",
  KeyTooLongError: "STORE_REQUEST_INVALID",
  InvalidBucketName: "STORE_REQUEST_INVALID",
  InvalidArgument: "STORE_REQUEST_INVALID",
  InvalidRequest: "STORE_REQUEST_INVALID",
  MethodNotAllowed: "STORE_REQUEST_INVALID",
  InvalidObjectState: "STORE_REQUEST_INVALID",
};

/** Codes whose S3 name helps the caller: it speaks of his own request, not of what lies in the bucket. */
const TELLING: ReadonlySet<StoreErrorCode> = new Set(["PARTS_INVALID", "STORE_REQUEST_INVALID", "STORE_UNAVAILABLE"]);

/**
 * An error of the SDK as the port's. S3's own message never goes into ours: it names roles and policies; it stays in `cause`.
 * `meanings` overrides the code for single names where the call gives them another sense.
 */
export function toStoreError(
  error: unknown,
  place: { readonly bucket: string; readonly key?: string },
  meanings: Readonly<Record<string, StoreErrorCode>> = {},
): JobJobError {
  if (error instanceof JobJobError) return error;
  const { name, status } = readSdkError(error);
  const code = meanings[name] ?? CODES[name] ?? byStatus(status);
  const named = code === "BUCKET_MISSING" ? { bucket: place.bucket } : place;
  return storeError(code, named, { cause: error, ...(TELLING.has(code) && name !== "" ? { why: name } : {}) });
}

/** HEAD answers have no body and so no name. */
function byStatus(status: number): StoreErrorCode {
  if (status === 403) return "ACCESS_DENIED";
  if (status === 404) return "OBJECT_MISSING";
  if (status === 412) return "PRECONDITION_FAILED";
  if (status === 416) return "RANGE_INVALID";
  return "STORE_UNAVAILABLE";
}

export const isUnavailable = (error: unknown): boolean =>
  error instanceof JobJobError && error.code === "STORE_UNAVAILABLE";
