export { DEFAULT_MAX_RECORD_BYTES, type RecordFormat, type TextFormat } from "./bytes.ts";
export { formatCsvRecord } from "./csv-fields.ts";
export { type CsvHeader, type HeaderOptions, readCsvHeader } from "./csv-header.ts";
export { CsvMachine, CsvMode } from "./csv-machine.ts";
export { checkDelimiter } from "./delimiter.ts";
export { decodeUtf8, firstInvalidUtf8, textStart } from "./encoding.ts";
export {
  csvReader,
  type Decoded,
  lineReader,
  type NdjsonReaderOptions,
  ndjsonReader,
  type ReaderOptions,
  type RecordReader,
  recordFields,
  recordJson,
  recordText,
} from "./readers.ts";
export { rowFactory, rowProblem } from "./rows.ts";
export { type RecordSink, type RecordSlice, RecordSplitter, type SplitterOptions } from "./splitter.ts";
