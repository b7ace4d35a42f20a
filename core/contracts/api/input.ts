/** The input rules of api.md as zod building blocks: both spellings of keys, numbers as text, unknown fields refused. */
import * as z from "zod";
import { type Problem, problemsError } from "./errors.ts";

const camel = (key: string): string =>
  key.replace(/(?<=[a-z0-9])_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

/** An object whose keys may come in camelCase or snake_case, and that refuses any key it doesn't know. Its values are left alone. */
export function wireObject<S extends z.core.$ZodLooseShape>(shape: S) {
  return z.preprocess((value, ctx) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const out: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(value)) {
      const name = Object.hasOwn(shape, key) ? key : camel(key);
      if (Object.hasOwn(out, name)) {
        ctx.issues.push({ code: "custom", input: value, path: [name], message: `is given twice, also as ${key}` });
      }
      out[name] = field;
    }
    return out;
  }, z.strictObject(shape));
}

/** Absent, null or (from older clients) an empty text all mean: unset. */
export const unset = (value: unknown): unknown => (value === null || value === "" ? undefined : value);
export const optional = <T extends z.ZodType>(schema: T) => z.preprocess(unset, schema.optional());

/** Whole numbers and seconds arrive as a number or as text ("300", for seconds also "300s"). */
const asNumber = (value: unknown): unknown =>
  typeof value === "string" && /^\s*[+-]?\d+(\.\d+)?s?\s*$/.test(value) ? Number(value.replace(/s\s*$/, "")) : value;
export const wireInt = (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
  z.preprocess(
    asNumber,
    z
      .number("must be a whole number")
      .refine((n) => Number.isSafeInteger(n), "must be a whole number")
      .refine((n) => n >= least, `must be at least ${least}`)
      .refine((n) => n <= most, `must be at most ${most}`),
  );
export const wireNumber = (least: number, most: number) =>
  z.preprocess(
    asNumber,
    z.number("must be a number").min(least, `must be at least ${least}`).max(most, `must be at most ${most}`),
  );
export const wireBoolean = z.preprocess(
  (value) => (value === "true" ? true : value === "false" ? false : value),
  z.boolean("must be true or false"),
);
/** An object whose content is the caller's: kept as it came. */
export const freeObject = z.record(z.string(), z.unknown(), "must be an object");
/** Bytes of the value as JSON. */
export const jsonBytes = (value: unknown): number => new TextEncoder().encode(JSON.stringify(value) ?? "").length;

/** RFC 3339, any offset; kept as UTC. */
export const wireTime = z
  .string("must be an RFC 3339 time, as 2026-01-31T12:00:00Z")
  .refine(
    (text) =>
      /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)$/.test(text) &&
      !Number.isNaN(Date.parse(text)),
    "must be an RFC 3339 time, as 2026-01-31T12:00:00Z",
  )
  .transform((text) => new Date(text).toISOString());

/** Nesting that DynamoDB and the workers can hold (32 levels there, some of them ours). */
const MAX_DEPTH = 20;

/**
 * Parses a body and refuses what could do harm later: prototype keys, deep nesting, numbers and texts that no store keeps.
 * An absent body counts as `{}`.
 * @throws ApiError INVALID_JSON
 */
export function parseJson(text: string): unknown {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "unreadable";
    throw problemsError("invalid", "INVALID_JSON", [
      { path: "", problem: `The body is no JSON: ${why.slice(0, 200)}.` },
    ]);
  }
  const problem = findHarm(value, "", 0);
  if (problem) throw problemsError("invalid", "INVALID_JSON", [problem]);
  return value;
}

/** JSON can escape what UTF-8 can't say, and neither a key of an object nor an item takes it. */
const HALF_CHARACTER = "holds half a character (an unpaired surrogate)";
const isHalved = (text: string): boolean => /\p{Surrogate}/u.test(text);

function findHarm(value: unknown, path: string, depth: number): Problem | undefined {
  if (typeof value === "number") {
    const size = Math.abs(value);
    const fits = size === 0 || (size >= 1e-130 && size < 1e125);
    return fits ? undefined : { path, problem: "is out of the range of numbers that can be kept" };
  }
  if (typeof value === "string" && isHalved(value)) return { path, problem: HALF_CHARACTER };
  if (typeof value !== "object" || value === null) return undefined;
  if (depth >= MAX_DEPTH) return { path, problem: `is nested deeper than ${MAX_DEPTH} levels` };
  for (const [key, field] of Object.entries(value)) {
    const at = joinPath(path, Array.isArray(value) ? Number(key) : key);
    if (key === "__proto__") return { path: at, problem: "is no name for a field" };
    if (isHalved(key)) return { path, problem: `has a field whose name ${HALF_CHARACTER}` };
    const problem = findHarm(field, at, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}

const joinPath = (path: string, key: PropertyKey): string =>
  typeof key === "number" ? `${path}[${key}]` : path ? `${path}.${String(key)}` : String(key);

/** zod's issues as problems, each with the path of its field below `root`. */
export function problemsOf(error: z.core.$ZodError, root = ""): Problem[] {
  return error.issues.flatMap((issue) => problemsOfIssue(issue, root)).slice(0, 50);
}

function problemsOfIssue(issue: z.core.$ZodIssue, root: string): Problem[] {
  const path = issue.path.reduce<string>(joinPath, root);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: joinPath(path, key), problem: "is not a known field; remove it" }));
  }
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) {
    return [{ path, problem: "is missing" }];
  }
  return [{ path, problem: issue.message }];
}

/** @throws ApiError 400 INVALID_REQUEST with a problem per wrong field */
export function parseWire<T extends z.ZodType>(schema: T, value: unknown, root = ""): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw problemsError("invalid", "INVALID_REQUEST", problemsOf(parsed.error, root));
}
