import { JobJobError } from "../errors.ts";

/** The stream was shorter than the source. Retryable: a connection that broke off looks like this. */
export function inputTruncated(position: number, size: number): JobJobError {
  return new JobJobError({
    code: "INPUT_TRUNCATED",
    message: `The source ended at byte ${position} of ${size}; the transfer broke off, or the object was replaced by a shorter one.`,
    retryable: true,
    details: { offset: position, size },
  });
}
