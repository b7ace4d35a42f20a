import { type JobItem, jobItem, type SpecItem, specItem } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import { jobKey, specKey } from "../keys/item-keys.ts";
import type { Item, Table } from "../ports/index.ts";

/** An item of ours with another shape than the code expects: a fault of the deployment (say, a half-done upgrade). */
export function parseItem<T>(schema: { parse(value: unknown): T }, item: Item): T {
  try {
    return schema.parse(item);
  } catch (cause) {
    throw new JobJobError({
      code: "ITEM_MALFORMED",
      message: `The item ${item.pk} / ${item.sk} has an unexpected shape; was it written by another version of JobJob?`,
      cause,
    });
  }
}

/** Consistent. */
export async function loadJob(table: Table, jobId: string): Promise<JobItem | undefined> {
  const item = await table.get(jobKey(jobId), { consistent: true });
  return item && parseItem(jobItem, item);
}

export async function loadSpec(table: Table, jobId: string): Promise<SpecItem> {
  const item = await table.get(specKey(jobId), { consistent: true });
  if (!item)
    throw new JobJobError({ code: "JOB_MISSING", message: `The job ${jobId} has no specification; was it deleted?` });
  return parseItem(specItem, item);
}
