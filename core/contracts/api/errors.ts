/** Refusals of a request, as core raises them; lambdas/api turns each kind into its HTTP and gRPC status. */
import { JobJobError } from "../../errors.ts";

/** HTTP and gRPC status of each kind (api.md, Errors). */
export const REFUSALS = {
  /** The body or a query parameter isn't as documented. */
  invalid: { http: 400, grpc: 3 },
  unauthenticated: { http: 401, grpc: 16 },
  forbidden: { http: 403, grpc: 7 },
  notFound: { http: 404, grpc: 5 },
  /** The state of the job, or an idempotency key, stands in the way. */
  conflict: { http: 409, grpc: 9 },
  tooLarge: { http: 413, grpc: 11 },
  /** Well-formed, but it can't run: the app's schema, an unreadable source. */
  unrunnable: { http: 422, grpc: 9 },
  tooMany: { http: 429, grpc: 8 },
  internal: { http: 500, grpc: 13 },
  notYet: { http: 501, grpc: 12 },
  unavailable: { http: 503, grpc: 14 },
} as const;
export type Refusal = keyof typeof REFUSALS;

/** One field that is wrong: `params.app.columns`, and what is the matter with it. */
export interface Problem {
  readonly path: string;
  readonly problem: string;
}

export class ApiError extends JobJobError {
  readonly kind: Refusal;
  readonly problems: readonly Problem[];
  constructor(kind: Refusal, code: string, message: string, problems: readonly Problem[] = [], cause?: unknown) {
    super({
      code,
      message,
      retryable: kind === "unavailable" || kind === "tooMany",
      ...(cause === undefined ? {} : { cause }),
    });
    this.kind = kind;
    this.problems = problems;
  }
}

/** A refusal that names its fields; the message is made of them. */
export function problemsError(kind: "invalid" | "unrunnable", code: string, problems: readonly Problem[]): ApiError {
  const shown = problems.slice(0, 5).map(({ path, problem }) => (path ? `${path}: ${problem}` : problem));
  const rest = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  return new ApiError(kind, code, [...shown, ...rest].join("; "), problems);
}

export const invalid = (path: string, problem: string, code = "INVALID_REQUEST"): ApiError =>
  problemsError("invalid", code, [{ path, problem }]);
export const unrunnable = (path: string, problem: string, code = "INVALID_PARAMS"): ApiError =>
  problemsError("unrunnable", code, [{ path, problem }]);
export const conflict = (code: string, message: string): ApiError => new ApiError("conflict", code, message);
export const notAvailableYet = (what: string, remedy = ""): ApiError =>
  new ApiError("notYet", "NOT_AVAILABLE_YET", `${what}: not available yet.${remedy ? ` ${remedy}` : ""}`);
/** Also for what belongs to another owner: nobody learns that it exists. */
export const jobNotFound = (id: string): ApiError =>
  new ApiError("notFound", "JOB_NOT_FOUND", `There is no job ${id.slice(0, 64)}; GET /v1/customer/jobs lists yours.`);
/** @param tasks how many the job has; undefined: they are not made yet */
export function taskNotFound(id: string, task: number, tasks: number | undefined): ApiError {
  const why = tasks === undefined ? "its tasks are not made yet" : `it has ${tasks}, numbered from 0`;
  return new ApiError("notFound", "TASK_NOT_FOUND", `The job ${id} has no task ${task}: ${why}.`);
}
