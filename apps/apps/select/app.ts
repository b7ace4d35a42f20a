import { type Chunk, type Context, defineApp, RawJson, RecordSet } from "../../../runtime/node/contract.ts";
import { cellText } from "../../../runtime/node/json-members.ts";
import { jsonRecords } from "../shared/json-records.ts";
import { needsFormat } from "../shared/needs-format.ts";
import { columnIndexes } from "../shared/unknown-column.ts";
import { conditionColumns } from "./condition.ts";
import { type SelectParams, selectParams } from "./info.ts";
import { compileCondition } from "./test-condition.ts";

export const selectApp = defineApp<SelectParams>({
  params: selectParams,
  run(chunk, context) {
    if (chunk.format === "csv")
      return chunk.columns ? csvRecords(chunk, chunk.columns, context) : csvRows(chunk, context);
    if (chunk.format !== "ndjson") throw needsFormat("select", chunk.format);
    const { columns } = context.params;
    return columns ? new RecordSet(columns, jsonRows(chunk, columns, context)) : jsonLines(chunk, context);
  },
});

function csvRecords(chunk: Chunk, available: readonly string[], { params }: Context<SelectParams>): RecordSet {
  const columns = params.columns ?? available;
  const kept = params.columns ? columnIndexes("params.app.columns", params.columns, available) : null;
  return new RecordSet(columns, filterRows(chunk.rows(), available, kept, params));
}

async function* filterRows(
  rows: AsyncIterable<readonly string[]>,
  available: readonly string[],
  kept: readonly number[] | null,
  { where }: SelectParams,
): AsyncGenerator<readonly string[]> {
  if (where) columnIndexes("params.app.where", conditionColumns(where), available);
  const test = where ? compileCondition(where) : () => true;
  const index = new Map(available.map((name, i) => [name, i]));
  let row: readonly string[] = [];
  const cell = (name: string): string => row[index.get(name) ?? -1] ?? "";
  for await (row of rows) {
    if (test(cell)) yield kept ? kept.map((i) => row[i] ?? "") : row;
  }
}

/** CSV without a header: columns are called column_1, column_2, …, as many as the first record has. */
async function csvRows(chunk: Chunk, { params }: Context<SelectParams>): Promise<RecordSet | undefined> {
  const iterator = chunk.rows()[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done) return undefined;
  const available = first.value.map((_, i) => `column_${i + 1}`);
  const kept = params.columns ? columnIndexes("params.app.columns", params.columns, available) : null;
  async function* all(): AsyncGenerator<readonly string[]> {
    for (let next = first; !next.done; next = await iterator.next()) yield next.value;
  }
  return new RecordSet(params.columns ?? available, filterRows(all(), available, kept, params));
}

async function* jsonMatches(chunk: Chunk, { params, reject }: Context<SelectParams>) {
  const test = params.where ? compileCondition(params.where) : () => true;
  for await (const record of jsonRecords(chunk, reject)) {
    if (test((name) => cellText(record.members.get(name)))) yield record;
  }
}

async function* jsonLines(chunk: Chunk, context: Context<SelectParams>): AsyncGenerator<RawJson> {
  for await (const { text } of jsonMatches(chunk, context)) yield new RawJson(text);
}

async function* jsonRows(chunk: Chunk, columns: readonly string[], context: Context<SelectParams>) {
  for await (const { members } of jsonMatches(chunk, context)) {
    yield columns.map((name) => {
      const raw = members.get(name);
      return raw === undefined ? undefined : new RawJson(raw);
    });
  }
}
