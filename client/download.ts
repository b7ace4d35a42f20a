/** A result on disk: streamed, checked, and under its name only when it is whole. */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import * as zlib from "node:zlib";
import type { ResultRecord } from "./client.ts";
import { reasonOf, TransferError } from "./errors.ts";
import { delayMs, type RetryPolicy, TRANSFER_RETRIES } from "./retry.ts";

/**
 * Where a result of this name lies below a folder. A name comes from the data, so it is never trusted.
 * @throws TransferError UNSAFE_NAME for what would lead out of the folder
 */
export function resultPath(folder: string, name: string): string {
  const parts = name.split("/");
  const unsafe =
    parts.some((part) => part === "" || part === "." || part === "..") ||
    /[\\\0]/.test(name) ||
    (process.platform === "win32" && /[:*?"<>|]/.test(name));
  if (unsafe) {
    throw new TransferError({
      code: "UNSAFE_NAME",
      message: `The result ${JSON.stringify(name)} has no name that is safe below a folder; it is left out. Its link is in \`jobjob results\`.`,
    });
  }
  return join(folder, ...parts);
}

/**
 * Downloads one result to `path`; folders are made.
 * @throws TransferError when it did not arrive as it was checked at its making
 */
export async function downloadResult(
  result: ResultRecord,
  path: string,
  onBytes: (bytes: number) => void = () => {},
  retries: RetryPolicy = TRANSFER_RETRIES,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const partial = `${path}.${randomBytes(4).toString("hex")}.part`;
    try {
      await fetchInto(result, partial, onBytes);
      await rename(partial, path);
      return;
    } catch (error) {
      const failure = asFailure(result, path, error);
      if (!failure.retryable || attempt === retries.attempts) throw failure;
    } finally {
      await rm(partial, { force: true });
    }
    await sleep(delayMs(retries, attempt, Math.random));
  }
}

async function fetchInto(result: ResultRecord, path: string, onBytes: (bytes: number) => void): Promise<void> {
  // Small results of neighbouring tasks lie in one object, of which a link shows all.
  const answer = await fetch(result.link, result.range ? { headers: { Range: result.range } } : {});
  if (!answer.ok || !answer.body) {
    throw new TransferError({
      code: "DOWNLOAD_FAILED",
      message: `${result.name}: the store answered ${answer.status}; links live an hour, run the command again.`,
      retryable: answer.status >= 500 || answer.status === 429,
    });
  }
  let size = 0;
  let crc = 0;
  const check = new Transform({
    transform(piece: Buffer, _encoding, done) {
      size += piece.length;
      crc = zlib.crc32(piece, crc);
      onBytes(piece.length);
      done(null, piece);
    },
  });
  await pipeline(Readable.fromWeb(answer.body), check, createWriteStream(path, { flags: "wx" }));
  const checksum = `crc32:${(crc >>> 0).toString(16).padStart(8, "0")}`;
  const wanted = result.checksum?.startsWith("crc32:") ? result.checksum : null;
  if (size !== result.size || (wanted !== null && checksum !== wanted)) {
    throw new TransferError({
      code: "DOWNLOAD_DAMAGED",
      message: `${result.name} arrived with ${size} bytes and ${checksum}, and should have ${result.size} and ${wanted ?? "any checksum"}. Run the command again.`,
      retryable: true,
    });
  }
}

function asFailure(result: ResultRecord, path: string, error: unknown): TransferError {
  if (error instanceof TransferError) return error;
  // A full disk or a missing right won't get better by itself.
  const local =
    error instanceof Error &&
    "code" in error &&
    /^(ENOSPC|EACCES|EROFS|EISDIR|ENOTDIR|EPERM)$/.test(String(error.code));
  return new TransferError({
    code: local ? "CANNOT_WRITE" : "DOWNLOAD_FAILED",
    message: `${result.name} could not be ${local ? `written to ${path}` : "downloaded"}: ${reasonOf(error)}.`,
    retryable: !local,
    cause: error,
  });
}
