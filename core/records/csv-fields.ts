import { JobJobError } from "../errors.ts";
import { CR, LF } from "./bytes.ts";
import { unterminatedQuote } from "./record-errors.ts";

const QUOTE_CODE = 0x22;

/**
 * The fields of one CSV record (its text without terminator). A field that starts with a quote is quoted, doubled quotes
 * inside it stand for one, and what follows its closing quote is literal up to the delimiter; any other quote is literal.
 * @param offset file offset of the record, for the error
 */
export function splitFields(text: string, delimiter: string, offset: number): string[] {
  // Quote-free records are the common case, and a plain split is the fastest there is.
  if (!text.includes('"')) return text.split(delimiter);
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let value = "";
    if (text.charCodeAt(at) === QUOTE_CODE) {
      at++;
      for (;;) {
        const quote = text.indexOf('"', at);
        if (quote < 0) throw unterminatedQuote(offset);
        value += text.slice(at, quote);
        at = quote + 1;
        if (text.charCodeAt(at) !== QUOTE_CODE) break;
        value += '"';
        at++;
      }
    }
    const end = text.indexOf(delimiter, at);
    if (end < 0) {
      fields.push(value + text.slice(at));
      return fields;
    }
    fields.push(end === at ? value : value + text.slice(at, end));
    at = end + 1;
  }
}

/**
 * One record as CSV text (RFC 4180), without a newline at its end; a reader gets identical fields back. A record of one
 * empty field is written `""`, lest it become an empty line, which is no record. A leading U+FEFF is quoted, lest it be
 * taken for a byte order mark.
 * @throws JobJobError INVALID_RECORD for a record without fields: CSV can't express it
 */
export function formatCsvRecord(fields: readonly string[], delimiter = ","): string {
  if (fields.length === 0) {
    throw new JobJobError({
      code: "INVALID_RECORD",
      message: 'A CSV record needs at least one field; write [""] for an empty one, or leave the record out.',
    });
  }
  if (fields.length === 1 && fields[0] === "") return '""';
  let text = quoted(fields[0] ?? "", delimiter);
  for (let i = 1; i < fields.length; i++) text += delimiter + quoted(fields[i] ?? "", delimiter);
  return text;
}

/** Up to here looking at each character is faster than four searches. */
const SHORT = 24;

function quoted(field: string, delimiter: string): string {
  const { length } = field;
  if (length > SHORT || field.charCodeAt(0) === 0xfeff) return longQuoted(field, delimiter);
  const divider = delimiter.charCodeAt(0);
  for (let i = 0; i < length; i++) {
    const code = field.charCodeAt(i);
    if (code === divider || code === QUOTE_CODE || code === LF || code === CR) return longQuoted(field, delimiter);
  }
  return field;
}

function longQuoted(field: string, delimiter: string): string {
  if (field.includes('"')) return `"${field.replaceAll('"', '""')}"`;
  const plain =
    !field.includes(delimiter) && !field.includes("\n") && !field.includes("\r") && field.charCodeAt(0) !== 0xfeff;
  return plain ? field : `"${field}"`;
}
