import type { InputFormat } from "../contracts/parts.ts";
import { decodeUtf8, readCsvHeader, textStart } from "../records/index.ts";

/** What the first bytes of a text source say. */
export interface TextHead {
  /** Where the records begin: 0, or behind a CSV header; the size when there is no record. */
  readonly start: number;
  /** csv: the header's text, without terminator. */
  readonly header: string | null;
}

/** Most headers end within this; a longer one takes more reads, each four times as long as all before. */
const HEAD_BYTES = 1_024;
/** Enough for gzip's magic and any byte order mark. */
const MAGIC_BYTES = 4;

/**
 * Looks at a source with reads as small as can be.
 * @param read gives [from, to) of the source, `to` ≤ size
 * @returns `gzip` when it must be unpacked first
 * @throws JobJobError UNSUPPORTED_ENCODING, CSV_HEADER, INVALID_UTF8, RECORD_TOO_LARGE, CSV_UNTERMINATED_QUOTE
 */
export async function probeText(
  read: (from: number, to: number) => Promise<Uint8Array>,
  size: number,
  input: InputFormat,
): Promise<TextHead | "gzip"> {
  if (size === 0) return { start: 0, header: null };
  const withHeader = input.format === "csv" && input.header !== false;
  let head = await read(0, Math.min(size, withHeader ? HEAD_BYTES : MAGIC_BYTES));
  if (isGzip(head)) return "gzip";
  textStart(head);
  if (!withHeader) return { start: 0, header: null };
  for (;;) {
    const { delimiter, maxRecordBytes } = input;
    const found = readCsvHeader(head, { atEnd: head.length >= size, delimiter, maxRecordBytes });
    if (found === null) return { start: size, header: null };
    if (found !== "more") {
      const text = decodeUtf8(head.subarray(found.start, found.end), found.start);
      return { start: found.end, header: text.replace(/\r?\n$/, "") };
    }
    head = Buffer.concat([head, await read(head.length, Math.min(size, head.length * 4))]);
  }
}

/** RFC 1952: two magic bytes, and 8 = deflate, the only method there is. */
function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b && head[2] === 8;
}
