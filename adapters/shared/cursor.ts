import { InvalidInputError } from "../../core/errors.ts";

/** An opaque cursor: base64url of JSON; it travels in URLs and comes back from outside, so reading it checks it. */
export function writeCursor(position: Readonly<Record<string, string>>): string {
  return Buffer.from(JSON.stringify(position), "utf8").toString("base64url");
}

/** @throws InvalidInputError CURSOR_INVALID unless it holds exactly the `fields`, all of them strings. */
export function readCursor<F extends string>(cursor: string, fields: readonly F[]): Record<F, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch (cause) {
    throw invalidCursor(cause);
  }
  if (typeof parsed !== "object" || parsed === null) throw invalidCursor();
  const entries = Object.entries(parsed);
  const sound = entries.length === fields.length && entries.every(([, value]) => typeof value === "string");
  if (!sound || !fields.every((field) => Object.hasOwn(parsed, field))) throw invalidCursor();
  return Object.fromEntries(entries) as Record<F, string>;
}

export function invalidCursor(cause?: unknown): InvalidInputError {
  const error = new InvalidInputError(
    "cursor",
    "is not one that this list gave out; start again without it.",
    "CURSOR_INVALID",
  );
  if (cause !== undefined) error.cause = cause;
  return error;
}
