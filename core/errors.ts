/** A failure as data: what crosses a boundary (workflow payloads, index objects, the job's `failure`). */
export interface ErrorData {
  /** Stable, upper snake case; documented in docs/guide/failures.md. */
  readonly code: string;
  /** What is wrong and what to do about it, in one or two sentences. */
  readonly message: string;
  /** Whether the same call may succeed later with the same input. */
  readonly retryable: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface JobJobErrorOptions {
  readonly code: string;
  readonly message: string;
  /** @default false */
  readonly retryable?: boolean;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The base of every error JobJob raises on purpose.
 *
 * @example
 * throw new JobJobError({ code: "OBJECT_MISSING", message: "s3://in/a.csv doesn't exist; check dataSource.params.name." });
 */
export class JobJobError extends Error {
  readonly code: string;
  readonly retryable: boolean;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(options: JobJobErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "JobJobError"; // `code` tells which; a class's own name doesn't outlive minification
    this.code = options.code;
    this.retryable = options.retryable ?? false;
    this.details = options.details;
  }

  toData(): ErrorData {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.details ? { details: this.details } : {}),
    };
  }
}

/** The input can't be accepted as it is; `path` names the field, as in `params.app.columns`. */
export class InvalidInputError extends JobJobError {
  readonly path: string;
  constructor(path: string, problem: string, code = "INVALID_PARAMS") {
    super({ code, message: `${path}: ${problem}`, details: { path, problem } });
    this.path = path;
  }
}

/** A transition, claim or publication was refused because another run, round or claim has taken over. */
export class SupersededError extends JobJobError {
  constructor(what: string) {
    super({
      code: "SUPERSEDED",
      message: `${what} has been superseded by a later run, round or claim; nothing was changed.`,
    });
  }
}

/** Any thrown value as data. An unknown error is `INTERNAL` and retryable: it may be a passing fault. */
export function toErrorData(error: unknown, code = "INTERNAL"): ErrorData {
  if (error instanceof JobJobError) return error.toData();
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code, message: message.slice(0, 1_000), retryable: true };
}

/** An error that came as data, thrown again. */
export function fromErrorData(data: ErrorData): JobJobError {
  return new JobJobError(data);
}
