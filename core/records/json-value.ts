import { JobJobError } from "../errors.ts";

/**
 * The value of one NDJSON record.
 * @param offset file offset of the record's first byte
 * @throws JobJobError INVALID_JSON
 */
export function parseJson(text: string, offset: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new JobJobError({
      code: "INVALID_JSON",
      message: `The line that starts at byte ${offset} is not one JSON value (${why.slice(0, 200)}); NDJSON holds one complete value a line.`,
      details: { offset },
      cause,
    });
  }
}
