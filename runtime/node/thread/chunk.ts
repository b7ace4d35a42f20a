import { spanNumbers } from "../../../core/chunks/index.ts";
import type { InputFormat } from "../../../core/contracts/parts.ts";
import { readCsvHeader } from "../../../core/records/index.ts";
import { type Chunk, type ChunkObject, type Content, PermanentError } from "../contract.ts";
import { CHUNK, type TaskSpec } from "../messages.ts";
import { type Block, BlockContent, type ContentOptions } from "./content.ts";

export interface ChunkOptions extends Pick<ContentOptions, "reject" | "temporaryFile"> {
  readonly input: InputFormat;
  readonly blocks: (object: number) => AsyncIterable<Block>;
}

/** The chunk of a task as its app sees it. */
export function makeChunk(spec: TaskSpec, options: ChunkOptions): Chunk {
  const { input, blocks } = options;
  const columns = spec.header === null ? null : headerColumns(spec.header, input.delimiter ?? ",");
  const content = (object: number, headerInside: boolean): Content =>
    new BlockContent({ ...options, columns, headerInside, blocks: () => blocks(object) });
  const objects = spec.objects.map(({ key, size }, number): ChunkObject => {
    return { key, size, ...methodsOf(content(number, input.header === true)) };
  });
  const numbers = () => taskNumbers(spec.ranges, spec.replica);
  const generated = spec.ranges.length > 0 || (spec.replica !== null && spec.source === null);
  const own =
    objects.length > 0
      ? setContent(objects)
      : generated
        ? new BlockContent({ ...options, columns: null, headerInside: false, blocks: () => numberLines(numbers()) })
        : content(CHUNK, spec.headerInside);
  return {
    index: spec.ordinal,
    size: spec.size,
    columns,
    format: input.format,
    delimiter: input.delimiter ?? ",",
    source: spec.source,
    objects,
    ranges: spec.ranges,
    numbers,
    ...methodsOf(own),
  };
}

/** Methods on a prototype would be lost where an app spreads its chunk. */
function methodsOf(content: Content): Content {
  return {
    bytes: () => content.bytes(),
    text: () => content.text(),
    lines: () => content.lines(),
    records: () => content.records(),
    rows: () => content.rows(),
    file: () => content.file(),
  };
}

/** Records of all objects, one object after the other; bytes only of each. */
function setContent(objects: readonly ChunkObject[]): Content {
  const refuse = (what: string): never => {
    throw new PermanentError(`This chunk is a set of ${objects.length} objects: use ${what} of each of chunk.objects.`);
  };
  return {
    bytes: () => refuse("bytes()"),
    text: () => refuse("text()"),
    file: () => refuse("file()"),
    lines: () => chain(objects, (object) => object.lines()),
    records: () => chain(objects, (object) => object.records()),
    rows: () => chain(objects, (object) => object.rows()),
  };
}

async function* chain<T>(objects: readonly ChunkObject[], read: (object: ChunkObject) => AsyncIterable<T>) {
  for (const object of objects) yield* read(object);
}

function* taskNumbers(ranges: TaskSpec["ranges"], replica: number | null): Generator<number> {
  yield* spanNumbers(ranges);
  if (replica !== null) yield replica;
}

const LINES_A_BLOCK = 8_192;

async function* numberLines(numbers: Iterable<number>): AsyncGenerator<Block> {
  let text = "";
  let lines = 0;
  let offset = 0;
  const block = (): Block => {
    const bytes = Buffer.from(text);
    const made = { bytes, offset, release: () => undefined };
    offset += bytes.length;
    text = "";
    lines = 0;
    return made;
  };
  for (const n of numbers) {
    text += `${n}\n`;
    if (++lines === LINES_A_BLOCK) yield block();
  }
  if (lines > 0) yield block();
}

let known: { text: string; delimiter: string; names: readonly string[] } | undefined;

/** Names of the columns; neighbouring tasks share a source, so the last answer is kept. */
function headerColumns(text: string, delimiter: string): readonly string[] {
  if (known?.text !== text || known.delimiter !== delimiter) {
    const header = readCsvHeader(Buffer.from(`${text}\n`), { atEnd: true, delimiter });
    known = { text, delimiter, names: header === null || header === "more" ? [] : header.names };
  }
  return known.names;
}
