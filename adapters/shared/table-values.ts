import { tableRequestInvalid } from "./table-rules.ts";

export const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * What DynamoDB would store: a copy without undefined attributes.
 * @throws JobJobError TABLE_REQUEST_INVALID for values it can't hold: NaN, infinite, unsafe integers, dates, functions.
 */
export function storable<T>(value: T): T {
  return copy(value, "the item") as T;
}

/** A deep copy of what is stored: cheaper than structuredClone, which the simulation would spend half its time in. */
export function copyOf<T>(value: T): T {
  return copyStored(value) as T;
}

function copyStored(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyStored);
  const map: Record<string, unknown> = {};
  for (const name of Object.keys(value)) map[name] = copyStored((value as Record<string, unknown>)[name]);
  return map;
}

function copy(value: unknown, where: string): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) {
      throw tableRequestInvalid(`${where} holds the number ${value}, which isn't finite or safe.`);
    }
    return value + 0;
  }
  if (Array.isArray(value)) return value.map((entry, i) => copy(entry, `${where}[${i}]`));
  if (isMap(value) && Object.getPrototypeOf(value) === Object.prototype) {
    const map: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      const entry = value[name];
      if (entry !== undefined) map[name] = copy(entry, name);
    }
    return map;
  }
  throw tableRequestInvalid(`${where} holds a ${typeof value}, which is no text, number, boolean, null, list or map.`);
}
