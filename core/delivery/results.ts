import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import { outputEntry, PAGE_ENTRIES } from "../contracts/output-list.ts";
import { jobPrefix } from "../keys/object-keys.ts";
import { showCrc32 } from "../merge/index.ts";
import type { Place } from "../ports/index.ts";
import type { StepContext } from "../steps/context.ts";
import { destinationOf, finalKey } from "./destination.ts";
import { readHead, readPage } from "./list-writer.ts";

export interface JobResult {
  /** May hold folders. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** "crc32:0a1b2c3d". */
  readonly checksum: string | null;
  readonly place: Place;
  readonly contentType: string;
}
export interface ResultsPage {
  readonly results: readonly JobResult[];
  readonly total: number;
  /** Absent on the last page. */
  readonly nextPage?: number;
}

/**
 * The outputs of a job's latest merge, 1,000 a page, the report of what is missing from them last: at the destination, or in
 * the deployment's bucket when nothing is copied. Empty before there is an output; of `bypass` the report alone. Whether they may be shown (COMPLETE, not purged) is the caller's.
 */
export async function listResults(
  ctx: Pick<StepContext, "objects"> & { readonly settings: Pick<StepContext["settings"], "bucket"> },
  job: Pick<JobItem, "id" | "owner" | "output">,
  spec: Pick<SpecItem, "dataDestination">,
  page = 0,
): Promise<ResultsPage> {
  if (job.output === undefined) return { results: [], total: 0 };
  const { bucket } = ctx.settings;
  const head = await readHead(ctx.objects, {
    bucket,
    key: jobPrefix({ owner: job.owner, jobId: job.id }) + job.output,
  });
  const isOwnAffair = spec.dataDestination?.kind === "bypass";
  if (isOwnAffair && (head.report === undefined || page > 0)) return { results: [], total: 0 };
  const listed = await readPage(ctx.objects, bucket, head, isOwnAffair ? head.pages.length - 1 : page, outputEntry);
  const entries = isOwnAffair ? listed.slice(-1) : listed;
  const destination = destinationOf(spec.dataDestination);
  const results = entries.map(
    (entry): JobResult => ({
      name: entry.n,
      size: entry.z,
      checksum: entry.c === null ? null : showCrc32(entry.c),
      place: destination
        ? { bucket: destination.bucket, key: finalKey(destination, entry.n) }
        : { bucket, key: entry.k },
      contentType: entry.t,
    }),
  );
  const total = isOwnAffair ? 1 : head.count;
  const more = (page + 1) * PAGE_ENTRIES < total;
  return { results, total, ...(more ? { nextPage: page + 1 } : {}) };
}
