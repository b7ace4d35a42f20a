import { type UploadGroup, uploadGroup } from "../contracts/output-list.ts";
import { type JobPlace, stepPrefix } from "../keys/object-keys.ts";
import { inParallel } from "../merge/index.ts";
import { readJson } from "../objects/json.ts";
import type { Place } from "../ports/index.ts";
import type { StepContext } from "../steps/context.ts";

type Stores = Pick<StepContext, "objects" | "settings">;
const CALLS_AT_ONCE = 16;
/** S3 stamps whole seconds, by its own clock. */
const CLOCK_SKEW_MS = 5_000;

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

export interface RecordedGroup {
  readonly place: Place;
  readonly claim: number;
  readonly group: number;
}

/** The groups on record of one run, of all its deliver claims. */
export async function* recordedGroups(ctx: Stores, job: JobPlace, run: number): AsyncGenerator<RecordedGroup> {
  const { bucket } = ctx.settings;
  const prefix = stepPrefix(job, "deliver", run, 0).replace(/c0\/$/, "");
  let cursor: string | undefined;
  do {
    const page = await ctx.objects.list(bucket, prefix, cursor === undefined ? {} : { cursor });
    for (const { key } of page.objects) {
      const match = /^c(\d+)\/group-(\d+)\.json$/.exec(key.slice(prefix.length));
      if (match) yield { place: { bucket, key }, claim: Number(match[1]), group: Number(match[2]) };
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Aborts the uploads of a group; those that a crash left without a recorded id are looked for. Fine when they are gone. */
export async function abortGroup(ctx: Stores, place: Place): Promise<void> {
  const { bucket, keys, ids, at } = await readJson(ctx.objects, place, uploadGroup);
  await inParallel(keys, CALLS_AT_ONCE, async (key, i) => {
    const known = ids?.[i];
    if (known !== undefined) return ctx.objects.abortUpload({ bucket, key }, known);
    for (const upload of await ctx.objects.listUploads(bucket, key)) {
      if (upload.key === key && Date.parse(upload.initiated) >= at - CLOCK_SKEW_MS) {
        await ctx.objects.abortUpload({ bucket, key }, upload.uploadId);
      }
    }
  });
}
