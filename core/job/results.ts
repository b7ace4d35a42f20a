/** Links to what a job has made; signed at each call, since a role's signature dies with its session. */

import { conflict } from "../contracts/api/errors.ts";
import type { ResultsAnswer } from "../contracts/api/records.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { listResults } from "../delivery/results.ts";
import { showCrc32 } from "../merge/crc32.ts";
import { resultName } from "../merge/result-names.ts";
import { type CommittedResult, committedBatches } from "../merge/results.ts";
import type { Place } from "../ports/index.ts";
import { PARTIAL_RESULT_STATES } from "../states/job-states.ts";
import { concurrently } from "./concurrently.ts";
import type { JobContext } from "./context.ts";
import type { Edit } from "./edit.ts";
import { findJob } from "./find.ts";
import { LINK_SECONDS } from "./wire.ts";

type Result = ResultsAnswer["results"][number];
const SIGN_AT_ONCE = 32;
/** Partial results of a page, and batches that one call looks through for them. */
const PARTIAL_PAGE = 1_000;
const MOST_LOOKED = 2_000;
/** A page of partial results is the place it begins at: so many times the task's ordinal, and which of the task's results. */
const RESULTS_OF_A_TASK = 1_000_000;

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
    const shows = partial && PARTIAL_RESULT_STATES.includes(job.state);
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

async function signed<R extends Omit<Result, "link">>(
  ctx: JobContext,
  result: R,
  place: Place,
): Promise<R & { readonly link: string }> {
  const downloadName = result.name.slice(result.name.lastIndexOf("/") + 1);
  return { ...result, link: await ctx.objects.presignGet(place, { expiresIn: LINK_SECONDS, downloadName }) };
}

/**
 * What a job that didn't come to its end has: the committed results of its tasks, unmerged, in task order, up to 1,000 a page.
 * A result in a pack is a range of it: its link wants `range` as the header Range.
 */
async function partialResults(ctx: JobContext, job: JobItem, page: number): Promise<ResultsAnswer> {
  const [from, skip] = [Math.floor(page / RESULTS_OF_A_TASK), page % RESULTS_OF_A_TASK];
  const found: CommittedResult[] = [];
  const next = await collect(ctx, job, { from, skip }, found);
  const tasks = job.tasks ?? 0;
  const results = await concurrently(found, SIGN_AT_ONCE, (result) => partialResult(ctx, result, tasks));
  return { results, nextPage: next ?? null };
}

/** Committed results from a place on, into `found`. @returns the page that goes on from there */
async function collect(
  ctx: JobContext,
  job: JobItem,
  { from, skip }: { readonly from: number; readonly skip: number },
  found: CommittedResult[],
): Promise<number | undefined> {
  const first = Math.floor(from / (job.batchSize ?? 1));
  for await (const { n, results } of committedBatches(ctx, job, first)) {
    let number = 0;
    let ordinal = -1;
    for (const result of results) {
      number = result.ordinal === ordinal ? number + 1 : 0;
      ordinal = result.ordinal;
      if (ordinal < from || (ordinal === from && number < skip)) continue;
      if (found.length === PARTIAL_PAGE) return ordinal * RESULTS_OF_A_TASK + number;
      found.push(result);
    }
    // Many tasks may have no result yet: the next call looks further.
    const behind = (n + 1) * (job.batchSize ?? 1);
    if (n - first >= MOST_LOOKED && behind < (job.tasks ?? 0)) return behind * RESULTS_OF_A_TASK;
  }
  return undefined;
}

async function partialResult(ctx: JobContext, result: CommittedResult, tasks: number): Promise<Result> {
  const { bucket, key, from, to, size, crc } = result.extent;
  const name = resultName(result, tasks);
  const own = { name, size: to - from, checksum: showCrc32(crc), task: result.ordinal };
  // Nothing to fetch, and no way to ask for no bytes of a pack.
  if (from === to) return { ...own, link: "data:,", range: null };
  const range = from === 0 && to === size ? null : `bytes=${from}-${to - 1}`;
  return { ...(await signed(ctx, own, { bucket, key })), range };
}
