import { compareUtf8 } from "../shared/byte-order.ts";
import { compareDecimals, type Decimal, parseDecimal } from "../shared/decimal.ts";
import type { Condition, Operator, Scalar } from "./condition.ts";

/** Cell by column name; "" when there is none. */
export type CellOf = (column: string) => string;
export type Test = (cell: CellOf) => boolean;

/** A condition made ready: it is asked a million times. */
export function compileCondition(condition: Condition): Test {
  if (condition.kind === "not") {
    const test = compileCondition(condition.condition);
    return (cell) => !test(cell);
  }
  if (condition.kind !== "compare") {
    const tests = condition.conditions.map(compileCondition);
    return condition.kind === "all"
      ? (cell) => tests.every((test) => test(cell))
      : (cell) => tests.some((test) => test(cell));
  }
  const { column, op, value } = condition;
  const matches = compileCell(op, value);
  return (cell) => matches(cell(column));
}

function compileCell(op: Operator, value: Scalar | readonly Scalar[]): (cell: string) => boolean {
  if (op === "in") {
    const tests = (Array.isArray(value) ? value : [value]).map((one: Scalar) => compileCell("eq", one));
    return (cell) => tests.some((test) => test(cell));
  }
  if (op === "exists") return (cell) => (cell !== "") === value;
  if (op === "ne") {
    const equal = compileCell("eq", value);
    return (cell) => !equal(cell);
  }
  const text = value === null ? "" : String(value);
  if (op === "contains") return (cell) => cell.includes(text);
  if (op === "startsWith") return (cell) => cell.startsWith(text);
  if (op === "endsWith") return (cell) => cell.endsWith(text);
  const holds = ORDERS[op];
  const number = typeof value === "number" ? parseDecimal(text) : null;
  if (number) return numeric(number, holds);
  if (op === "eq") return (cell) => cell === text;
  return (cell) => cell !== "" && holds(compareUtf8(cell, text));
}

function numeric(number: Decimal, holds: (order: number) => boolean): (cell: string) => boolean {
  return (cell) => {
    const parsed = parseDecimal(cell);
    return parsed !== null && holds(compareDecimals(parsed, number));
  };
}

const ORDERS: Record<"eq" | "lt" | "le" | "gt" | "ge", (order: number) => boolean> = {
  eq: (order) => order === 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
};
