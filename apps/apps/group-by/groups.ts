import { compareUtf8 } from "../shared/byte-order.ts";
import {
  addDecimals,
  compareDecimals,
  type Decimal,
  divideDecimal,
  formatDecimal,
  parseDecimal,
  ZERO,
} from "../shared/decimal.ts";
import { readEntries } from "../shared/entries.ts";
import type { Aggregate } from "./info.ts";

/** What is known of one column within one group; of the cells that aren't empty. */
export interface Column {
  count: number;
  sum: Decimal;
  min: Decimal | null;
  max: Decimal | null;
}
export interface Group {
  readonly key: readonly string[];
  count: number;
  /** In the order of the measured columns. */
  readonly columns: Column[];
}
/** By the key's JSON text. */
export type Groups = Map<string, Group>;

export function groupFor(groups: Groups, key: readonly string[], columns: number): Group {
  const id = key.length === 1 ? (key[0] ?? "") : JSON.stringify(key);
  const known = groups.get(id);
  if (known) return known;
  const made: Group = { key, count: 0, columns: Array.from({ length: columns }, emptyColumn) };
  groups.set(id, made);
  return made;
}

const emptyColumn = (): Column => ({ count: 0, sum: ZERO, min: null, max: null });

export function addValue(column: Column, value: Decimal): void {
  column.count++;
  column.sum = addDecimals(column.sum, value);
  if (column.min === null || compareDecimals(value, column.min) < 0) column.min = value;
  if (column.max === null || compareDecimals(value, column.max) > 0) column.max = value;
}

export function mergeGroups(first: Groups, second: Groups): Groups {
  for (const [id, group] of second) {
    const known = first.get(id);
    if (!known) {
      first.set(id, group);
      continue;
    }
    known.count += group.count;
    for (const [i, column] of known.columns.entries()) {
      const other = group.columns[i];
      if (!other || other.count === 0) continue;
      column.count += other.count;
      column.sum = addDecimals(column.sum, other.sum);
      if (column.min === null || (other.min && compareDecimals(other.min, column.min) < 0)) column.min = other.min;
      if (column.max === null || (other.max && compareDecimals(other.max, column.max) > 0)) column.max = other.max;
    }
  }
  return first;
}

/** By key, column for column, in the order of their UTF-8 bytes. */
export function sortedGroups(groups: Groups): Group[] {
  return [...groups.values()].sort((a, b) => {
    for (const [i, part] of a.key.entries()) {
      const order = compareUtf8(part, b.key[i] ?? "");
      if (order !== 0) return order;
    }
    return 0;
  });
}

/** A cell of the result; "" where no cell had a number. `index` finds the measured column. */
export function aggregateCell(group: Group, { op, column }: Aggregate, index: ReadonlyMap<string, number>): string {
  if (op === "count") return String(group.count);
  const measured = group.columns[index.get(column) ?? -1];
  if (!measured || measured.count === 0) return "";
  if (op === "mean") return formatDecimal(divideDecimal(measured.sum, BigInt(measured.count)));
  const value = op === "sum" ? measured.sum : op === "min" ? measured.min : measured.max;
  return value === null ? "" : formatDecimal(value);
}

type ColumnJson = [count: number, sum: string, min: string, max: string];

export function groupsToJson(groups: Groups): [string, [number, ...ColumnJson[]]][] {
  const columnJson = ({ count, sum, min, max }: Column): ColumnJson => {
    return [count, formatDecimal(sum), min ? formatDecimal(min) : "", max ? formatDecimal(max) : ""];
  };
  return sortedGroups(groups).map(({ key, count, columns }) => [
    JSON.stringify(key),
    [count, ...columns.map(columnJson)],
  ]);
}

export function groupsFromJson(value: unknown): Groups {
  const groups: Groups = new Map();
  for (const [keyText, row] of readEntries(value)) {
    const [count, ...columns] = row as [number, ...ColumnJson[]];
    const group = groupFor(groups, JSON.parse(keyText) as string[], columns.length);
    group.count = count;
    for (const [i, [cells, sum, min, max]] of columns.entries()) {
      const column = group.columns[i];
      if (column)
        Object.assign(column, {
          count: cells,
          sum: parseDecimal(sum) ?? ZERO,
          min: parseDecimal(min),
          max: parseDecimal(max),
        });
    }
  }
  return groups;
}
