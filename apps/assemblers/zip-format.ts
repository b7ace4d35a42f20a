/** Records of the ZIP format (PKWARE APPNOTE 6.3): stored entries with UTF-8 names, zip64 only where 32 bits don't do. */
const UTF8_NAMES = 0x0800;
const STORED = 0;
/** 1 January 1980, 00:00: the same input gives the same bytes at any time. */
const DOS_DATE = 0x0021;
const MAX_32 = 0xffffffff;
const MAX_16 = 0xffff;
const VERSION = 20;
const VERSION_ZIP64 = 45;
const MADE_BY_UNIX = 3 << 8;
/** -rw-r--r-- of a regular file, in the upper half. */
const ATTRIBUTES = 0o100644 * 0x10000;

export interface ZipEntry {
  readonly name: string;
  readonly crc: number;
  /** Bytes. */
  readonly size: number;
  /** Of its local header in the archive. */
  readonly offset: number;
}

type Field = readonly [bytes: 2 | 4 | 8, value: number];

function record(fields: readonly Field[], ...tails: readonly Uint8Array[]): Uint8Array {
  const head = Buffer.alloc(fields.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of fields) {
    if (bytes === 2) head.writeUInt16LE(value, at);
    else if (bytes === 4) head.writeUInt32LE(value, at);
    else head.writeBigUInt64LE(BigInt(value), at);
    at += bytes;
  }
  return Buffer.concat([head, ...tails]);
}

const clamp32 = (value: number): number => Math.min(value, MAX_32);

/** The extra field with those values that don't fit 32 bits; empty when all do. */
function zip64Extra(values: readonly number[]): Uint8Array {
  if (values.length === 0) return new Uint8Array();
  return record([[2, 1], [2, values.length * 8], ...values.map((value): Field => [8, value])]);
}

/** Stands before the entry's data. */
export function localHeader({ name, crc, size }: Omit<ZipEntry, "offset">): Uint8Array {
  const nameBytes = new TextEncoder().encode(name);
  const extra = zip64Extra(size >= MAX_32 ? [size, size] : []);
  return record(
    [
      [4, 0x04034b50],
      [2, extra.length > 0 ? VERSION_ZIP64 : VERSION],
      [2, UTF8_NAMES],
      [2, STORED],
      [2, 0],
      [2, DOS_DATE],
      [4, crc],
      [4, clamp32(size)],
      [4, clamp32(size)],
      [2, nameBytes.length],
      [2, extra.length],
    ],
    nameBytes,
    extra,
  );
}

/** The entry in the central directory. */
export function directoryEntry({ name, crc, size, offset }: ZipEntry): Uint8Array {
  const nameBytes = new TextEncoder().encode(name);
  const extra = zip64Extra([...(size >= MAX_32 ? [size, size] : []), ...(offset >= MAX_32 ? [offset] : [])]);
  const version = extra.length > 0 ? VERSION_ZIP64 : VERSION;
  return record(
    [
      [4, 0x02014b50],
      [2, MADE_BY_UNIX | version],
      [2, version],
      [2, UTF8_NAMES],
      [2, STORED],
      [2, 0],
      [2, DOS_DATE],
      [4, crc],
      [4, clamp32(size)],
      [4, clamp32(size)],
      [2, nameBytes.length],
      [2, extra.length],
      [2, 0],
      [2, 0],
      [2, 0],
      [4, ATTRIBUTES],
      [4, clamp32(offset)],
    ],
    nameBytes,
    extra,
  );
}

/** The archive's end. @param from offset of the central directory @param to offset behind it */
export function archiveEnd(entries: number, from: number, to: number): Uint8Array {
  const size = to - from;
  const large = entries >= MAX_16 || size >= MAX_32 || from >= MAX_32;
  const zip64 = record([
    [4, 0x06064b50],
    [8, 44],
    [2, MADE_BY_UNIX | VERSION_ZIP64],
    [2, VERSION_ZIP64],
    [4, 0],
    [4, 0],
    [8, entries],
    [8, entries],
    [8, size],
    [8, from],
  ]);
  const locator = record([
    [4, 0x07064b50],
    [4, 0],
    [8, to],
    [4, 1],
  ]);
  const end = record([
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, Math.min(entries, MAX_16)],
    [2, Math.min(entries, MAX_16)],
    [4, clamp32(size)],
    [4, clamp32(from)],
    [2, 0],
  ]);
  return large ? Buffer.concat([zip64, locator, end]) : end;
}
