import { createHash } from "node:crypto";
import { type Chunk, defineApp, RecordSet } from "../../../runtime/node/contract.ts";
import { CHECKSUM_COLUMNS, checksumParams } from "./info.ts";

export const checksumApp = defineApp({
  params: checksumParams,
  run: (chunk) => new RecordSet(CHECKSUM_COLUMNS, rows(chunk)),
});

async function* rows(chunk: Chunk): AsyncGenerator<readonly unknown[]> {
  for (const object of chunk.objects) yield [object.key, ...(await digest(object.bytes()))];
  // A range of bytes: its sum is that of the range.
  if (chunk.objects.length === 0) yield [chunk.source ?? "", ...(await digest(chunk.bytes()))];
}

async function digest(bytes: AsyncIterable<Uint8Array>): Promise<readonly [size: number, sha256: string]> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const block of bytes) {
    hash.update(block);
    size += block.length;
  }
  return [size, hash.digest("hex")];
}
