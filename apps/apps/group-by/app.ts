import { type Chunk, type Context, defineReducer } from "../../../runtime/node/contract.ts";
import { cellText } from "../../../runtime/node/json-members.ts";
import { mapRecords } from "../../../runtime/node/records.ts";
import { parseDecimal } from "../shared/decimal.ts";
import { jsonRecords } from "../shared/json-records.ts";
import { needsFormat } from "../shared/needs-format.ts";
import { columnIndexes } from "../shared/unknown-column.ts";
import {
  addValue,
  aggregateCell,
  type Groups,
  groupFor,
  groupsFromJson,
  groupsToJson,
  mergeGroups,
  sortedGroups,
} from "./groups.ts";
import { type GroupByParams, groupByColumns, groupByParams } from "./info.ts";

/**
 * Cells of one record: those of the key, and those of the measured columns. `item` names the record when it's rejected.
 * No closures in here: there is one of these per record.
 */
interface Cells {
  readonly key: readonly string[];
  readonly measured: readonly string[];
  readonly item: string | readonly string[];
}

export const groupByApp = defineReducer<GroupByParams, Groups, Cells>({
  params: groupByParams,
  read: (chunk, context) => (chunk.format === "ndjson" ? readJson(chunk, context) : readCsv(chunk, context)),
  init: () => new Map(),
  add(groups, { key, measured, item }, { params, reject }) {
    const values = measured.map((cell) => (cell.trim() === "" ? null : parseDecimal(cell)));
    // All or nothing: a record that's rejected counts nowhere.
    for (const [i, value] of values.entries()) {
      const cell = measured[i] ?? "";
      if (value === null && cell.trim() !== "") {
        reject(
          typeof item === "string" ? item : item.join(","),
          `${measuredColumns(params)[i] ?? ""}: "${cell.slice(0, 80)}" is not a decimal number`,
        );
        return undefined;
      }
    }
    const group = groupFor(groups, key, values.length);
    group.count++;
    for (const [i, value] of values.entries()) {
      const column = group.columns[i];
      if (value !== null && column) addValue(column, value);
    }
    return undefined;
  },
  merge: mergeGroups,
  finish: (groups, params) => ({
    columns: groupByColumns(params),
    types: [...params.by.map(() => "text" as const), ...params.aggregates.map(() => "number" as const)],
    rows: resultRows(groups, params),
  }),
  toJson: groupsToJson,
  fromJson: groupsFromJson,
});

/** Columns with a sum, min, max or mean, each once. */
function measuredColumns({ aggregates }: GroupByParams): string[] {
  return [...new Set(aggregates.filter(({ op }) => op !== "count").map(({ column }) => column))];
}

function readCsv(chunk: Chunk, { params }: Context<GroupByParams>): AsyncIterable<Cells> {
  if (chunk.format !== "csv") throw needsFormat("group-by", chunk.format);
  let by: number[] | undefined;
  let measured: number[] = [];
  return mapRecords(chunk.rows(), (row) => {
    if (!by) {
      const columns = chunk.columns ?? row.map((_, i) => `column_${i + 1}`);
      by = columnIndexes("params.app.by", params.by, columns);
      measured = columnIndexes("params.app.aggregates", measuredColumns(params), columns);
    }
    return { key: by.map((i) => row[i] ?? ""), measured: measured.map((i) => row[i] ?? ""), item: row };
  });
}

/** A member that a line hasn't is an empty cell. */
function readJson(chunk: Chunk, { params, reject }: Context<GroupByParams>): AsyncIterable<Cells> {
  const measured = measuredColumns(params);
  return mapRecords(jsonRecords(chunk, reject), ({ text, members }) => {
    const key = params.by.map((name) => cellText(members.get(name)));
    return { key, measured: measured.map((name) => cellText(members.get(name))), item: text };
  });
}

function* resultRows(groups: Groups, params: GroupByParams): Generator<readonly string[]> {
  const index = new Map(measuredColumns(params).map((name, i) => [name, i]));
  for (const group of sortedGroups(groups)) {
    yield [...group.key, ...params.aggregates.map((aggregate) => aggregateCell(group, aggregate, index))];
  }
}
