import { JobJobError } from "../errors.ts";

/** A quoted field that the file never closes. Offsets in bytes, from the start of the file. */
export function unterminatedQuote(recordStart: number): JobJobError {
  return new JobJobError({
    code: "CSV_UNTERMINATED_QUOTE",
    message: `The CSV record that starts at byte ${recordStart} opens a quoted field and never closes it; close the quote, or double it if it's text.`,
    details: { offset: recordStart },
  });
}

export function recordTooLarge(offset: number, maxRecordBytes: number): JobJobError {
  return new JobJobError({
    code: "RECORD_TOO_LARGE",
    message: `The record that starts at byte ${offset} is longer than ${maxRecordBytes} bytes; check the format and its quotes (one that is never closed swallows what follows), or split the source by \`bytes\`.`,
    details: { offset, maxRecordBytes },
  });
}

export function unsupportedEncoding(name: string): JobJobError {
  return new JobJobError({
    code: "UNSUPPORTED_ENCODING",
    message: `The source begins with the byte order mark of ${name}; only UTF-8 text is split into records: convert it to UTF-8 first.`,
    details: { offset: 0, encoding: name },
  });
}
