import { type UploadGroup, uploadGroup } from "../contracts/output-list.ts";
import { JobJobError } from "../errors.ts";
import { type JobPlace, stepPrefix } from "../keys/object-keys.ts";
import { inParallel } from "../merge/in-parallel.ts";
import { readJson } from "../objects/json.ts";
import type { ObjectStore, Place } from "../ports/index.ts";
import type { StepContext } from "../steps/context.ts";

type Stores = Pick<StepContext, "objects"> & { readonly settings: Pick<StepContext["settings"], "bucket"> };
const CALLS_AT_ONCE = 16;
/** S3 stamps whole seconds, by its own clock: the note's object and the uploads alike. */
const CLOCK_SKEW_MS = 5_000;
/** A call that is about to create uploads has ended by then: a function lives 15 minutes. */
const BEGINS_WITHIN_MS = 16 * 60_000;
/** Rounds of abort and look until an upload, and the parts that were on their way, are gone. */
const MAX_LOOKS = 10;

const groupKey = (job: JobPlace, run: number, claim: number, group: number): string =>
  `${stepPrefix(job, "deliver", run, claim)}group-${group}.json`;

/** Creates one upload per key, with the intent on record before and the ids before any part can follow. */
export async function createGroup(
  ctx: Stores & Pick<StepContext, "clock">,
  job: JobPlace & { readonly run: number; readonly claim: number },
  group: number,
  uploads: readonly (Place & { readonly contentType: string })[],
): Promise<string[]> {
  const record: UploadGroup = {
    v: 1,
    bucket: uploads[0]?.bucket ?? "",
    keys: uploads.map(({ key }) => key),
    ids: null,
    at: ctx.clock.now(),
  };
  const place = { bucket: ctx.settings.bucket, key: groupKey(job, job.run, job.claim, group) };
  await ctx.objects.put(place, JSON.stringify(record));
  const ids: string[] = [];
  await inParallel(uploads, CALLS_AT_ONCE, async ({ bucket, key, contentType }, i) => {
    ids[i] = (await ctx.objects.createUpload({ bucket, key }, { contentType })).uploadId;
  });
  await ctx.objects.put(place, JSON.stringify({ ...record, ids }));
  return ids;
}

/** The uploads that `createGroup` made; none while they are not on record, or no more. */
export async function uploadsOf(
  ctx: Stores,
  job: JobPlace & { readonly run: number; readonly claim: number },
  group: number,
): Promise<readonly string[]> {
  const record = await loadGroup(ctx, { bucket: ctx.settings.bucket, key: groupKey(job, job.run, job.claim, group) });
  return record?.ids ?? [];
}

/** undefined when another hand has removed it. */
async function loadGroup(ctx: Stores, place: Place): Promise<UploadGroup | undefined> {
  try {
    return await readJson(ctx.objects, place, uploadGroup);
  } catch (error) {
    if (error instanceof JobJobError && error.code === "OBJECT_MISSING") return undefined;
    throw error;
  }
}

export interface RecordedGroup {
  readonly place: Place;
  readonly run: number;
  readonly claim: number;
  readonly group: number;
  /** When the note was written, ms, by the store's clock: ours may be wrong by minutes. */
  readonly notedAt: number | undefined;
}

/** The groups on record of the runs up to `run`, of all their deliver claims. */
export async function* recordedGroups(ctx: Stores, job: JobPlace, runs: number): AsyncGenerator<RecordedGroup> {
  const { bucket } = ctx.settings;
  for (let run = 1; run <= runs; run++) {
    const prefix = stepPrefix(job, "deliver", run, 0).replace(/c0\/$/, "");
    let cursor: string | undefined;
    do {
      const page = await ctx.objects.list(bucket, prefix, cursor === undefined ? {} : { cursor });
      for (const { key, lastModified } of page.objects) {
        const match = /^c(\d+)\/group-(\d+)\.json$/.exec(key.slice(prefix.length));
        const notedAt = lastModified === undefined ? undefined : Date.parse(lastModified);
        if (match) yield { place: { bucket, key }, run, claim: Number(match[1]), group: Number(match[2]), notedAt };
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
}

export interface EndOptions {
  /**
   * Asked between looking for uploads whose ids are not on record and aborting them: true while nobody but the caller can
   * have begun any of them. So an upload of a later run, which may lie at the same key, is never taken for a leftover.
   */
  readonly mayAbortFound: () => Promise<boolean>;
  /** The caller's own uploads, in use at the same keys perhaps. */
  readonly keep?: () => Promise<ReadonlySet<string>>;
}

/**
 * Aborts the uploads of a group until they are gone; those that a crash left without a recorded id are looked for at the
 * group's own keys, begun while the record says that they were being begun. Then removes the record, unless more of them may
 * still be begun by a call that outlived its time: then a later look finds them by it.
 * @returns whether the record is gone
 * @throws JobJobError UPLOAD_LINGERS (retryable)
 */
export async function endGroup(
  ctx: Stores & Pick<StepContext, "clock">,
  { place, notedAt }: Pick<RecordedGroup, "place" | "notedAt">,
  options: EndOptions,
): Promise<boolean> {
  const record = await loadGroup(ctx, place);
  if (!record) return true;
  const { bucket, keys, ids } = record;
  const at = notedAt ?? record.at;
  if (ids) await inParallel(keys, CALLS_AT_ONCE, (key, i) => ctx.objects.abortUpload({ bucket, key }, ids[i] ?? ""));
  const known = new Set(ids ?? []);
  const names = new Set(ids ? [] : keys);
  const keep = ids ? undefined : await options.keep?.();
  const isOurs = ({ key, uploadId, initiated }: { key: string; uploadId: string; initiated: string }): boolean => {
    if (known.has(uploadId)) return true;
    const begun = Date.parse(initiated);
    const inTime = begun >= at - CLOCK_SKEW_MS && begun <= at + BEGINS_WITHIN_MS;
    return names.has(key) && inTime && !keep?.has(uploadId);
  };
  const found = await abortUntilGone(ctx.objects, bucket, commonPrefix(keys), isOurs, async () =>
    ids ? true : options.mayAbortFound(),
  );
  if (!found || (ids === null && ctx.clock.now() <= at + BEGINS_WITHIN_MS)) return false;
  await ctx.objects.delete(place.bucket, [place.key]);
  return true;
}

/**
 * Aborts what `isOurs` picks of the uploads under way, and looks again until none is left: a part that was on its way when
 * its upload was aborted may bring it back.
 * @returns false when `mayAbort` said no
 * @throws JobJobError UPLOAD_LINGERS (retryable)
 */
export async function abortUntilGone(
  objects: ObjectStore,
  bucket: string,
  prefix: string,
  isOurs: (upload: { key: string; uploadId: string; initiated: string }) => boolean,
  mayAbort: () => Promise<boolean>,
): Promise<boolean> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    const ours = (await objects.listUploads(bucket, prefix)).filter(isOurs);
    if (ours.length === 0) return true;
    if (!(await mayAbort())) return false;
    await inParallel(ours, CALLS_AT_ONCE, ({ key, uploadId }) => objects.abortUpload({ bucket, key }, uploadId));
  }
  throw new JobJobError({
    code: "UPLOAD_LINGERS",
    message: `Uploads to s3://${bucket}/${prefix} are still there after ${MAX_LOOKS} times of aborting them; it is tried again.`,
    retryable: true,
    details: { bucket, prefix },
  });
}

function commonPrefix(keys: readonly string[]): string {
  const [first = "", ...others] = keys;
  let length = first.length;
  for (const key of others) while (!key.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}
