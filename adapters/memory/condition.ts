import type { Condition, Path, Scalar, Value } from "../../core/ports/index.ts";
import { compareBytes } from "../shared/byte-order.ts";
import { isMap } from "../shared/table-values.ts";

type Attributes = Readonly<Record<string, unknown>>;

/** What stands at a path; undefined when it, or a map on the way, isn't there. */
export function valueAt(item: Attributes | undefined, path: Path): Value | undefined {
  if (!path.includes(".")) return item && Object.hasOwn(item, path) ? (item[path] as Value | undefined) : undefined;
  let value: unknown = item;
  for (const name of path.split(".")) {
    if (!isMap(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value as Value | undefined;
}

/**
 * A condition as DynamoDB judges it: a comparison with a missing attribute or one of another type is false, except `ne`
 * (DynamoDB's `<>`), which is then true. Texts compare by their UTF-8 bytes.
 */
export function holds(condition: Condition, item: Attributes | undefined): boolean {
  if ("all" in condition) return condition.all.every((part) => holds(part, item));
  if ("any" in condition) return condition.any.some((part) => holds(part, item));
  if ("not" in condition) return !holds(condition.not, item);
  if ("exists" in condition) return valueAt(item, condition.exists) !== undefined;
  if ("missing" in condition) return valueAt(item, condition.missing) === undefined;
  if ("eq" in condition) return valueAt(item, condition.eq[0]) === condition.eq[1];
  if ("ne" in condition) return valueAt(item, condition.ne[0]) !== condition.ne[1];
  if ("in" in condition) return (condition.in[1] as readonly unknown[]).includes(valueAt(item, condition.in[0]));
  if ("lt" in condition) return ordered(item, condition.lt, (order) => order < 0);
  if ("le" in condition) return ordered(item, condition.le, (order) => order <= 0);
  if ("gt" in condition) return ordered(item, condition.gt, (order) => order > 0);
  return ordered(item, condition.ge, (order) => order >= 0);
}

function ordered(
  item: Attributes | undefined,
  [path, right]: readonly [Path, Scalar],
  judge: (order: number) => boolean,
): boolean {
  const left = valueAt(item, path);
  if (typeof left === "number" && typeof right === "number") return judge(left - right);
  if (typeof left === "string" && typeof right === "string") return judge(compareBytes(left, right));
  return false;
}
