import { JobJobError } from "../errors.ts";
import { type Bulk, BulkFields, BulkLines, type BulkSink } from "./bulk.ts";
import { DEFAULT_MAX_RECORD_BYTES, type TextFormat } from "./bytes.ts";
import { splitFields } from "./csv-fields.ts";
import { checkDelimiter } from "./delimiter.ts";
import { decodeRange } from "./encoding.ts";
import { parseJson } from "./json-value.ts";
import { type RecordSink, type RecordSlice, RecordSplitter } from "./splitter.ts";

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

/** Lines as text, without their terminators. @throws JobJobError INVALID_UTF8, RECORD_TOO_LARGE, UNSUPPORTED_ENCODING */
export function lineReader(options: ReaderOptions = {}): RecordReader<string> {
  return reader<string>("lines", options, (keep, max) => ({ one: keep, bulk: new BulkLines("lines", max, keep) }));
}

/**
 * CSV records as their fields, none of them taken for a header: chunks begin behind it.
 * @throws JobJobError CSV_UNTERMINATED_QUOTE, INVALID_UTF8, RECORD_TOO_LARGE, UNSUPPORTED_ENCODING
 */
export function csvReader(options: ReaderOptions = {}): RecordReader<string[]> {
  const delimiter = checkDelimiter(options.delimiter);
  return reader<string[]>("csv", options, (keep, max) => ({
    one: (text, offset) => keep(splitFields(text, delimiter, offset), offset),
    bulk: new BulkFields(delimiter, max, keep),
  }));
}

/** One JSON value a line. @throws JobJobError INVALID_JSON, INVALID_UTF8, RECORD_TOO_LARGE, UNSUPPORTED_ENCODING */
export function ndjsonReader(options: NdjsonReaderOptions = {}): RecordReader<unknown> {
  const { reject } = options;
  return reader<unknown>("ndjson", options, (keep, max) => {
    const one = (text: string, offset: number): void => {
      let value: unknown;
      try {
        value = parseJson(text, offset);
      } catch (error) {
        if (!reject || !(error instanceof JobJobError)) throw error;
        reject(error, text);
        return;
      }
      keep(value, offset);
    };
    return { one, bulk: new BulkLines("ndjson", max, one) };
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

interface Decoders {
  /** Takes the text of a record that lies across blocks. */
  readonly one: BulkSink<string>;
  /** Takes the others. */
  readonly bulk: Bulk;
}

function reader<T>(
  format: TextFormat,
  options: ReaderOptions,
  decoders: (keep: BulkSink<T>, maxRecordBytes: number) => Decoders,
): RecordReader<T> {
  const { offset, delimiter, maxRecordBytes = DEFAULT_MAX_RECORD_BYTES } = options;
  const splitter = new RecordSplitter({ format, offset, delimiter, maxRecordBytes });
  let found: Decoded<T>[] = [];
  const { one, bulk } = decoders((value, at) => {
    found.push({ value, offset: at });
  }, maxRecordBytes);
  const sink: RecordSink = (bytes, start, end, at) => one(decodeRange(bytes, start, end, at), at);
  const take = (): Decoded<T>[] => {
    const taken = found;
    found = [];
    return taken;
  };
  return {
    push(block) {
      splitter.scan(block, sink, bulk);
      return take();
    },
    end() {
      splitter.finish(sink);
      return take();
    },
  };
}
