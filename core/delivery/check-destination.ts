import type { AssemblerInfo } from "../contracts/blocks.ts";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import { jobPrefix, ownerPrefix } from "../keys/object-keys.ts";
import { assemblerParams } from "../merge/index.ts";
import type { StepContext } from "../steps/context.ts";
import { type Destination, destinationOf, finalKey, MANIFEST_NAME, reportName, taken } from "./destination.ts";
import { earlierLists, loadOwnObjects, type OwnObjects } from "./own-objects.ts";

type Stores = Pick<StepContext, "objects" | "settings">;
const BUCKET_PATH = "dataDestination.params.bucketName";
const NAME_PATH = "dataDestination.params.name";

/**
 * Before any work starts: the destination can be written and is not taken: the one
 * output's name, or for several outputs anything below the folder. What earlier runs of the job itself published there is no
 * obstacle.
 * @param job that is requeued; before a first run there is none
 * @throws JobJobError DESTINATION_NOT_WRITABLE, DESTINATION_TAKEN with `details.path`
 */
export async function checkDestination(
  ctx: {
    readonly objects: Stores["objects"];
    readonly settings: Pick<Stores["settings"], "bucket" | "grantedBuckets">;
  },
  spec: Pick<SpecItem, "owner" | "dataDestination" | "params" | "config">,
  assembler: AssemblerInfo,
  job?: Pick<JobItem, "id" | "owner" | "delivery" | "publication">,
): Promise<void> {
  const destination = destinationOf(spec.dataDestination);
  if (!destination) return;
  checkGranted(ctx.settings, spec.owner, destination);
  const { name } = assemblerParams(assembler, spec.params.assembler);
  if (name !== null) finalKey(destination, reportName(name));
  await checkWritable(ctx, destination, finalKey(destination, name ?? MANIFEST_NAME));
  if (spec.config.overwrite) return;
  const lists = job ? await earlierLists(ctx, job, Number.POSITIVE_INFINITY) : [];
  const own = job && lists.length > 0 ? await loadOwnObjects(ctx, { owner: job.owner, jobId: job.id }, lists) : null;
  await checkFree(ctx, destination, name === null ? null : [name, reportName(name)], own);
}

/**
 * @param names of the one output and of the report beside it; null: several outputs
 * @param own what earlier runs published; null: nothing
 * @returns key → etag of what of it is there. The manifest isn't among them: publish looks into it.
 * @throws JobJobError DESTINATION_TAKEN
 */
export async function checkFree(
  ctx: Pick<Stores, "objects">,
  destination: Destination,
  names: readonly string[] | null,
  own: OwnObjects | null,
): Promise<ReadonlyMap<string, string>> {
  const { bucket, folder } = destination;
  const there = new Map<string, string>();
  const look = ({ key, etag }: { readonly key: string; readonly etag: string }): void => {
    if (own?.has(key, etag)) there.set(key, etag);
    else throw taken(bucket, key, NAME_PATH, own ? "is not what an earlier run of this job left there" : undefined);
  };
  if (names !== null) {
    for (const key of names.map((name) => finalKey(destination, name))) {
      // The exact key sorts first among those that begin with it.
      const [found] = (await ctx.objects.list(bucket, key, { limit: 1 })).objects;
      if (found?.key === key) look(found);
    }
    return there;
  }
  const manifest = own === null ? undefined : finalKey(destination, MANIFEST_NAME);
  let cursor: string | undefined;
  do {
    const page = await ctx.objects.list(bucket, folder, cursor === undefined ? {} : { cursor });
    for (const found of page.objects) if (found.key !== manifest) look(found);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return there;
}

function checkGranted(
  settings: Pick<Stores["settings"], "bucket" | "grantedBuckets">,
  owner: string,
  { bucket, folder }: Destination,
): void {
  if (bucket === settings.bucket) {
    const own = ownerPrefix(owner);
    const jobs = jobPrefix({ owner, jobId: "" }).slice(0, -1);
    if (folder.startsWith(own) && !folder.startsWith(jobs)) return;
    throw notWritable(
      NAME_PATH,
      `In the deployment's own bucket a destination lies below ${own} and not in ${jobs}; use the destination "bucket" for temporary results.`,
    );
  }
  if (settings.grantedBuckets.includes(bucket)) return;
  throw notWritable(
    BUCKET_PATH,
    `The deployment has no rights on the bucket ${bucket}; deploy it with the bucket's name in the context key grantedBuckets, or choose one of: ${settings.grantedBuckets.join(", ") || "none granted yet"}.`,
  );
}

/** No store knows an upload by this id. */
const NO_UPLOAD = "jobjob-probe";

/**
 * A part for an upload that isn't there: the store judges the right to write before it looks for the upload, and nothing is
 * left behind wherever this call's function dies (an upload that was begun and not yet given up would be).
 */
async function checkWritable(ctx: Pick<Stores, "objects">, { bucket }: Destination, key: string): Promise<void> {
  try {
    await ctx.objects.uploadPart({ bucket, key }, NO_UPLOAD, 1, new Uint8Array());
  } catch (error) {
    if (error instanceof JobJobError && error.code === "UPLOAD_MISSING") return;
    if (!(error instanceof JobJobError) || error.retryable) throw error;
    const missing = error.code === "BUCKET_MISSING";
    throw notWritable(
      BUCKET_PATH,
      missing
        ? `There is no bucket ${bucket}; create it, or correct ${BUCKET_PATH}.`
        : `s3://${bucket}/${key} can't be written (${error.code}); allow the deployment's role s3:PutObject there.`,
      error,
    );
  }
}

const notWritable = (path: string, message: string, cause?: unknown): JobJobError =>
  new JobJobError({ code: "DESTINATION_NOT_WRITABLE", message, details: { path }, cause });
