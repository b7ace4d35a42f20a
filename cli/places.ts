/** What `run` reads and where it delivers: local files, folders, S3. */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import type { LocalFile, Place } from "../client/index.ts";
import { CliError } from "./cli-error.ts";

export type Input =
  | { readonly kind: "none" }
  | { readonly kind: "s3"; readonly place: Place }
  | { readonly kind: "file"; readonly files: readonly [LocalFile]; readonly bytes: number }
  | { readonly kind: "folder"; readonly files: readonly LocalFile[]; readonly bytes: number };

/** @throws CliError when it isn't there or can't be read as input */
export async function readInput(given: string | undefined, cwd: string): Promise<Input> {
  if (given === undefined) return { kind: "none" };
  const s3 = s3Place(given);
  if (s3) return { kind: "s3", place: s3 };
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(given)) {
    throw new CliError("USAGE", `${given}: this kind of source isn't available; give a local path or s3://BUCKET/KEY.`);
  }
  const path = resolve(cwd, given);
  const info = await stat(path).catch(() => undefined);
  if (!info) {
    throw new CliError(
      "FILE_MISSING",
      `${given}: there is no such file or folder (looked at ${path}); check the path.`,
    );
  }
  if (info.isFile()) {
    return { kind: "file", files: [{ name: basename(path), path, size: info.size }], bytes: info.size };
  }
  if (!info.isDirectory()) throw new CliError("FILE_MISSING", `${given} is neither a file nor a folder.`);
  const files = await filesBelow(path);
  if (files.length === 0)
    throw new CliError("FOLDER_EMPTY", `${given}: the folder holds no files; there is nothing to do.`);
  return { kind: "folder", files, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

/** Every regular file, also behind a link to one; sorted, so that the same folder is always announced alike. */
async function filesBelow(folder: string): Promise<readonly LocalFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(entries.map((entry) => asFile(folder, entry)));
  return files.flatMap((file) => file ?? []).sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function asFile(folder: string, entry: Dirent): Promise<LocalFile | undefined> {
  if (!entry.isFile() && !entry.isSymbolicLink()) return undefined;
  const path = join(entry.parentPath, entry.name);
  const info = await stat(path).catch(() => undefined); // a link to nothing is no file
  if (!info?.isFile()) return undefined;
  return { name: relative(folder, path).split(sep).join("/"), path, size: info.size };
}

/** undefined for what is no s3:// path. @throws CliError for one without a bucket */
export function s3Place(given: string): Place | undefined {
  if (!/^s3:\/\//i.test(given)) return undefined;
  const [, bucketName, name = ""] = /^s3:\/\/([^/]+)(?:\/(.*))?$/is.exec(given) ?? [];
  if (bucketName === undefined) throw new CliError("USAGE", `${given}: name a bucket, as in s3://BUCKET/KEY.`);
  return { dataSourceDescriptor: "s3", params: { bucketName, name } };
}

export type Output =
  | { readonly kind: "kept" }
  | { readonly kind: "s3"; readonly place: Place }
  | { readonly kind: "local"; readonly path: string; readonly given: string; readonly isFolder: boolean };

/**
 * A path that ends in "/" or is a folder takes the results below it; any other is the name of the one result.
 * @throws CliError OUTPUT_EXISTS for a file that stands there already, before any work is done
 */
export async function readOutput(given: string | undefined, cwd: string, overwrite: boolean): Promise<Output> {
  if (given === undefined) return { kind: "kept" };
  const s3 = s3Place(given);
  if (s3) return { kind: "s3", place: s3 };
  const path = resolve(cwd, given);
  const info = await stat(path).catch(() => undefined);
  const isFolder = info?.isDirectory() === true || /[/\\]$/.test(given);
  if (info && !isFolder && !overwrite) throw outputExists(given);
  return { kind: "local", path, given, isFolder };
}

export const outputExists = (path: string): CliError =>
  new CliError("OUTPUT_EXISTS", `${path} exists already; name another place, or add --overwrite to replace it.`);
