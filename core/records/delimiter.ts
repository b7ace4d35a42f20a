import { InvalidInputError } from "../errors.ts";

/**
 * The CSV delimiter, checked; "," when unset.
 * @throws InvalidInputError INVALID_PARAMS at `path` unless it is one ASCII character other than a quote or a line break
 */
export function checkDelimiter(delimiter: string | undefined, path = "delimiter"): string {
  if (delimiter === undefined) return ",";
  const code = typeof delimiter === "string" && delimiter.length === 1 ? delimiter.charCodeAt(0) : 0;
  if (code < 1 || code > 0x7f || delimiter === '"' || delimiter === "\n" || delimiter === "\r") {
    throw new InvalidInputError(
      path,
      `must be one ASCII character and neither a quote nor a line break, like "," ";" "|" or a tab; got ${JSON.stringify(delimiter)}`,
    );
  }
  return delimiter;
}
