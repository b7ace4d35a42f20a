import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import type { InputFormat } from "../../../core/contracts/parts.ts";
import { toErrorData } from "../../../core/errors.ts";
import {
  csvReader,
  type Decoded,
  decodeUtf8,
  lineReader,
  ndjsonReader,
  type RecordReader,
  readCsvHeader,
  rowFactory,
  rowProblem,
} from "../../../core/records/index.ts";
import { type Content, PermanentError } from "../contract.ts";
import { mapRecords, RecordStream } from "../records.ts";

/** A block of input. Its bytes are valid until `release`, which hands its memory back. */
export interface Block {
  readonly bytes: Uint8Array;
  /** File offset of the first byte. */
  readonly offset: number;
  release(): void;
}

export interface ContentOptions {
  readonly input: InputFormat;
  /** csv: the column names; null without a header. */
  readonly columns: readonly string[] | null;
  /** csv: the content begins with a header record, which is no row and gives the columns. */
  readonly headerInside: boolean;
  readonly blocks: () => AsyncIterable<Block>;
  readonly reject: (item: unknown, reason: string) => void;
  /** A path that nobody else uses, removed when the task ends. */
  readonly temporaryFile: () => string;
}

/** What a chunk and each object of a chunk can be read as. */
export class BlockContent implements Content {
  readonly #options: ContentOptions;
  #opened = false;
  #text: Promise<string> | undefined;
  #file: Promise<string> | undefined;

  constructor(options: ContentOptions) {
    this.#options = options;
  }

  async *bytes(): AsyncGenerator<Uint8Array> {
    for await (const block of this.#blocks()) {
      const copy = Buffer.from(block.bytes);
      block.release();
      yield copy;
    }
  }

  text(): Promise<string> {
    this.#text ??= (async () => {
      const pieces: Uint8Array[] = [];
      let offset = 0;
      for await (const block of this.#blocks()) {
        if (pieces.length === 0) offset = block.offset;
        pieces.push(Buffer.from(block.bytes));
        block.release();
      }
      return decodeUtf8(Buffer.concat(pieces), offset);
    })();
    return this.#text;
  }

  file(): Promise<string> {
    this.#file ??= (async () => {
      const path = this.#options.temporaryFile();
      const stream = createWriteStream(path);
      for await (const bytes of this.bytes()) {
        if (!stream.write(bytes)) await once(stream, "drain");
      }
      stream.end();
      await finished(stream);
      return path;
    })();
    return this.#file;
  }

  lines(): AsyncIterable<string> {
    return this.#stream(
      (offset) => lineReader({ offset, ...this.#limits }),
      (line) => line,
    );
  }

  rows(): AsyncIterable<readonly string[]> {
    const { input, columns, headerInside, reject } = this.#options;
    if (input.format !== "csv") {
      throw new PermanentError(
        `rows() reads CSV, and this chunk is ${input.format}; use records(), or the partitioner csv.`,
      );
    }
    let names = columns;
    let header = headerInside;
    return this.#stream(
      (offset) => csvReader({ offset, delimiter: input.delimiter, ...this.#limits }),
      (fields, offset) => {
        if (header) {
          header = false;
          names = headerNames(fields);
          return LEFT_OUT;
        }
        const problem = names ? rowProblem(names, fields) : null;
        if (problem === null) return fields;
        reject(`record at byte ${offset}`, problem);
        return LEFT_OUT;
      },
    );
  }

  records(): AsyncIterable<Record<string, unknown>> {
    const { input, columns, headerInside, reject } = this.#options;
    if (input.format === "csv") {
      if (columns && !headerInside) return mapRecords(this.rows(), rowFactory(columns));
      // Without names the columns are called by their numbers; a header inside the content names them first.
      let make: ((fields: readonly string[]) => Record<string, string>) | null = null;
      let width = -1;
      let names: readonly string[] | null = null;
      return this.#stream(
        (offset) => csvReader({ offset, delimiter: input.delimiter, ...this.#limits }),
        (fields, offset): Record<string, unknown> | typeof LEFT_OUT => {
          if (headerInside && !names) {
            names = headerNames(fields);
            make = rowFactory(names);
            return LEFT_OUT;
          }
          const problem = names ? rowProblem(names, fields) : null;
          if (problem !== null) {
            reject(`record at byte ${offset}`, problem);
            return LEFT_OUT;
          }
          if (!make || (!names && fields.length !== width)) {
            width = fields.length;
            make = rowFactory(numberedColumns(width));
          }
          return make(fields);
        },
      );
    }
    if (input.format === "ndjson") {
      const onReject = (error: unknown, text: string) => reject(text, toErrorData(error).message);
      return this.#stream(
        (offset) => ndjsonReader({ offset, reject: onReject, ...this.#limits }),
        (value) => value as Record<string, unknown>,
      );
    }
    return mapRecords(this.lines(), (line) => ({ line }));
  }

  get #limits() {
    const { maxRecordBytes } = this.#options.input;
    return maxRecordBytes === undefined ? {} : { maxRecordBytes };
  }

  #stream<T, U>(make: (offset: number) => RecordReader<T>, convert: Convert<T, U>): AsyncIterableIterator<U> {
    return new RecordStream(this.#decode(make, convert));
  }

  /** The records of a block at a time. */
  async *#decode<T, U>(make: (offset: number) => RecordReader<T>, convert: Convert<T, U>): AsyncGenerator<U[]> {
    let reader: RecordReader<T> | undefined;
    for await (const block of this.#blocks()) {
      reader ??= make(block.offset);
      const found = reader.push(block.bytes);
      block.release();
      yield converted(found, convert);
    }
    if (reader) yield converted(reader.end(), convert);
  }

  #blocks(): AsyncIterable<Block> {
    if (this.#opened) {
      throw new PermanentError(
        "The content of a chunk can be read once; keep what you need of it, or use text() or file().",
      );
    }
    this.#opened = true;
    return this.#options.blocks();
  }
}

/** column_1, column_2, … as for empty names in a header. */
export function numberedColumns(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `column_${i + 1}`);
}

/** The rules for names of a header stand in `readCsvHeader`; here its fields are already apart. */
function headerNames(fields: readonly string[]): readonly string[] {
  const quoted = fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
  const header = readCsvHeader(Buffer.from(`${quoted}\n`), { atEnd: true });
  return header === null || header === "more" ? [] : header.names;
}

const LEFT_OUT = Symbol("left out");

type Convert<T, U> = (value: T, offset: number) => U | typeof LEFT_OUT;

function converted<T, U>(found: readonly Decoded<T>[], convert: Convert<T, U>): U[] {
  const made: U[] = [];
  for (const { value, offset } of found) {
    const one = convert(value, offset);
    if (one !== LEFT_OUT) made.push(one);
  }
  return made;
}
