/**
 * CSV cut at any newline (`quotedNewlines: "never"`): the promise that no quoted field holds a newline is checked. Each worker
 * reports where its chunk really began and ended; a gap or an overlap, or a chunk that ended within quotes, means that the
 * promise was wrong, and no tolerance makes records that were torn apart right.
 */
import { asBatch } from "../batches/batch.ts";
import { batchesInOrder } from "../batches/read.ts";
import { batchTable } from "../contracts/batch-table.ts";
import type { Failure, JobItem, SpecItem } from "../contracts/job-items.ts";
import { type ClaimIndex, claimIndex, type TaskEntry } from "../contracts/worker.ts";
import type { BatchPlace } from "../contracts/workflow.ts";
import { claimIndexKey, jobPrefix } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import { loadChunks } from "../partition/locate-batches.ts";
import { readChunkLines } from "../partition/read-batch.ts";
import type { StepContext } from "./context.ts";

/** Failures of a task that a newline within quotes causes. */
const TORN = new Set(["CSV_MISALIGNED", "CSV_UNTERMINATED_QUOTE"]);

interface Edge {
  readonly source: number;
  readonly end: number;
}

/** @returns the job's failure, or undefined when the chunks fit together (or the job isn't cut in this way). */
export async function checkCsvEdges(ctx: StepContext, job: JobItem, spec: SpecItem): Promise<Failure | undefined> {
  if (spec.input?.format !== "csv" || spec.input.quotedNewlines !== "never" || !job.table || !job.chunks)
    return undefined;
  const { bucket } = ctx.settings;
  const prefix = jobPrefix({ owner: job.owner, jobId: job.id });
  const table = await readJson(ctx.objects, { bucket, key: prefix + job.table }, batchTable);
  const chunks = await loadChunks(ctx.objects, bucket, prefix + job.chunks);
  let before: Edge | undefined;
  for await (const { place, item } of batchesInOrder(ctx.table, job, table)) {
    const entries = await entriesOf(
      ctx,
      job,
      place,
      asBatch(item, place.count).tasks.map((task) => task.claim),
    );
    const { lines } = await readChunkLines(
      ctx.objects,
      bucket,
      { index: chunks.index, sources: chunks.sourcesKey },
      place,
    );
    for (const [i, line] of lines.entries()) {
      const entry = entries[i];
      if (entry?.e && TORN.has(entry.e.code)) return misaligned(place.first + i, entry.e.message);
      if (!("f" in line) || !entry?.g) {
        before = undefined; // a failed chunk within the tolerance: nothing to compare its neighbours with
        continue;
      }
      const [start, end] = entry.g;
      if (before && before.source === line.s && before.end !== start) {
        return misaligned(place.first + i, `it begins at byte ${start}, but the one before ends at byte ${before.end}`);
      }
      before = { source: line.s, end };
    }
  }
  return undefined;
}

const misaligned = (ordinal: number, what: string): Failure => ({
  step: "tasks",
  code: "CSV_MISALIGNED",
  message: `The CSV holds newlines within quotes, though partitioningSettings.quotedNewlines says "never" (chunk ${ordinal}: ${what}). Leave the setting out, so that the file is cut on its records, and run the job again.`,
  retryable: false,
});

/** The index entry of each task of a batch, from the claim that its state names. */
async function entriesOf(
  ctx: StepContext,
  job: JobItem,
  place: BatchPlace,
  claims: readonly number[],
): Promise<readonly (TaskEntry | undefined)[]> {
  const where = { owner: job.owner, jobId: job.id };
  const indexes = new Map<number, ClaimIndex>();
  for (const claim of new Set(claims)) {
    if (claim === 0) continue;
    const key = claimIndexKey(where, job.generation, place.n, claim);
    indexes.set(claim, await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, claimIndex));
  }
  return claims.map((claim, i) => indexes.get(claim)?.tasks.find((entry) => entry.o === i));
}
