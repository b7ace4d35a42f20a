/** Newline: the terminator of every record; a carriage return directly before it belongs to it. */
export const LF = 0x0a;
export const CR = 0x0d;
export const QUOTE = 0x22;

/** How a source is cut and read. `bytes` has no records. */
export type RecordFormat = "bytes" | "lines" | "ndjson" | "csv";
export type TextFormat = Exclude<RecordFormat, "bytes">;

/** A record over this many bytes is refused, so that one wrong quote can't fill a worker's memory: 64 MiB. */
export const DEFAULT_MAX_RECORD_BYTES = 64 * 1024 * 1024;

/** A Buffer on the same memory: only Buffer has the native `indexOf` that scanning stands on. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
