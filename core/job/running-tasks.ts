import { jobItem } from "../contracts/job-items.ts";
import { jobKey } from "../keys/item-keys.ts";
import type { JobContext } from "./context.ts";
import { parseItem } from "./load.ts";
import { gateSums, shownCounts } from "./progress.ts";

/** Tasks that workers hold now. Ids that are unknown or another owner's are left out. */
export async function runningTasks(
  ctx: Pick<JobContext, "table">,
  owner: string,
  ids: readonly string[],
): Promise<readonly { readonly jobId: string; readonly runningTasks: number }[]> {
  const keys = [...new Set(ids)].filter((id) => /^[0-9A-Z]{26}$/.test(id)).map(jobKey);
  const items = keys.length === 0 ? [] : await ctx.table.batchGet(keys);
  const jobs = items.map((item) => parseItem(jobItem, item)).filter((job) => job.owner === owner && !job.deletedAt);
  const sums = await gateSums(ctx.table, jobs);
  return jobs.flatMap((job) => {
    const sum = sums.get(job.id);
    return sum ? [{ jobId: job.id, runningTasks: shownCounts(sum.counts, job.state).ACTIVE }] : [];
  });
}
