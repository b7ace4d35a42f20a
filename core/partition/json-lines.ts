import { malformed } from "../objects/json.ts";
import type { ObjectStore, Place } from "../ports/index.ts";

const NEWLINE = 0x0a;

/** A line and where it stands: `from` = offset of its first byte in the object, `to` behind its newline. */
export interface TextLine {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Lines of a block of bytes, as far as they are complete; what follows the last newline is left to the caller. */
export function splitLines(bytes: Uint8Array, offset: number): { readonly lines: TextLine[]; readonly rest: Buffer } {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: TextLine[] = [];
  let at = 0;
  for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, at)) {
    lines.push({ from: offset + at, to: offset + end + 1, text: block.toString("utf8", at, end) });
    at = end + 1;
  }
  return { lines, rest: block.subarray(at) };
}

/** The lines of an object from `from` on, as many at a time as a block of the stream holds: a million cost no million promises. */
export async function* readLines(
  objects: ObjectStore,
  place: Place,
  options: { readonly from: number; readonly to: number; readonly etag?: string },
): AsyncGenerator<readonly TextLine[]> {
  let carry: Uint8Array = new Uint8Array();
  let offset = options.from;
  const range = { from: options.from, to: options.to };
  for await (const block of objects.stream(place, { range, ...(options.etag ? { ifMatch: options.etag } : {}) })) {
    const bytes = carry.length === 0 ? block : Buffer.concat([carry, block]);
    const { lines, rest } = splitLines(bytes, offset);
    offset += bytes.length - rest.length;
    carry = Uint8Array.from(rest);
    if (lines.length > 0) yield lines;
  }
  if (carry.length > 0) throw malformed(place, "its last line has no end");
}
