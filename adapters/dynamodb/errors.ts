import { JobJobError } from "../../core/errors.ts";
import type { RefusalReason } from "../../core/ports/index.ts";
import { RefusedError } from "../../core/ports/index.ts";
import { readSdkError } from "../shared/sdk-error.ts";
import { tableRequestInvalid } from "../shared/table-rules.ts";

const INVALID: ReadonlySet<string> = new Set([
  "ValidationException",
  "ValidationError",
  "IdempotentParameterMismatchException",
  "ItemCollectionSizeLimitExceededException",
  "SerializationException",
]);
const SETUP: ReadonlySet<string> = new Set([
  "ResourceNotFoundException",
  "AccessDeniedException",
  "UnrecognizedClientException",
]);

/** An error of the SDK as the port's. A conflict comes out as a RefusedError with the reason `conflict`. */
export function tableError(error: unknown): JobJobError {
  if (error instanceof JobJobError) return error;
  const { name, message } = readSdkError(error);
  if (name === "ConditionalCheckFailedException") return new RefusedError(["condition"]);
  if (name === "TransactionConflictException") return new RefusedError(["conflict"]);
  if (name === "TransactionCanceledException") return canceled(error);
  if (INVALID.has(name)) return tableRequestInvalid(message, error);
  if (SETUP.has(name)) {
    return new JobJobError({
      code: "TABLE_REQUEST_INVALID",
      message: `The table can't be reached (${name}); check the table's name and the function's rights.`,
      cause: error,
    });
  }
  return unavailable(error);
}

/** Reasons come one per write, in order. A failed condition decides, whatever else stood in the way. */
function canceled(error: unknown): JobJobError {
  const codes = cancellationCodes(error);
  const invalid = codes.find((code) => INVALID.has(code));
  if (codes.includes("ConditionalCheckFailed") || (codes.includes("TransactionConflict") && invalid === undefined)) {
    return new RefusedError(codes.map(reason));
  }
  if (invalid !== undefined) return tableRequestInvalid(readSdkError(error).message, error);
  return unavailable(error);
}

function cancellationCodes(error: unknown): readonly string[] {
  const reasons = (error as { readonly CancellationReasons?: unknown }).CancellationReasons;
  if (!Array.isArray(reasons)) return [];
  return reasons.map((entry: { readonly Code?: unknown } | undefined) => String(entry?.Code ?? "None"));
}

function reason(code: string): RefusalReason {
  if (code === "ConditionalCheckFailed") return "condition";
  return code === "TransactionConflict" ? "conflict" : "none";
}

const unavailable = (cause: unknown): JobJobError =>
  new JobJobError({
    code: "TABLE_UNAVAILABLE",
    message: `The table didn't take the request in time (${readSdkError(cause).name || "no answer"}); try again.`,
    retryable: true,
    cause,
  });

/** Worth another try: nothing took effect, or (with a transaction's token) repeating is harmless. */
export function worthRetrying(error: unknown): boolean {
  if (error instanceof RefusedError) return error.reasons.includes("conflict") && !error.reasons.includes("condition");
  return error instanceof JobJobError && error.code === "TABLE_UNAVAILABLE" && throttled(error.cause);
}

const THROTTLES: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "ThrottlingException",
  "TransactionInProgressException",
  // Of a transaction whose reasons are throttles: nothing was written.
  "TransactionCanceledException",
]);

const throttled = (error: unknown): boolean => THROTTLES.has(readSdkError(error).name);
