import type { ObjectInfo, ObjectStore } from "../ports/index.ts";
import { gunzip } from "./gunzip.ts";
import type { PartitionMethod } from "./method.ts";
import { probeText, type TextHead } from "./probe.ts";
import { readSource } from "./read-source.ts";

/** A source as its chunks see it: unpacked, but without a copy. */
export interface RehearsedText {
  readonly row: { readonly size: number; readonly start: number };
  /** False when the size is only what was unpacked in time. */
  readonly whole: boolean;
  readonly read: (from: number) => AsyncIterable<Uint8Array>;
}

export interface TextReader {
  readonly objects: ObjectStore;
  /** Counts the bytes that are read of the input. */
  counted(blocks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  mayReadOn(): boolean;
}

/** Most of an unpacked source that is kept to find its header in. */
const HEAD_LIMIT = 1024 * 1024;

export function plainText(reader: TextReader, object: ObjectInfo, head: TextHead | null): RehearsedText {
  const read = (from: number) => reader.counted(readSource(reader.objects, object, from));
  return { row: { size: object.size, start: head?.start ?? 0 }, whole: true, read };
}

/** A packed source is unpacked twice rather than kept: once for its size and head, once more if it's to be scanned. */
export async function packedText(
  reader: TextReader,
  object: ObjectInfo,
  method: PartitionMethod,
): Promise<RehearsedText> {
  const unpacked = () => gunzip(reader.counted(readSource(reader.objects, object)));
  const kept: Uint8Array[] = [];
  let size = 0;
  let whole = true;
  for await (const block of unpacked()) {
    if (size < HEAD_LIMIT) kept.push(block);
    size += block.length;
    if (reader.mayReadOn()) continue;
    whole = false;
    break;
  }
  const start = await startOf(Buffer.concat(kept), method);
  return { row: { size, start }, whole, read: (from) => skip(unpacked(), from, size) };
}

async function startOf(head: Buffer, method: PartitionMethod): Promise<number> {
  if (method.kind !== "records") return 0;
  const found = await probeText(async (from, to) => head.subarray(from, to), head.length, method.input);
  return found === "gzip" ? 0 : found.start;
}

async function* skip(blocks: AsyncIterable<Uint8Array>, from: number, to: number): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const block of blocks) {
    const part = block.subarray(Math.max(0, from - at), Math.max(0, to - at));
    at += block.length;
    if (part.length > 0) yield part;
    if (at >= to) return;
  }
}
