/** Any error as the documented answer; what isn't meant for a caller's eyes stays in the log. */
import { ApiError, type Problem, REFUSALS, type Refusal } from "../../core/contracts/api/errors.ts";
import type { ErrorAnswer } from "../../core/contracts/api/records.ts";
import { InvalidInputError, JobJobError } from "../../core/errors.ts";
import { RefusedError } from "../../core/ports/index.ts";

const DETAIL = "type.googleapis.com/google.rpc.BadRequest.FieldViolation";

/** Codes of the core whose cause is what the caller asked for, and not that it can't be asked. */
const KINDS: Readonly<Record<string, Refusal>> = {
  CURSOR_INVALID: "invalid",
  OBJECT_MISSING: "unrunnable",
  BUCKET_MISSING: "unrunnable",
  ACCESS_DENIED: "unrunnable",
  DESTINATION_TAKEN: "unrunnable",
  DESTINATION_NOT_WRITABLE: "unrunnable",
  RESULTS_EXPIRED: "conflict",
};

/** Faults that pass: the same request may succeed in a moment. A write is refused when others were faster, time and again. */
const isPassing = (error: JobJobError): boolean => error.retryable || error instanceof RefusedError;

export interface Answer {
  readonly status: number;
  readonly body: ErrorAnswer;
  /** A fault of ours: worth a line with its cause. */
  readonly fault: boolean;
}

export function answerOf(error: unknown, requestId: string): Answer {
  const { kind, reason, message, problems } = readError(error);
  const { http, grpc } = REFUSALS[kind];
  const details = problems.map(({ path, problem }) => ({ "@type": DETAIL, path, problem }));
  return {
    status: http,
    body: { code: grpc, reason, message, requestId, details },
    fault: kind === "internal" || kind === "unavailable",
  };
}

interface Read {
  readonly kind: Refusal;
  readonly reason: string;
  readonly message: string;
  readonly problems: readonly Problem[];
}

function readError(error: unknown): Read {
  if (error instanceof ApiError) {
    return { kind: error.kind, reason: error.code, message: error.message, problems: error.problems };
  }
  if (error instanceof JobJobError) {
    const kind = kindOf(error);
    if (kind) return { kind, reason: error.code, message: error.message, problems: problemsIn(error) };
    if (isPassing(error)) {
      return {
        kind: "unavailable",
        reason: "UNAVAILABLE",
        message: "The service is busy; send the same request again in a moment.",
        problems: [],
      };
    }
  }
  return {
    kind: "internal",
    reason: "INTERNAL",
    message: "The request failed for a reason of ours; it is logged under this requestId.",
    problems: [],
  };
}

/** What a block, a source or a destination can't do with the given values. */
function kindOf(error: JobJobError): Refusal | undefined {
  if (Object.hasOwn(KINDS, error.code)) return KINDS[error.code];
  if (error instanceof InvalidInputError) return "unrunnable";
  const { path } = error.details ?? {};
  return typeof path === "string" && !error.retryable ? "unrunnable" : undefined;
}

function problemsIn(error: JobJobError): readonly Problem[] {
  const { path, problem } = error.details ?? {};
  if (typeof path !== "string") return [];
  return [{ path, problem: typeof problem === "string" ? problem : error.message }];
}
