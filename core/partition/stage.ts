import { JobJobError } from "../errors.ts";
import type { Clock, ObjectStore } from "../ports/index.ts";
import { AppendLog, type LogPart, type LogPorts } from "./append-log.ts";
import { gunzip } from "./gunzip.ts";
import { readSource, type SourceVersion } from "./read-source.ts";

export interface StageOptions {
  readonly ports: LogPorts & { readonly objects: ObjectStore };
  readonly clock: Clock;
  readonly deadline: number;
  /** Key of the copy. */
  readonly key: string;
}

/**
 * Unpacks a gzip source into an object, streaming. Unpacking can't be continued in another invocation (the window of the
 * last 32 KiB and the tables would have to be kept), so it is all or nothing.
 * @returns null when the time ran out; nothing is left behind then
 * @throws JobJobError GZIP_BROKEN, INPUT_CHANGED and those of the store
 */
export async function stageGzip(source: SourceVersion, options: StageOptions): Promise<LogPart | null> {
  const { ports, clock, deadline, key } = options;
  const copy = new AppendLog(ports, key, null);
  try {
    for await (const block of gunzip(readSource(ports.objects, source))) {
      copy.write(block);
      if (copy.full) await copy.drain();
      if (clock.now() < deadline) continue;
      await copy.discard();
      return null;
    }
    return await copy.seal();
  } catch (error) {
    await copy.discard();
    throw error;
  }
}

export function gzipTooLarge(source: SourceVersion): JobJobError {
  return new JobJobError({
    code: "GZIP_TOO_LARGE",
    message: `s3://${source.bucket}/${source.key} (${source.size} bytes of gzip) can't be unpacked within one invocation; upload it unpacked, or as several smaller gzip files below one prefix.`,
    details: { bucket: source.bucket, key: source.key, size: source.size },
  });
}
