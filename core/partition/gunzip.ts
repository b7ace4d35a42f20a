import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { JobJobError } from "../errors.ts";

/**
 * The unpacked bytes of a gzip stream (all its members), with backpressure; memory is a few blocks.
 * @throws JobJobError GZIP_BROKEN, and whatever the source throws
 */
export async function* gunzip(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unpacked = createGunzip({ chunkSize: 256 * 1024 });
  // A failure ends the iteration below, where it is met; the callback only keeps it from being unhandled.
  pipeline(Readable.from(source, { objectMode: true }), unpacked, () => undefined);
  try {
    for await (const block of unpacked) yield block as Uint8Array;
  } catch (error) {
    throw isZlibError(error) ? gzipBroken(error) : error;
  } finally {
    unpacked.destroy();
  }
}

const isZlibError = (error: unknown): boolean =>
  error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("Z_");

function gzipBroken(cause: unknown): JobJobError {
  return new JobJobError({
    code: "GZIP_BROKEN",
    message: `It begins like gzip but can't be unpacked (${cause instanceof Error ? cause.message : String(cause)}); upload it again, or unpacked.`,
    cause,
  });
}
