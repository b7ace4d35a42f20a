import { JobJobError } from "../errors.ts";
import { asBuffer, DEFAULT_MAX_RECORD_BYTES } from "./bytes.ts";
import { checkDelimiter } from "./delimiter.ts";
import { MARK_BYTES, textStart } from "./encoding.ts";
import { recordFields } from "./readers.ts";
import { recordTooLarge } from "./record-errors.ts";
import { type RecordSlice, RecordSplitter } from "./splitter.ts";

export interface CsvHeader {
  /** Column names; the n-th, if it is empty, is called `column_<n>`, n from 1 (exports with an index have one). */
  readonly names: string[];
  /** Offset of the header's first byte: behind a byte order mark and empty lines. */
  readonly start: number;
  /** Offset behind its terminator: here the records begin. */
  readonly end: number;
}

export interface HeaderOptions {
  /** Whether `head` is the whole file. */
  readonly atEnd: boolean;
  /** @default "," */
  readonly delimiter?: string | undefined;
  /** @default 64 MiB */
  readonly maxRecordBytes?: number | undefined;
}

/**
 * The header of a CSV file from its first bytes.
 * @param head the file from offset 0
 * @returns `more` when the header's end is not in `head`: call again with a longer one; null when the file has no record
 * @throws JobJobError CSV_HEADER for a duplicate column, RECORD_TOO_LARGE, CSV_UNTERMINATED_QUOTE, INVALID_UTF8, UNSUPPORTED_ENCODING
 */
export function readCsvHeader(head: Uint8Array, options: HeaderOptions): CsvHeader | null | "more" {
  const { atEnd, maxRecordBytes = DEFAULT_MAX_RECORD_BYTES } = options;
  const bytes = asBuffer(head);
  if (!atEnd && bytes.length < MARK_BYTES) return "more";
  const delimiter = checkDelimiter(options.delimiter);
  const textAt = textStart(bytes);
  const splitter = new RecordSplitter({ format: "csv", offset: textAt, delimiter, maxRecordBytes });
  let record: RecordSlice | undefined;
  // A piece at a time: only the first record is wanted, and the caller may have fetched megabytes.
  for (let at = textAt; at < bytes.length && !record; at += PIECE) {
    [record] = splitter.push(bytes.subarray(at, Math.min(at + PIECE, bytes.length)));
  }
  if (!record && !atEnd) {
    if (bytes.length > maxRecordBytes + PIECE) throw recordTooLarge(textAt, maxRecordBytes);
    return "more";
  }
  record ??= splitter.end()[0];
  if (!record) return null;
  return { names: columnNames(recordFields(record, delimiter)), start: record.offset, end: record.end };
}

const PIECE = 16 * 1024;

function columnNames(fields: readonly string[]): string[] {
  const names: string[] = [];
  const seen = new Map<string, number>();
  for (const [index, field] of fields.entries()) {
    const name = field === "" ? `column_${index + 1}` : field;
    const before = seen.get(name);
    if (before !== undefined) {
      throw new JobJobError({
        code: "CSV_HEADER",
        message: `The header names the column ${JSON.stringify(name)} twice (columns ${before + 1} and ${index + 1}${field === "" ? ", the latter for its empty name" : ""}); give each column a name of its own.`,
        details: { column: name, columns: [before + 1, index + 1] },
      });
    }
    seen.set(name, index);
    names.push(name);
  }
  return names;
}
