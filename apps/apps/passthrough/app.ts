import { formatCsvRecord } from "../../../core/records/index.ts";
import { type Chunk, defineApp } from "../../../runtime/node/contract.ts";
import { passthroughParams } from "./info.ts";

export const passthroughApp = defineApp({
  params: passthroughParams,
  async run(chunk, { results }) {
    for (const object of chunk.objects) await results.write(fileName(object.key), object.bytes());
    if (chunk.objects.length === 0) await results.write(nameFor(chunk), content(chunk));
  },
});

async function* content(chunk: Chunk): AsyncGenerator<Uint8Array> {
  // A chunk of CSV begins behind the header; with it the result is a CSV file of its own.
  if (chunk.columns) yield Buffer.from(`${formatCsvRecord(chunk.columns, chunk.delimiter)}\n`);
  yield* chunk.bytes();
}

/** S3 keys may be what no file name may: empty, "." and ".." parts, control characters. */
function fileName(key: string): string {
  const parts = key.replaceAll(/\p{Cc}/gu, "_").split("/");
  return parts.map((part) => (part === "" || part === "." || part === ".." ? "_" : part)).join("/");
}

/** `data` with the extension of its source. */
function nameFor(chunk: Chunk): string {
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(chunk.source ?? ".txt")?.[0] ?? ".bin";
  return `data${extension}`;
}
