import type { AssemblerInfo } from "../contracts/blocks.ts";
import type { SpecItem } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import { jobPrefix, ownerPrefix } from "../keys/object-keys.ts";
import { assemblerParams } from "../merge/index.ts";
import type { StepContext } from "../steps/context.ts";
import { type Destination, destinationOf, finalKey, MANIFEST_NAME, taken } from "./destination.ts";

type Stores = Pick<StepContext, "objects" | "settings">;
const BUCKET_PATH = "dataDestination.params.bucketName";
const NAME_PATH = "dataDestination.params.name";

/**
 * Before any work starts: the destination can be written (an upload is begun and given up) and is not taken: the one
 * output's name, or for several outputs anything below the folder.
 * @throws JobJobError DESTINATION_NOT_WRITABLE, DESTINATION_TAKEN with `details.path`
 */
export async function checkDestination(
  ctx: {
    readonly objects: Stores["objects"];
    readonly settings: Pick<Stores["settings"], "bucket" | "grantedBuckets">;
  },
  spec: Pick<SpecItem, "owner" | "dataDestination" | "params" | "config">,
  assembler: AssemblerInfo,
): Promise<void> {
  const destination = destinationOf(spec.dataDestination);
  if (!destination) return;
  checkGranted(ctx.settings, spec.owner, destination);
  const { name } = assemblerParams(assembler, spec.params.assembler);
  await checkWritable(ctx, destination, finalKey(destination, name ?? MANIFEST_NAME));
  if (!spec.config.overwrite) await checkFree(ctx, destination, name);
}

/** @throws JobJobError DESTINATION_TAKEN */
export async function checkFree(
  ctx: Pick<Stores, "objects">,
  destination: Destination,
  /** null: several outputs. */
  name: string | null,
): Promise<void> {
  const { bucket, folder } = destination;
  const prefix = name === null ? folder : finalKey(destination, name);
  // The exact key sorts first among those that begin with it.
  const [found] = (await ctx.objects.list(bucket, prefix, { limit: 1 })).objects;
  if (found && (name === null || found.key === prefix)) throw taken(bucket, found.key, NAME_PATH);
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

async function checkWritable(ctx: Pick<Stores, "objects">, { bucket }: Destination, key: string): Promise<void> {
  try {
    const { uploadId } = await ctx.objects.createUpload({ bucket, key });
    await ctx.objects.abortUpload({ bucket, key }, uploadId);
  } catch (error) {
    if (!(error instanceof JobJobError) || error.retryable) throw error;
    const missing = error.code === "BUCKET_MISSING";
    throw notWritable(
      BUCKET_PATH,
      missing
        ? `There is no bucket ${bucket}; create it, or correct ${BUCKET_PATH}.`
        : `s3://${bucket}/${key} can't be written (${error.code}); allow the deployment's role s3:PutObject and s3:AbortMultipartUpload there.`,
      error,
    );
  }
}

const notWritable = (path: string, message: string, cause?: unknown): JobJobError =>
  new JobJobError({ code: "DESTINATION_NOT_WRITABLE", message, details: { path }, cause });
