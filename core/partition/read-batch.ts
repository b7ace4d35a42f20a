import { type ChunkLine, chunkLine, type SourceLine, sourceLine } from "../contracts/chunk-index.ts";
import type { BatchPlace } from "../contracts/workflow.ts";
import { malformed, parseJson } from "../objects/json.ts";
import type { ObjectStore, Place } from "../ports/index.ts";
import { splitLines } from "./json-lines.ts";

/** Bytes of the table of sources that are fetched at once, and that are kept: a batch of big sets may need a gigabyte. */
const WINDOW = 1024 * 1024;
const KEPT = 4 * WINDOW;

export interface BatchLines {
  /** lines[o] = the batch's task o (relative ordinal). */
  readonly lines: readonly ChunkLine[];
  /**
   * The objects that a chunk points into, in order; none for a generator's chunk. They are fetched when first asked for:
   * all in one GET where they are few, else window by window, cheapest in rising order of the chunks.
   */
  sources(line: ChunkLine): Promise<readonly SourceLine[]>;
}

/**
 * The lines of one batch: one GET, and one more when a source is asked for.
 * @param keys full keys in `bucket` (the work spec's, or chunks.json's `index` and `sourcesKey`)
 * @throws JobJobError SCRATCH_MALFORMED, and those of the store
 */
export async function readChunkLines(
  objects: ObjectStore,
  bucket: string,
  keys: { readonly index: string; readonly sources: string | null },
  place: BatchPlace,
): Promise<BatchLines> {
  const index = { bucket, key: keys.index };
  const [from, to] = place.index;
  const { lines } = splitLines(await objects.get(index, { range: { from, to } }), from);
  if (lines.length !== place.count)
    throw malformed(index, `${lines.length} lines where batch ${place.n} has ${place.count}`);
  const table =
    keys.sources === null || place.sources === null
      ? undefined
      : new SourceWindow(objects, { bucket, key: keys.sources }, place.sources);
  return {
    lines: lines.map(({ text }) => parseJson(chunkLine, text, index)),
    sources: async (line) => {
      const wanted = sourcesOf(line);
      if (!wanted) return [];
      if (!table) throw malformed(index, `batch ${place.n} points at sources, but the job has none`);
      return table.get(wanted.first, wanted.count);
    },
  };
}

/** Which rows of the table of sources a chunk needs; null for a generator's. */
export function sourcesOf(line: ChunkLine): { readonly first: number; readonly count: number } | null {
  if ("n" in line) return { first: line.s, count: line.n };
  if ("s" in line && line.s !== undefined) return { first: line.s, count: 1 };
  return null;
}

/** A range of the table of sources, read forwards in windows; asked for an earlier row than it keeps, it starts again. */
class SourceWindow {
  readonly #objects: ObjectStore;
  readonly #place: Place;
  readonly #range: readonly [first: number, from: number, to: number];
  #base: number;
  #rows: string[] = [];
  #held = 0;
  #next: number;
  #rest: Buffer = Buffer.alloc(0);
  #turn: Promise<unknown> = Promise.resolve();

  constructor(objects: ObjectStore, place: Place, range: readonly [number, number, number]) {
    this.#objects = objects;
    this.#place = place;
    this.#range = range;
    this.#base = range[0];
    this.#next = range[1];
  }

  /** Calls take turns: tasks that run side by side share the window. */
  get(first: number, count: number): Promise<readonly SourceLine[]> {
    const answer = this.#turn.then(() => this.#read(first, count));
    this.#turn = answer.catch(() => undefined); // whoever asked gets the error; the next one tries for itself
    return answer;
  }

  async #read(first: number, count: number): Promise<readonly SourceLine[]> {
    if (first < this.#base) this.#restart();
    while (this.#base + this.#rows.length < first + count) await this.#more(first);
    const at = first - this.#base;
    return this.#rows.slice(at, at + count).map((row) => parseJson(sourceLine, row, this.#place));
  }

  async #more(keepFrom: number): Promise<void> {
    const to = this.#range[2];
    if (this.#next >= to) throw malformed(this.#place, `source ${this.#base + this.#rows.length} is missing`);
    if (this.#held > KEPT) this.#drop(keepFrom);
    const end = to - this.#next <= KEPT ? to : this.#next + WINDOW;
    const bytes = await this.#objects.get(this.#place, { range: { from: this.#next, to: end } });
    const { lines, rest } = splitLines(Buffer.concat([this.#rest, bytes]), 0);
    this.#next = end;
    this.#rest = rest;
    this.#held += bytes.length;
    for (const { text } of lines) this.#rows.push(text);
  }

  #drop(before: number): void {
    const gone = this.#rows.splice(0, Math.max(0, before - this.#base));
    this.#base += gone.length;
    for (const row of gone) this.#held -= row.length;
  }

  #restart(): void {
    this.#base = this.#range[0];
    this.#next = this.#range[1];
    this.#rows = [];
    this.#held = 0;
    this.#rest = Buffer.alloc(0);
  }
}
