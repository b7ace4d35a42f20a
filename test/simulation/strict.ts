/**
 * What the engine wrote is read back thousands of times a schedule: its schemas, and the table's rules, would take a quarter of
 * the time. So one schedule of two dozen parses all that it reads and keeps to every rule, and the others take it as it was
 * written: what doesn't fit shows soon enough. The table's twin hands out items as they are stored; where one is parsed, its
 * readers share the frozen copy, so that whoever changes what it has read is found out, too.
 */
import { batchTable } from "../../core/contracts/batch-table.ts";
import { chunksFile, offsetRow, preparedFile, preparedLine } from "../../core/contracts/chunk-index.ts";
import { jobItem, specItem } from "../../core/contracts/job-items.ts";
import { deliveryHead, uploadGroup } from "../../core/contracts/output-list.ts";
import { batchItem, gateItem } from "../../core/contracts/progress-items.ts";
import { chunkLine, claimIndex, sourceLine, workSpec } from "../../core/contracts/worker.ts";
import { childInput, stepInput } from "../../core/contracts/workflow.ts";

interface Schema {
  parse(value: unknown): unknown;
}

const ITEMS: readonly Schema[] = [jobItem, specItem, gateItem, batchItem];
const OTHERS: readonly Schema[] = [
  ...[claimIndex, workSpec, chunkLine, sourceLine, childInput, stepInput],
  ...[preparedFile, preparedLine, chunksFile, offsetRow, batchTable, deliveryHead, uploadGroup],
];
const STRICT = 24;

export const isStrict = (seed: number): boolean => seed % STRICT === 0;

/** Takes the place of the schemas' `parse`; what it returns is told of each schedule that begins. */
export function parseWhereStrict(): (seed: number) => void {
  let isParsing = true;
  for (const schema of [...ITEMS, ...OTHERS]) {
    const parse = schema.parse.bind(schema);
    const parseFor = ITEMS.includes(schema) ? onceOf(parse) : parse;
    schema.parse = (value) => (isParsing ? parseFor(value) : value);
  }
  return (seed) => {
    isParsing = isStrict(seed);
  };
}

function onceOf(parse: Schema["parse"]): Schema["parse"] {
  const known = new WeakMap<object, unknown>();
  return (value) => {
    if (typeof value !== "object" || value === null) return parse(value);
    let parsed = known.get(value);
    if (parsed === undefined) {
      parsed = Object.freeze(parse(value));
      known.set(value, parsed);
    }
    return parsed;
  };
}
