import type { JobItem } from "../contracts/job-items.ts";
import { deliveryEntry, deliveryHead } from "../contracts/output-list.ts";
import { type JobPlace, jobPrefix } from "../keys/object-keys.ts";
import { compositeEtag } from "../merge/composite-etag.ts";
import { readJson } from "../objects/json.ts";
import type { StepContext } from "../steps/context.ts";
import { readPage } from "./list-writer.ts";
import { runOf } from "./own-objects.ts";

type Ports = Pick<StepContext, "objects"> & { readonly settings: Pick<StepContext["settings"], "bucket"> };

/**
 * How much of this run's delivery stands at the destination, by name and content: asked when a job was called off while it
 * published, and nothing more of it can appear.
 * @returns undefined when nothing was prepared to be published
 */
export async function publishedSoFar(
  ctx: Ports,
  job: JobItem,
): Promise<{ readonly objects: number; readonly of: number } | undefined> {
  if (job.delivery === undefined || runOf(job.delivery) !== job.run) return undefined;
  const place: JobPlace = { owner: job.owner, jobId: job.id };
  const { bucket } = ctx.settings;
  const head = await readJson(ctx.objects, { bucket, key: jobPrefix(place) + job.delivery }, deliveryHead);
  const prepared = new Map<string, string | null>();
  for (let page = 0; page < head.pages.length; page++) {
    for (const { k, p } of await readPage(ctx.objects, bucket, head, page, deliveryEntry)) {
      prepared.set(k, compositeEtag(p));
    }
  }
  let objects = 0;
  for await (const { key, etag } of standing(ctx, head, prepared)) if (prepared.get(key) === etag) objects++;
  return { objects, of: head.count };
}

/** One object among many of others is asked for by its name; a set has its folder to itself. */
async function* standing(
  ctx: Ports,
  { bucket, folder }: { readonly bucket: string; readonly folder: string },
  prepared: ReadonlyMap<string, unknown>,
) {
  const prefixes = prepared.size <= FEW ? [...prepared.keys()] : [folder];
  for (const prefix of prefixes) {
    let cursor: string | undefined;
    do {
      const limit = prepared.size <= FEW ? { limit: 1 } : {};
      const page = await ctx.objects.list(bucket, prefix, cursor === undefined ? limit : { cursor });
      yield* page.objects;
      cursor = prepared.size <= FEW ? undefined : page.cursor;
    } while (cursor !== undefined);
  }
}
const FEW = 10;
