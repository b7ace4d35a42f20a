import { JobJobError } from "../errors.ts";
import type { TextFormat } from "./bytes.ts";
import { splitFields } from "./csv-fields.ts";
import { checkDelimiter } from "./delimiter.ts";
import { decodeRange } from "./encoding.ts";
import { parseJson } from "./json-value.ts";
import { type RecordSlice, RecordSplitter } from "./splitter.ts";

/** A decoded record and the file offset of its first byte. */
export interface Decoded<T> {
  readonly value: T;
  readonly offset: number;
}

/** Blocks in, decoded records out. After an error it must not be used any more. */
export interface RecordReader<T> {
  push(block: Uint8Array): Decoded<T>[];
  end(): Decoded<T>[];
}

export interface ReaderOptions {
  /** File offset of the first byte that will be pushed. A byte order mark is looked for only at 0. @default 0 */
  readonly offset?: number | undefined;
  /** CSV only. @default "," */
  readonly delimiter?: string | undefined;
  /** @default 64 MiB */
  readonly maxRecordBytes?: number | undefined;
}

export interface NdjsonReaderOptions extends ReaderOptions {
  /** Gets each line that is no JSON value, which is then left out; without it the reader throws INVALID_JSON. */
  readonly reject?: ((error: JobJobError, text: string) => void) | undefined;
}

type Decode<T> = (text: string, offset: number) => T;
/** In the place of a value: the record was rejected and is left out. */
const REJECTED = Symbol("rejected");

/** Lines as text, without their terminators. @throws JobJobError INVALID_UTF8, RECORD_TOO_LARGE, UNSUPPORTED_ENCODING */
export function lineReader(options: ReaderOptions = {}): RecordReader<string> {
  return reader("lines", options, (text) => text);
}

/**
 * CSV records as their fields, none of them taken for a header: chunks begin behind it.
 * @throws JobJobError CSV_UNTERMINATED_QUOTE, INVALID_UTF8, RECORD_TOO_LARGE, UNSUPPORTED_ENCODING
 */
export function csvReader(options: ReaderOptions = {}): RecordReader<string[]> {
  const delimiter = checkDelimiter(options.delimiter);
  return reader("csv", options, (text, offset) => splitFields(text, delimiter, offset));
}

/** One JSON value a line. @throws JobJobError INVALID_JSON, INVALID_UTF8, RECORD_TOO_LARGE, UNSUPPORTED_ENCODING */
export function ndjsonReader(options: NdjsonReaderOptions = {}): RecordReader<unknown> {
  const { reject } = options;
  return reader<unknown>("ndjson", options, (text, offset) => {
    try {
      return parseJson(text, offset);
    } catch (error) {
      if (!reject || !(error instanceof JobJobError)) throw error;
      reject(error, text);
      return REJECTED;
    }
  });
}

/** Text of one record. @throws JobJobError INVALID_UTF8 */
export function recordText(record: RecordSlice): string {
  return decodeRange(record.bytes, 0, record.bytes.length, record.offset);
}

/** Fields of one CSV record. @throws JobJobError INVALID_UTF8 */
export function recordFields(record: RecordSlice, delimiter = ","): string[] {
  return splitFields(recordText(record), delimiter, record.offset);
}

/** Value of one NDJSON record. @throws JobJobError INVALID_JSON, INVALID_UTF8 */
export function recordJson(record: RecordSlice): unknown {
  return parseJson(recordText(record), record.offset);
}

function reader<T>(format: TextFormat, options: ReaderOptions, decode: Decode<T | typeof REJECTED>): RecordReader<T> {
  const { offset, delimiter, maxRecordBytes } = options;
  const splitter = new RecordSplitter({ format, offset, delimiter, maxRecordBytes });
  let found: Decoded<T>[] = [];
  const sink = (bytes: Buffer, start: number, end: number, at: number): void => {
    const value = decode(decodeRange(bytes, start, end, at), at);
    if (value !== REJECTED) found.push({ value: value as T, offset: at });
  };
  const take = (): Decoded<T>[] => {
    const taken = found;
    found = [];
    return taken;
  };
  return {
    push(block) {
      splitter.scan(block, sink);
      return take();
    },
    end() {
      splitter.finish(sink);
      return take();
    },
  };
}
