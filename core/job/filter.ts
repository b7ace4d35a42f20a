/** The filters of POST /jobs/filter, applied to a job and its specification. */
import { invalid } from "../contracts/api/errors.ts";
import type { Filter } from "../contracts/api/requests.ts";
import { JOB_STATE_WIRE_PREFIX } from "../states/job-states.ts";
import type { FoundJob } from "./find.ts";

type Scalar = string | number | boolean | null;

/** Times compare as milliseconds, whatever their spelling. */
const FIELDS: Readonly<Record<string, { readonly time?: true; get(found: FoundJob): Scalar | undefined }>> = {
  id: { get: ({ job }) => job.id },
  name: { get: ({ spec }) => spec.name },
  description: { get: ({ spec }) => spec.description },
  state: { get: ({ job }) => JOB_STATE_WIRE_PREFIX + job.state },
  templateId: { get: ({ spec }) => spec.templateId },
  appId: { get: ({ spec }) => spec.blocks.app },
  priority: { get: ({ spec }) => spec.priority },
  run: { get: ({ job }) => job.run },
  numChunks: { get: ({ job }) => job.tasks },
  createdAt: { time: true, get: ({ job }) => job.createdAt },
  submittedAt: { time: true, get: ({ job }) => job.submittedAt },
  endedAt: { time: true, get: ({ job }) => job.endedAt },
  completedAt: { time: true, get: ({ job }) => job.endedAt },
};

/** @throws ApiError 400 naming the filter */
export function readFilters(filters: readonly Filter[]): (found: FoundJob) => boolean {
  const tests = filters.map((filter, i) => readFilter(filter, `filters[${i}]`));
  return (found) => tests.every((test) => test(found));
}

function readFilter({ field, condition, value }: Filter, path: string): (found: FoundJob) => boolean {
  const name = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const tag = /^tags\.(.+)$/.exec(field)?.[1];
  const known = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
  if (!known && tag === undefined) {
    throw invalid(`${path}.field`, `can't be filtered by; use ${Object.keys(FIELDS).join(", ")} or tags.<name>`);
  }
  const get =
    known?.get ??
    (({ spec }: FoundJob) => (tag === undefined || !Object.hasOwn(spec.tags, tag) ? undefined : spec.tags[tag]));
  if (Array.isArray(value) !== (condition === "IN"))
    throw invalid(`${path}.value`, condition === "IN" ? "must be a list" : "must be a single value");
  const wanted = (Array.isArray(value) ? value : [value]).map((one) =>
    readValue(name, known?.time === true, one, `${path}.value`),
  );
  return (found) => matches(get(found) ?? null, condition, wanted);
}

function readValue(field: string, time: boolean, value: Scalar, path: string): Scalar {
  if (value === null) return null;
  if (time) {
    const ms = typeof value === "number" ? value : Date.parse(String(value));
    if (Number.isNaN(ms)) throw invalid(path, "must be an RFC 3339 time");
    return ms;
  }
  if (field === "state") {
    const text = String(value).toUpperCase();
    return text.startsWith(JOB_STATE_WIRE_PREFIX) ? text : JOB_STATE_WIRE_PREFIX + text;
  }
  return value;
}

function matches(actual: Scalar, condition: Filter["condition"], wanted: readonly Scalar[]): boolean {
  const [first = null] = wanted;
  switch (condition) {
    case "EQ":
    case "IN":
      return wanted.some((one) => isEqual(actual, one));
    case "NE":
      return !isEqual(actual, first);
    case "CONTAINS":
      return actual !== null && String(actual).toLowerCase().includes(String(first).toLowerCase());
    default:
      return actual !== null && first !== null && compares(compare(actual, first), condition);
  }
}

/** Numbers may come as text. */
const isEqual = (a: Scalar, b: Scalar): boolean => a === b || (a !== null && b !== null && String(a) === String(b));

function compare(a: NonNullable<Scalar>, b: NonNullable<Scalar>): number {
  if (typeof a === "number" && !Number.isNaN(Number(b))) return a - Number(b);
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
}

function compares(order: number, condition: "GT" | "GTE" | "LT" | "LTE"): boolean {
  if (condition === "GT") return order > 0;
  if (condition === "GTE") return order >= 0;
  return condition === "LT" ? order < 0 : order <= 0;
}
