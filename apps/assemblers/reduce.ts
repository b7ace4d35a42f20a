/**
 * Merges the tasks' accumulators in a tree of fixed fan-in over ordinals: node i of level 1 takes the tasks
 * [16 i, 16 (i + 1)), node i of level 2 the nodes [16 i, 16 (i + 1)) of level 1, and so on. The tree depends on ordinals
 * alone, so that finishing order, batch size, retries and pauses give the same bytes. It is walked in one pass from left
 * to right: one unfinished accumulator per level is in memory, and that is also all that a continuation needs.
 */
import { JobJobError } from "../../core/errors.ts";
import {
  type AssemblerEngine,
  type AssemblerWork,
  type PositionedSegment,
  type Prepared,
  readWindows,
} from "../../core/merge/index.ts";
import type { Value } from "../../core/ports/index.ts";

/** What the engine needs of a reducer (runtime/node/contract.ts). */
export interface TreeReducer<Table = unknown> {
  init(): unknown;
  parse(text: string): unknown;
  serialise(accumulator: unknown): string;
  merge(a: unknown, b: unknown): unknown;
  finish(accumulator: unknown): Table;
}
export interface ReduceParts<Table> {
  reducerOf(app: string, params: unknown): TreeReducer<Table>;
  tableText(table: Table, format: "csv" | "ndjson" | "json"): Iterable<string>;
}

const FAN_IN = 16;
/** An accumulator's document; several are in memory at once. */
const MAX_DOCUMENT_BYTES = 64 * 1024 * 1024;
const CONTENT_TYPES = { csv: "text/csv", ndjson: "application/x-ndjson", json: "application/json" } as const;

/** The unfinished node of a level: its number there, and the accumulator so far. */
interface Node {
  readonly index: number;
  accumulator: unknown;
}

class Tree<Table> {
  readonly #reducer: TreeReducer<Table>;
  readonly #levels: (Node | undefined)[];

  constructor(reducer: TreeReducer<Table>, levels: (Node | undefined)[] = []) {
    this.#reducer = reducer;
    this.#levels = levels;
  }

  get levels(): readonly (Node | undefined)[] {
    return this.#levels;
  }

  /** `index` of the task at level 0; it rises from call to call. */
  add(index: number, accumulator: unknown, level = 0): void {
    const parent = Math.floor(index / FAN_IN);
    const open = this.#levels[level];
    if (open && open.index === parent) {
      open.accumulator = this.#reducer.merge(open.accumulator, accumulator);
      return;
    }
    this.#levels[level] = { index: parent, accumulator };
    if (open) this.add(open.index, open.accumulator, level + 1);
  }

  /** Closes all levels from below. */
  end(): unknown {
    let below: Node | undefined;
    for (let level = 0; level < this.#levels.length; level++) {
      if (below) this.add(below.index, below.accumulator, level);
      below = this.#levels[level];
      this.#levels[level] = undefined;
    }
    return below === undefined ? this.#reducer.init() : below.accumulator;
  }
}

/** null; then where to go on and the open nodes; at the end where the final accumulator lies. */
type Saved =
  | { readonly batch: number; readonly result: number; readonly nodes: readonly (readonly [number, string] | null)[] }
  | { readonly final: string };

function checkSize(text: string, what: string): string {
  if (text.length <= MAX_DOCUMENT_BYTES) return text;
  throw new JobJobError({
    code: "ACCUMULATOR_TOO_LARGE",
    message: `${what} has ${text.length} bytes as JSON, over the limit of ${MAX_DOCUMENT_BYTES}: it must fit memory several times. Group by fewer distinct keys, or write records and use another assembler.`,
    details: { bytes: text.length, limit: MAX_DOCUMENT_BYTES },
  });
}

