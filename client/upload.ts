/** Uploads of files: links in groups, parts in parallel, streamed from disk. */
import type { JobRecord } from "../core/contracts/api/records.ts";
import type { JobJobClient, UploadRecord } from "./client.ts";
import { TransferError } from "./errors.ts";
import { putRange } from "./put.ts";
import { eachOf } from "./retry.ts";

export interface LocalFile {
  /** Where it lies below the job's source: with `/`, relative. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
}

export interface UploadOptions {
  /** PUTs at a time. @default 4 */
  readonly width?: number;
  /** Called with the bytes that have arrived so far. */
  readonly onBytes?: (bytes: number) => void;
}

/** One call takes 1,000 files, and its answer 3,000 links: a link per 64 MiB of a file over 100 MB. */
const FILES_A_CALL = 500;
const BYTES_A_CALL = 64 * 1024 ** 3;

/** A file over this goes in parts; up to it, one PUT to the job's own tempUrl is enough. */
const ONE_PUT_BYTES = 100_000_000;

/**
 * Uploads files as the source of a NEW job and announces their end.
 * @param job as `create` answered it
 * @throws TransferError; ApiFailure
 */
export async function uploadFiles(
  client: JobJobClient,
  job: Pick<JobRecord, "id" | "dataSource">,
  files: readonly LocalFile[],
  options: UploadOptions = {},
): Promise<void> {
  const [first] = files;
  const tempUrl = job.dataSource?.params.tempUrl ?? null;
  const isNamed = first !== undefined && first.name === job.dataSource?.params.name;
  if (files.length === 1 && isNamed && tempUrl !== null && first.size <= ONE_PUT_BYTES) {
    await putRange(tempUrl, { path: first.path, from: 0, bytes: first.size });
    options.onBytes?.(first.size);
  } else {
    await uploadGroups(client, job.id, files, options);
  }
  await client.uploadCompleted(job.id);
}

async function uploadGroups(
  client: JobJobClient,
  jobId: string,
  files: readonly LocalFile[],
  options: UploadOptions,
): Promise<void> {
  let arrived = 0;
  const counted = (bytes: number): void => {
    arrived += bytes;
    options.onBytes?.(arrived);
  };
  for (const group of groups(files)) {
    const links = await client.uploads(jobId, { files: group.map(({ name, size }) => ({ name, size })) });
    const byName = new Map(links.map((link) => [link.name, link]));
    const uploads = group.map((file) => new Upload(file, linkOf(byName, file)));
    await eachOf(units(uploads), options.width ?? 4, async ({ upload, index }) => {
      counted(await upload.put(index));
      if (upload.isWhole && upload.link.uploadId !== null) {
        const { link, parts } = upload;
        await client.uploads(jobId, { complete: [{ name: link.name, uploadId: link.uploadId ?? "", parts }] });
      }
    });
  }
}

function* groups(files: readonly LocalFile[]): Generator<readonly LocalFile[]> {
  let group: LocalFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (group.length === FILES_A_CALL || (group.length > 0 && bytes + file.size > BYTES_A_CALL)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(file);
    bytes += file.size;
  }
  if (group.length > 0) yield group;
}

function linkOf(byName: ReadonlyMap<string, UploadRecord>, { name, path }: LocalFile): UploadRecord {
  // The server takes a leading "./" off; ours have none.
  const link = byName.get(name);
  if (link) return link;
  throw new TransferError({ code: "UPLOAD_FAILED", message: `The server gave no link for ${path} (as ${name}).` });
}

/** One file on its way: whole by one PUT, or in parts. */
class Upload {
  readonly link: UploadRecord;
  readonly #file: LocalFile;
  readonly parts: { readonly partNumber: number; readonly etag: string }[] = [];

  constructor(file: LocalFile, link: UploadRecord) {
    this.#file = file;
    this.link = link;
  }

  get units(): number {
    return this.link.url === null ? this.link.parts.length : 1;
  }

  get isWhole(): boolean {
    return this.parts.length === this.units;
  }

  /** @returns the bytes of the unit */
  async put(index: number): Promise<number> {
    const { path, size } = this.#file;
    const part = this.link.parts[index];
    const url = this.link.url ?? part?.url ?? "";
    const partSize = this.link.partSize ?? size;
    const from = index * partSize;
    const bytes = Math.min(partSize, size - from);
    const etag = await putRange(url, { path, from, bytes });
    this.parts.push({ partNumber: part?.partNumber ?? 1, etag });
    return bytes;
  }
}

function* units(uploads: readonly Upload[]): Generator<{ readonly upload: Upload; readonly index: number }> {
  for (const upload of uploads) for (let index = 0; index < upload.units; index++) yield { upload, index };
}
