/**
 * A fault on its way through Step Functions: a handler throws it with its data as the message, a Catch hands it on as
 * `{Error, Cause}`, and fail λ reads the data again. The engines agree on nothing but the message.
 */
import * as z from "zod";
import { type ErrorData, JobJobError } from "../errors.ts";
import { errorData } from "./parts.ts";

/** Thrown by a handler for what the workflow's Retry may mend. */
export class StepFault extends JobJobError {
  constructor(data: ErrorData, cause: unknown) {
    super({ ...data, message: JSON.stringify(data), cause });
  }
}

/** Lambda's description of what a handler threw, as it stands in `Cause`. */
const thrown = z.object({ errorMessage: z.string() });

/** The data of a StepFault; undefined when the function died, timed out, was never started, or threw something else. */
export function dataOfCause(cause: string | undefined): ErrorData | undefined {
  const description = thrown.safeParse(parseJson(cause));
  if (!description.success) return undefined;
  const data = errorData.safeParse(parseJson(description.data.errorMessage));
  return data.success ? (data.data as ErrorData) : undefined;
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // a cause in prose, or cut off by the engine
    throw error;
  }
}