async function prepare<Table>(parts: ReduceParts<Table>, work: AssemblerWork, state: Value): Promise<Prepared> {
  const reducer = parts.reducerOf(work.app.name, work.app.params);
  const saved = state as Saved | null;
  if (saved && "final" in saved) return { done: true, state };
  const tree = new Tree(reducer, await loadNodes(work, reducer, saved));
  let skip = saved?.result ?? 0;
  let progress = false;
  for await (const { n, results } of work.results(saved?.batch ?? 0)) {
    let index = skip;
    for await (const window of readWindows(work.objects, results.slice(skip))) {
      if (progress && work.budget.remaining() <= 0) {
        return { done: false, state: await saveNodes(work, reducer, tree, n, index) };
      }
      for (const { result, bytes } of window) {
        if (!bytes) throw tooLarge(result.ordinal, result.extent.to - result.extent.from);
        tree.add(result.ordinal, reducer.parse(new TextDecoder().decode(bytes)));
        index++;
      }
      progress = true;
    }
    skip = 0;
  }
  const final = checkSize(reducer.serialise(tree.end()), "The merged accumulator");
  const place = work.scratch("final.json");
  await work.objects.put(place, final);
  return { done: true, state: { final: place.key } };
}

const tooLarge = (ordinal: number, bytes: number): JobJobError =>
  new JobJobError({
    code: "ACCUMULATOR_TOO_LARGE",
    message: `Task ${ordinal}'s accumulator has ${bytes} bytes, over the limit of 8 MiB per task; make the chunks smaller, or group by fewer distinct keys.`,
    details: { ordinal, bytes },
  });

async function saveNodes<Table>(
  work: AssemblerWork,
  reducer: TreeReducer<Table>,
  tree: Tree<Table>,
  batch: number,
  result: number,
): Promise<Value> {
  const nodes: (readonly [number, string] | null)[] = [];
  for (const [level, node] of tree.levels.entries()) {
    if (!node) {
      nodes.push(null);
      continue;
    }
    const place = work.scratch(`level-${level}.json`);
    await work.objects.put(place, checkSize(reducer.serialise(node.accumulator), "An intermediate accumulator"));
    nodes.push([node.index, place.key]);
  }
  return { batch, result, nodes };
}

async function loadNodes<Table>(
  work: AssemblerWork,
  reducer: TreeReducer<Table>,
  saved: Exclude<Saved, { final: string }> | null,
): Promise<(Node | undefined)[]> {
  const nodes: (Node | undefined)[] = [];
  for (const node of saved?.nodes ?? []) {
    if (!node) {
      nodes.push(undefined);
      continue;
    }
    const [index, key] = node;
    nodes.push({ index, accumulator: reducer.parse(await readText(work, key)) });
  }
  return nodes;
}

const readText = async (work: AssemblerWork, key: string): Promise<string> =>
  new TextDecoder().decode(await work.objects.get({ ...work.scratch(""), key }));

async function* table<Table>(
  parts: ReduceParts<Table>,
  work: AssemblerWork,
  state: Value,
  at: Value | undefined,
): AsyncGenerator<PositionedSegment> {
  const reducer = parts.reducerOf(work.app.name, work.app.params);
  const { final } = state as { final: string };
  const finished = reducer.finish(reducer.parse(await readText(work, final)));
  const from = Number(at ?? 0);
  let piece = 0;
  for (const text of parts.tableText(finished, formatOf(work.params))) {
    if (piece >= from) yield { segment: { literal: new TextEncoder().encode(text) }, at: piece };
    piece++;
  }
}

function formatOf(params: AssemblerWork["params"]): keyof typeof CONTENT_TYPES {
  const { format } = params;
  return format === "ndjson" || format === "json" ? format : "csv";
}

export const reduceEngine = <Table>(parts: ReduceParts<Table>): AssemblerEngine => ({
  shape: "one",
  contentType: (params) => CONTENT_TYPES[formatOf(params)],
  prepare: (work, state) => prepare(parts, work, state),
  source: (work, state) => ({ open: (at) => table(parts, work, state, at) }),
});
