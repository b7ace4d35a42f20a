import { jobNotFound } from "../contracts/api/errors.ts";
import { type JobItem, jobItem, type SpecItem, specItem } from "../contracts/job-items.ts";
import { jobKey, specKey } from "../keys/item-keys.ts";
import type { Item, Table } from "../ports/index.ts";
import { parseItem } from "./load.ts";

export interface FoundJob {
  readonly job: JobItem;
  readonly spec: SpecItem;
}

/** Ours are ULIDs; anything else needs no look into the table. */
const JOB_ID = /^[0-9A-Z]{26}$/;

/**
 * The owner's job and its specification, read consistently at once.
 * @throws ApiError 404 JOB_NOT_FOUND: there is none, it was deleted, or it is another owner's
 */
export async function findJob(table: Table, owner: string, id: string): Promise<FoundJob> {
  if (!JOB_ID.test(id)) throw jobNotFound(id);
  const items = await table.batchGet([jobKey(id), specKey(id)], { consistent: true });
  const found = asFound(
    items[0]?.sk === "JOB" ? items[0] : undefined,
    items.at(-1)?.sk === "SPEC" ? items.at(-1) : undefined,
  );
  if (!found || found.job.owner !== owner || found.job.deletedAt) throw jobNotFound(id);
  return found;
}

/** @returns undefined when one of the two is missing: a job in the middle of its purge. */
export function asFound(job: Item | undefined, spec: Item | undefined): FoundJob | undefined {
  return job && spec && { job: parseItem(jobItem, job), spec: parseItem(specItem, spec) };
}
