import { isUtf8 } from "node:buffer";
import { JobJobError } from "../errors.ts";
import { asBuffer } from "./bytes.ts";
import { unsupportedEncoding } from "./record-errors.ts";

/** A head shorter than this may still grow into a byte order mark. */
export const MARK_BYTES = 4;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * Where the text of a file begins: 3 behind a UTF-8 byte order mark, else 0.
 * @param head the file's first bytes, at least 4 unless the file is shorter
 * @throws JobJobError UNSUPPORTED_ENCODING for a mark of UTF-16 or UTF-32
 */
export function textStart(head: Uint8Array): number {
  const [a, b, c, d] = head;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 3;
  if (a === 0xff && b === 0xfe) throw unsupportedEncoding(c === 0 && d === 0 ? "UTF-32" : "UTF-16");
  if (a === 0xfe && b === 0xff) throw unsupportedEncoding("UTF-16");
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) throw unsupportedEncoding("UTF-32");
  return 0;
}

/**
 * For those who follow CSV quotes without cutting records: the index behind what block[at…] holds of a byte order mark at
 * offset 0 (`base` = file offset of block[0]), since the first field, which may open a quote, begins behind it. Blocks may
 * be of one byte. A first byte of a UTF-16 mark can't be UTF-8.
 * @throws JobJobError UNSUPPORTED_ENCODING
 */
export function skipMark(block: Buffer, at: number, base: number): number {
  let index = at;
  for (; base + index < BYTE_ORDER_MARK.length && index < block.length; index++) {
    const byte = block[index];
    if (base + index === 0 && (byte === 0xff || byte === 0xfe)) throw unsupportedEncoding("UTF-16");
    if (byte !== BYTE_ORDER_MARK[base + index]) break;
  }
  return index;
}

/** Index of the first byte that can't be part of well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates), or -1. */
export function firstInvalidUtf8(bytes: Uint8Array): number {
  const size = bytes.length;
  let at = 0;
  while (at < size) {
    const lead = bytes[at] ?? 0;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length === 0) return at;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    for (let i = 1; i < length; i++) {
      const next = bytes[at + i] ?? 0;
      if (next < (i === 1 ? low : 0x80) || next > (i === 1 ? high : 0xbf)) return at;
    }
    at += length;
  }
  return -1;
}

/**
 * Strict text of bytes[start, end).
 * The replacement character appears in the text either because it stands in the bytes or because they are broken: only
 * then is a second look needed, so that good text costs one decoding and one search.
 * @param offset file offset of bytes[start]
 * @throws JobJobError INVALID_UTF8 with the offset of the first broken byte
 */
export function decodeRange(bytes: Buffer, start: number, end: number, offset: number): string {
  const text = bytes.toString("utf8", start, end);
  if (!text.includes("\uFFFD")) return text;
  const slice = bytes.subarray(start, end);
  if (isUtf8(slice)) return text;
  const at = offset + Math.max(0, firstInvalidUtf8(slice));
  throw new JobJobError({
    code: "INVALID_UTF8",
    message: `Byte ${at} of the source is not valid UTF-8; convert the file to UTF-8 (for example with iconv), or use a partitioner and app that take bytes.`,
    details: { offset: at },
  });
}

/** Strict text of whole bytes; `offset` = file offset of bytes[0]. @throws JobJobError INVALID_UTF8 */
export function decodeUtf8(bytes: Uint8Array, offset: number): string {
  return decodeRange(asBuffer(bytes), 0, bytes.length, offset);
}
