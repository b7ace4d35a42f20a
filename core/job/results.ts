/** Links to what a job has made; signed at each call, since a role's signature dies with its session. */

import { conflict } from "../contracts/api/errors.ts";
import type { ResultsAnswer } from "../contracts/api/records.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { listResults } from "../delivery/results.ts";
import { claimIndexKey } from "../keys/object-keys.ts";
import type { Place } from "../ports/index.ts";
import { loadBatchTable, loadBatchTasks, loadClaimIndex } from "./batch-files.ts";
import { concurrently } from "./concurrently.ts";
import type { JobContext } from "./context.ts";
import type { Edit } from "./edit.ts";
import { findJob } from "./find.ts";
import { LINK_SECONDS } from "./wire.ts";

type Result = ResultsAnswer["results"][number];
const SIGN_AT_ONCE = 32;
/** Batches of a page of partial results. */
const PARTIAL_PAGE = 200;

/**
 * The delivered files, 1,000 a page; nothing until COMPLETE (clients poll this).
 * @throws ApiError 404, 409 RESULTS_EXPIRED
 */
export async function resultsOf(
  ctx: JobContext,
  { owner, id }: Edit,
  page: number,
  partial: boolean,
): Promise<ResultsAnswer> {
  const { job, spec } = await findJob(ctx.table, owner, id);
  if (job.state !== "COMPLETE") {
    const shows = partial && (job.state === "FAILED" || job.state === "PAUSED" || job.state === "CANCELED");
    return shows ? partialResults(ctx, job, page) : { results: [], nextPage: null };
  }
  if (job.purged || (job.purgeAt !== undefined && job.purgeAt <= ctx.clock.now())) {
    throw conflict(
      "RESULTS_EXPIRED",
      `The results of ${id} lived 48 h in the temporary bucket and are gone; create the job again, with an s3 destination to keep them.`,
    );
  }
  const list = await listResults(ctx, job, spec, page);
  const results = await concurrently(list.results, SIGN_AT_ONCE, ({ name, size, checksum, place }) =>
    signed(ctx, { name, size, checksum }, place),
  );
  return { results, nextPage: list.nextPage ?? null };
}

async function signed(ctx: JobContext, result: Omit<Result, "link">, place: Place): Promise<Result> {
  const downloadName = result.name.slice(result.name.lastIndexOf("/") + 1);
  return { ...result, link: await ctx.objects.presignGet(place, { expiresIn: LINK_SECONDS, downloadName }) };
}

/**
 * What a job that didn't come to its end has: the committed results, unmerged. Per batch and claim its index (which tasks,
 * which bytes of the pack), its pack, and results that have an object of their own.
 */
async function partialResults(ctx: JobContext, job: JobItem, page: number): Promise<ResultsAnswer> {
  const table = await loadBatchTable(ctx, job);
  const places = table?.batches.slice(page * PARTIAL_PAGE, (page + 1) * PARTIAL_PAGE) ?? [];
  if (!table || places.length === 0) return { results: [], nextPage: null };
  const batches = await loadBatchTasks(ctx, job, table.gates, places);
  const claims = batches.flatMap(({ place, tasks }) => {
    const done = tasks.filter(({ letter }) => letter === "C" || letter === "P").map(({ claim }) => claim);
    return [...new Set(done)].map((claim) => ({ batch: place.n, claim }));
  });
  const results = await concurrently(claims, SIGN_AT_ONCE, ({ batch, claim }) => claimResults(ctx, job, batch, claim));
  return { results: results.flat(), nextPage: (page + 1) * PARTIAL_PAGE < table.batches.length ? page + 1 : null };
}

async function claimResults(ctx: JobContext, job: JobItem, batch: number, claim: number): Promise<Result[]> {
  const index = await loadClaimIndex(ctx, job, batch, claim);
  if (!index) return [];
  const { bucket } = ctx.settings;
  const folder = `batch-${String(batch).padStart(6, "0")}/claim-${claim}`;
  const key = claimIndexKey({ owner: job.owner, jobId: job.id }, job.generation, batch, claim);
  const size = (await ctx.objects.head({ bucket, key })).size;
  const files: Promise<Result>[] = [
    signed(ctx, { name: `${folder}/index.json`, size, checksum: null }, { bucket, key }),
  ];
  // Indexes are written by workers: only what lies in the claim's own folder is linked.
  const own = key.slice(0, key.lastIndexOf("/") + 1);
  if (index.pack?.k.startsWith(own)) {
    const place = { bucket, key: index.pack.k };
    files.push(signed(ctx, { name: `${folder}/pack`, size: index.pack.z, checksum: null }, place));
  }
  for (const task of index.tasks) {
    for (const [i, result] of (task.r ?? []).entries()) {
      if (result.k === undefined || !result.k.startsWith(own)) continue;
      const checksum = `crc32:${(result.c >>> 0).toString(16).padStart(8, "0")}`;
      const name = `${folder}/task-${task.o}-${i}`;
      files.push(signed(ctx, { name, size: result.t - result.f, checksum }, { bucket, key: result.k }));
    }
  }
  return Promise.all(files);
}
