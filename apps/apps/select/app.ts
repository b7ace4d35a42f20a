import { type Chunk, type Context, defineApp, RawJson, RecordSet } from "../../../runtime/node/contract.ts";
import { cellText } from "../../../runtime/node/json-members.ts";
import { mapRecords } from "../../../runtime/node/records.ts";
import { type JsonRecord, jsonRecords } from "../shared/json-records.ts";
import { needsFormat } from "../shared/needs-format.ts";
import { columnIndexes } from "../shared/unknown-column.ts";
import { type Condition, conditionColumns } from "./condition.ts";
import { type SelectParams, selectParams } from "./info.ts";
import { compileCondition } from "./test-condition.ts";

export const selectApp = defineApp<SelectParams>({
  params: selectParams,
  run(chunk, context) {
    if (chunk.format === "csv")
      return chunk.columns ? selected(chunk.rows(), chunk.columns, context.params) : csvRows(chunk, context);
    if (chunk.format !== "ndjson") throw needsFormat("select", chunk.format);
    const { columns } = context.params;
    return columns ? new RecordSet(columns, jsonRows(chunk, columns, context)) : jsonLines(chunk, context);
  },
});

/** CSV without a header: columns are called column_1, column_2, …, as many as the first record has. */
async function csvRows(chunk: Chunk, { params }: Context<SelectParams>): Promise<RecordSet | undefined> {
  const rows = chunk.rows()[Symbol.asyncIterator]();
  const first = await rows.next();
  if (first.done) return undefined;
  const available = first.value.map((_, i) => `column_${i + 1}`);
  async function* all(): AsyncGenerator<readonly string[]> {
    for (let next = first; !next.done; next = await rows.next()) yield next.value;
  }
  return selected(all(), available, params);
}

type Rows = AsyncIterable<readonly string[]>;

function selected(rows: Rows, available: readonly string[], { where, columns }: SelectParams): RecordSet {
  const kept = columns ? columnIndexes("params.app.columns", columns, available) : null;
  const matching = where ? filtered(rows, available, where) : rows;
  return new RecordSet(
    columns ?? available,
    kept ? mapRecords(matching, (row) => kept.map((i) => row[i] ?? "")) : matching,
  );
}

function filtered(rows: Rows, available: readonly string[], where: Condition): Rows {
  columnIndexes("params.app.where", conditionColumns(where), available);
  const index = new Map(available.map((name, i) => [name, i]));
  const test = compileCondition(where);
  let row: readonly string[] = [];
  const cell = (name: string): string => row[index.get(name) ?? -1] ?? "";
  return mapRecords(rows, (next) => {
    row = next;
    return test(cell) ? next : undefined;
  });
}

function jsonMatches(chunk: Chunk, { params, reject }: Context<SelectParams>): AsyncIterable<JsonRecord> {
  const records = jsonRecords(chunk, reject);
  if (!params.where) return records;
  const test = compileCondition(params.where);
  return mapRecords(records, (record) => (test((name) => cellText(record.members.get(name))) ? record : undefined));
}

const jsonLines = (chunk: Chunk, context: Context<SelectParams>): AsyncIterable<RawJson> =>
  mapRecords(jsonMatches(chunk, context), ({ text }) => new RawJson(text));

function jsonRows(chunk: Chunk, columns: readonly string[], context: Context<SelectParams>) {
  return mapRecords(jsonMatches(chunk, context), ({ members }) =>
    columns.map((name) => {
      const raw = members.get(name);
      return raw === undefined ? undefined : new RawJson(raw);
    }),
  );
}
