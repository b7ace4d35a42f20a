import type { DataSource } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import { type JobPlace, ownerPrefix, uploadPrefix } from "../keys/object-keys.ts";
import type { ObjectInfo, ObjectStore } from "../ports/index.ts";
import type { Settings } from "../steps/context.ts";
import { accessDenied, bucketMissing, foreignPrefix, notGranted, objectMissing } from "./input-errors.ts";

export interface SourceContext {
  readonly objects: ObjectStore;
  readonly settings: Pick<Settings, "bucket" | "grantedBuckets">;
}

/** What a data source turned out to be. `root`: prefix that keys are shown relative to, "" or ends in "/". */
export type ResolvedSource =
  | { readonly kind: "none" }
  | { readonly kind: "object"; readonly object: ObjectInfo; readonly root: string }
  | { readonly kind: "prefix"; readonly bucket: string; readonly prefix: string; readonly root: string };

/**
 * Looks a data source up. A name that is an object is that object; one that is empty or ends in "/" is a prefix, which may
 * hold nothing; any other is the folder below it, or, where there is none, a plain prefix ("data/2024-"), and something
 * must be there.
 * @throws JobJobError OBJECT_MISSING, BUCKET_MISSING, ACCESS_DENIED, each naming the field and the remedy
 */
export async function resolveSource(
  ctx: SourceContext,
  job: JobPlace,
  source: DataSource | null,
): Promise<ResolvedSource> {
  if (!source || source.kind === "bypass") return { kind: "none" };
  if (source.kind === "file") return resolveUpload(ctx, job);
  const { bucket } = source;
  const name = source.name.replace(/^\//, "");
  checkGranted(ctx, job, bucket, name);
  const prefix = (at: string): ResolvedSource => ({ kind: "prefix", bucket, prefix: at, root: folderOf(at) });
  try {
    if (name === "" || name.endsWith("/")) {
      await ctx.objects.list(bucket, name, { limit: 1 }); // a missing bucket is found here, not in the middle
      return prefix(name);
    }
    const object = await headIfThere(ctx.objects, bucket, name);
    if (object) return { kind: "object", object, root: folderOf(name) };
    for (const at of [`${name}/`, name]) {
      if ((await ctx.objects.list(bucket, at, { limit: 1 })).objects.length > 0) return prefix(at);
    }
  } catch (error) {
    throw sourceError(error, bucket, name);
  }
  throw objectMissing({ bucket, key: name });
}

/** For `run`: whether the source can be read now. @throws as resolveSource */
export async function checkSource(ctx: SourceContext, job: JobPlace, source: DataSource | null): Promise<void> {
  await resolveSource(ctx, job, source);
}

/** The objects of a resolved source in byte order of their keys, behind `after`; folder markers are no objects. */
export async function* sourceObjects(
  objects: ObjectStore,
  source: ResolvedSource,
  after?: string,
): AsyncGenerator<readonly ObjectInfo[]> {
  if (source.kind === "none") return;
  if (source.kind === "object") {
    if (after === undefined) yield [source.object];
    return;
  }
  let options: { cursor?: string; after?: string } = after === undefined ? {} : { after };
  for (;;) {
    const page = await list(objects, source, options);
    yield page.objects.filter(({ key, size }) => !(size === 0 && key.endsWith("/")));
    if (page.cursor === undefined) return;
    options = { cursor: page.cursor };
  }
}

async function list(
  objects: ObjectStore,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  options: { cursor?: string; after?: string },
) {
  try {
    return await objects.list(bucket, prefix, options);
  } catch (error) {
    throw sourceError(error, bucket, prefix);
  }
}

/** The folder part of a key or prefix: "" or ends in "/". */
export const folderOf = (key: string): string => key.slice(0, key.lastIndexOf("/") + 1);

async function resolveUpload(ctx: SourceContext, job: JobPlace): Promise<ResolvedSource> {
  const { bucket } = ctx.settings;
  const prefix = uploadPrefix(job);
  if ((await ctx.objects.list(bucket, prefix, { limit: 1 })).objects.length === 0) {
    throw new JobJobError({
      code: "OBJECT_MISSING",
      message:
        "Nothing was uploaded: PUT the file to dataSource.params.tempUrl (or the links of /uploads), call uploadcompleted, then run the job.",
      details: { path: "dataSource.params.name" },
    });
  }
  return { kind: "prefix", bucket, prefix, root: prefix };
}

/** The own bucket holds everybody's data: there each owner sees only the part below the own prefix. */
function checkGranted({ settings }: SourceContext, job: JobPlace, bucket: string, name: string): void {
  if (bucket === settings.bucket) {
    const own = ownerPrefix(job.owner);
    if (!name.startsWith(own)) throw foreignPrefix(bucket, own);
  } else if (!settings.grantedBuckets.includes(bucket)) throw notGranted(bucket);
}

async function headIfThere(objects: ObjectStore, bucket: string, key: string): Promise<ObjectInfo | undefined> {
  try {
    return await objects.head({ bucket, key });
  } catch (error) {
    if (error instanceof JobJobError && error.code === "OBJECT_MISSING") return undefined;
    throw error;
  }
}

function sourceError(error: unknown, bucket: string, key: string): unknown {
  if (!(error instanceof JobJobError)) return error;
  if (error.code === "BUCKET_MISSING") return bucketMissing(bucket, error);
  if (error.code === "ACCESS_DENIED") return accessDenied({ bucket, key }, error);
  return error;
}
