import { JobJobError } from "../../../core/errors.ts";

/** A stored accumulator: an array of [text, value]. @throws JobJobError ACCUMULATOR_INVALID */
export function readEntries(value: unknown): [string, unknown][] {
  if (!Array.isArray(value)) throw invalid();
  return value.map((entry: unknown) => {
    if (!Array.isArray(entry) || typeof entry[0] !== "string") throw invalid();
    return [entry[0], entry[1]];
  });
}

const invalid = (): JobJobError =>
  new JobJobError({
    code: "ACCUMULATOR_INVALID",
    message: "An accumulator is not a list of entries; requeue its task.",
  });
