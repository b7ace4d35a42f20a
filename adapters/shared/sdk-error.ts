/** What we look at in an error of the AWS SDK; whatever was thrown, missing parts read as empty. */
export interface SdkError {
  readonly name: string;
  readonly message: string;
  /** HTTP status, 0 when no answer came. */
  readonly status: number;
  /** How often the SDK sent it: over 1, an earlier attempt may have taken effect with its answer lost. */
  readonly attempts: number;
}

export function readSdkError(error: unknown): SdkError {
  const { name, message, $metadata } = (typeof error === "object" && error !== null ? error : {}) as {
    readonly name?: unknown;
    readonly message?: unknown;
    readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  };
  return {
    name: typeof name === "string" ? name : "",
    message: typeof message === "string" ? message : "",
    status: $metadata?.httpStatusCode ?? 0,
    attempts: $metadata?.attempts ?? 1,
  };
}
