/**
 * Conditions of `select`: data, never code.
 *
 *     {"state": "CA"}                                     each named column equals its value; a list: is one of it
 *     {"column": "year", "op": "ge", "value": 2020}       eq ne lt le gt ge in contains startsWith endsWith exists
 *     {"all": […]} {"any": […]} {"not": …}                combinations
 *
 * A number as value compares numerically and exactly ("10.0" equals 10); a cell that is no number then fails every
 * comparison but `ne`. Text compares as text, by UTF-8 bytes ("9" is greater than "10"). An empty cell, a missing or null
 * member is "" (null as value means the same); `exists` asks for more than that.
 */
export type Scalar = string | number | boolean | null;
export const OPERATORS = [
  "eq",
  "ne",
  "lt",
  "le",
  "gt",
  "ge",
  "in",
  "contains",
  "startsWith",
  "endsWith",
  "exists",
] as const;
export type Operator = (typeof OPERATORS)[number];

export type Condition =
  | { readonly kind: "all" | "any"; readonly conditions: readonly Condition[] }
  | { readonly kind: "not"; readonly condition: Condition }
  | {
      readonly kind: "compare";
      readonly column: string;
      readonly op: Operator;
      readonly value: Scalar | readonly Scalar[];
    };

const MAX_DEPTH = 20;
type Path = readonly (string | number)[];

/** What is wrong with a condition, and where in it. */
export class ConditionProblem extends Error {
  readonly path: Path;
  constructor(path: Path, message: string) {
    super(message);
    this.path = path;
  }
}

/** @throws ConditionProblem */
export function parseCondition(value: unknown, path: Path = []): Condition {
  if (path.length > MAX_DEPTH)
    throw new ConditionProblem(path, `is nested deeper than ${MAX_DEPTH} levels; make it flatter`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConditionProblem(
      path,
      'must be a condition such as {"state": "CA"} or {"column": "year", "op": "ge", "value": 2020}',
    );
  }
  const members = new Map<string, unknown>(Object.entries(value));
  const [only] = members.keys();
  if (members.size === 0)
    throw new ConditionProblem(path, "is empty; name a column, or leave `where` out to keep every record");
  if (members.size === 1 && (only === "all" || only === "any") && Array.isArray(members.get(only))) {
    const list = members.get(only) as unknown[];
    if (list.length === 0) throw new ConditionProblem([...path, only], "is empty; give at least one condition");
    return { kind: only, conditions: list.map((entry, i) => parseCondition(entry, [...path, only, i])) };
  }
  if (
    members.size === 1 &&
    only === "not" &&
    typeof members.get(only) === "object" &&
    !Array.isArray(members.get(only))
  ) {
    return { kind: "not", condition: parseCondition(members.get(only), [...path, only]) };
  }
  if (members.has("column") && members.has("op")) return comparison(members, path);
  return shortForm(members, path);
}

function comparison(members: ReadonlyMap<string, unknown>, path: Path): Condition {
  const column = members.get("column");
  if (typeof column !== "string" || column === "")
    throw new ConditionProblem([...path, "column"], "must be the name of a column");
  const op = OPERATORS.find((name) => name === members.get("op"));
  if (!op) throw new ConditionProblem([...path, "op"], `must be one of ${OPERATORS.join(", ")}`);
  const extra = [...members.keys()].find((name) => !["column", "op", "value"].includes(name));
  if (extra !== undefined)
    throw new ConditionProblem([...path, extra], "is not known here; a comparison has column, op and value");
  const value = members.get("value");
  const at = [...path, "value"];
  if (op === "exists") {
    if (value !== undefined && typeof value !== "boolean")
      throw new ConditionProblem(at, "must be true or false, or be left out");
    return { kind: "compare", column, op, value: value ?? true };
  }
  if (op === "in") return { kind: "compare", column, op, value: scalarList(value, at) };
  if (!isScalar(value)) throw new ConditionProblem(at, "must be text, a number, true, false or null");
  if ((op === "contains" || op === "startsWith" || op === "endsWith") && typeof value !== "string") {
    throw new ConditionProblem(at, `must be text for ${op}`);
  }
  return { kind: "compare", column, op, value };
}

function shortForm(members: ReadonlyMap<string, unknown>, path: Path): Condition {
  const conditions = [...members].map(([column, value]): Condition => {
    const at = [...path, column];
    if (column === "") throw new ConditionProblem(at, "must be the name of a column");
    if (Array.isArray(value)) return { kind: "compare", column, op: "in", value: scalarList(value, at) };
    if (isScalar(value)) return { kind: "compare", column, op: "eq", value };
    throw new ConditionProblem(
      at,
      'must be text, a number, true, false, null or a list of them; other comparisons are written {"column", "op", "value"}',
    );
  });
  const [only] = conditions;
  return conditions.length === 1 && only ? only : { kind: "all", conditions };
}

function scalarList(value: unknown, path: Path): readonly Scalar[] {
  if (Array.isArray(value) && value.length > 0 && value.every(isScalar)) return value;
  throw new ConditionProblem(path, "must be a list of at least one text, number, true, false or null");
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Names of the columns a condition looks at. */
export function conditionColumns(condition: Condition): string[] {
  if (condition.kind === "compare") return [condition.column];
  const inner = condition.kind === "not" ? [condition.condition] : condition.conditions;
  return [...new Set(inner.flatMap(conditionColumns))];
}
