/** What can go wrong between a client and a deployment; each says what to do about it. */
import type { ErrorAnswer } from "../core/contracts/api/records.ts";
import { JobJobError } from "../core/errors.ts";

/** A refusal of the API, as it was answered. `code` is the stable reason, as JOB_NOT_FOUND. */
export class ApiFailure extends JobJobError {
  /** HTTP status. */
  readonly status: number;
  /** gRPC status number, the body's `code`. */
  readonly grpcCode: number | null;
  /** Names the request in the deployment's logs. */
  readonly requestId: string | null;
  /** The fields that are wrong. */
  readonly problems: readonly { readonly path: string; readonly problem: string }[];

  constructor(status: number, answer: Partial<ErrorAnswer>) {
    super({
      code: answer.reason ?? `HTTP_${status}`,
      message: answer.message ?? `The server answered ${status} without a reason.`,
      retryable: isPassing(status),
    });
    this.status = status;
    this.grpcCode = answer.code ?? null;
    this.requestId = answer.requestId ?? null;
    this.problems = (answer.details ?? []).map(({ path, problem }) => ({ path, problem }));
  }
}

/** Throttled, or a fault that passes: 502 and 504 are the gateway's words for a function that was too slow or died. */
export const isPassing = (status: number): boolean => status === 429 || (status >= 502 && status <= 504);

/** No answer: nothing listens there, the name is unknown, the connection broke, or the time was up. */
export class UnreachableError extends JobJobError {
  constructor(url: string, cause: unknown) {
    super({ code: "UNREACHABLE", message: `${url} can't be reached: ${reasonOf(cause)}.`, retryable: true, cause });
  }
}

/** Something answers at the URL, but it isn't JobJob. */
export class NotAnApiError extends JobJobError {
  constructor(url: string, what: string) {
    super({ code: "NOT_JOBJOB", message: `${url} answers, but not as JobJob does (${what}); check the URL.` });
  }
}

/** Bytes that did not arrive as they were sent, or could not be sent. */
export class TransferError extends JobJobError {}

/** fetch hides the reason in `cause`, once or twice. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "TimeoutError") return "no answer in time";
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause;
  if (inner instanceof Error) return reasonOf(inner);
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  return REASONS[code] ?? (error.message || code || error.name);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there (connection refused)",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name could not be looked up",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  ETIMEDOUT: "no connection in time",
};
