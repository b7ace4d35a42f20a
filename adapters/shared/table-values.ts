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
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, entry]) => entry !== undefined)
        .map(([name, entry]) => [name, copy(entry, name)]),
    );
  }
  throw tableRequestInvalid(`${where} holds a ${typeof value}, which is no text, number, boolean, null, list or map.`);
}
