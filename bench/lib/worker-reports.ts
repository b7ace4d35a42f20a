import { type ClaimIndex, claimIndex } from "../../core/contracts/worker.ts";
import { jobPrefix } from "../../core/keys/object-keys.ts";
import type { ObjectStore } from "../../core/ports/index.ts";

/** What the workers of a job report of themselves: the index object of every claim, one at a time. */
export async function* workerReports(
  objects: ObjectStore,
  bucket: string,
  job: { readonly id: string; readonly owner: string },
): AsyncGenerator<ClaimIndex> {
  const prefix = `${jobPrefix({ owner: job.owner, jobId: job.id })}results/`;
  for (let cursor: string | undefined; ; ) {
    const page = await objects.list(bucket, prefix, cursor === undefined ? {} : { cursor });
    for (const { key } of page.objects) {
      if (!key.endsWith("/index.json")) continue;
      const bytes = await objects.get({ bucket, key });
      yield claimIndex.parse(JSON.parse(new TextDecoder().decode(bytes)));
    }
    cursor = page.cursor;
    if (cursor === undefined) return;
  }
}

/** Sums and highest values over all claims of a job. */
export async function workerTotals(...args: Parameters<typeof workerReports>) {
  const workers = new Set<string>();
  const totals = { claims: 0, maxRss: 0, bytesRead: 0, downloadMs: 0, processMs: 0, uploadMs: 0, wallMs: 0 };
  for await (const { worker, maxRss, stats, startedAt, endedAt } of workerReports(...args)) {
    workers.add(worker);
    totals.claims++;
    totals.maxRss = Math.max(totals.maxRss, maxRss);
    totals.bytesRead += stats.downloadBytes;
    totals.downloadMs += stats.downloadMs;
    totals.processMs += stats.processMs;
    totals.uploadMs += stats.uploadMs;
    totals.wallMs += endedAt - startedAt;
  }
  return { ...totals, workers: workers.size };
}
