/**
 * What of the job's own stands at its destination: the objects that publications of earlier runs left, by name and etag. The
 * latest publication that came to its end lists them; deliveries begun since may have published some more.
 */
import * as z from "zod";
import type { JobItem } from "../contracts/job-items.ts";
import { deliveryEntry, deliveryHead, listHead, publishedEntry } from "../contracts/output-list.ts";
import { type JobPlace, jobPrefix } from "../keys/object-keys.ts";
import { compositeEtag } from "../merge/composite-etag.ts";
import { inParallel } from "../merge/in-parallel.ts";
import { readJson } from "../objects/json.ts";
import type { StepContext } from "../steps/context.ts";
import { readPage } from "./list-writer.ts";

type Stores = Pick<StepContext, "objects"> & { readonly settings: Pick<StepContext["settings"], "bucket"> };
type Delivered = Pick<JobItem, "id" | "owner" | "delivery" | "publication">;
const PAGES_AT_ONCE = 8;

/** An object of either list: what publish found its etag to be, or what the parts of its upload make of it. */
const ownEntry = z.union([
  publishedEntry.transform(({ k, e }) => ({ k, e })),
  deliveryEntry.transform(({ k, p }) => ({ k, e: compositeEtag(p) })),
]);

/** In memory: about 200 bytes an object. */
export class OwnObjects {
  readonly #etags = new Map<string, readonly string[]>();

  add(key: string, etag: string): void {
    const known = this.#etags.get(key) ?? [];
    if (!known.includes(etag)) this.#etags.set(key, [...known, etag]);
  }
  has(key: string, etag: string): boolean {
    return this.#etags.get(key)?.includes(etag) ?? false;
  }
  keys(): Iterable<string> {
    return this.#etags.keys();
  }
}

/** @param lists keys of their heads, below the job's prefix */
export async function loadOwnObjects(ctx: Stores, job: JobPlace, lists: readonly string[]): Promise<OwnObjects> {
  const own = new OwnObjects();
  const { bucket } = ctx.settings;
  for (const list of lists) {
    const head = await readJson(ctx.objects, { bucket, key: jobPrefix(job) + list }, listHead);
    await inParallel(head.pages, PAGES_AT_ONCE, async (_, page) => {
      for (const { k, e } of await readPage(ctx.objects, bucket, head, page, ownEntry)) if (e !== null) own.add(k, e);
    });
  }
  return own;
}

/** Lists of the runs before `run`, the latest first. Each delivery names those before it that were not yet replaced as a whole. */
export async function earlierLists(ctx: Stores, job: Delivered, run: number): Promise<readonly string[]> {
  const { delivery, publication } = job;
  const begun = delivery !== undefined && runOf(delivery) < run ? delivery : undefined;
  if (publication !== undefined && (begun === undefined || runOf(publication) >= runOf(begun))) return [publication];
  if (begun === undefined) return [];
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + begun;
  const head = await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, deliveryHead);
  return [begun, ...head.replaces];
}

/** Of a key like `scratch/r3/publish/…`. */
export const runOf = (list: string): number => Number(/^scratch\/r(\d+)\//.exec(list)?.[1] ?? 0);
