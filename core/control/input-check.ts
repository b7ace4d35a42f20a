import { conflict } from "../contracts/api/errors.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { type SourceLine, sourceLine } from "../contracts/worker.ts";
import { JobJobError } from "../errors.ts";
import { jobPrefix } from "../keys/object-keys.ts";
import { inParallel } from "../merge/index.ts";
import { parseJson } from "../objects/json.ts";
import { loadChunks } from "../partition/locate-batches.ts";
import type { ControlContext } from "../steps/context.ts";

/** Objects looked at, and bytes of the table of sources read for them: the call must answer in seconds. */
const MOST_SOURCES = 100;
const MOST_BYTES = 256 * 1024;
const AT_ONCE = 20;

/**
 * Whether the chunks can still be cut from the source: its first objects are looked at here; of the others a worker notices
 * (each read demands the version that the chunk was made from).
 * @throws ApiError 409 INPUT_CHANGED
 */
export async function checkInput(ctx: ControlContext, job: JobItem): Promise<void> {
  if (job.failure?.code === "INPUT_CHANGED") throw changed(job, job.failure.message);
  if (job.chunks === undefined) return;
  const { bucket } = ctx.settings;
  const chunks = await loadChunks(ctx.objects, bucket, jobPrefix({ owner: job.owner, jobId: job.id }) + job.chunks);
  if (chunks.sourcesKey === null || chunks.sourcesEnd === 0) return;
  const place = { bucket, key: chunks.sourcesKey };
  const range = { from: 0, to: Math.min(chunks.sourcesEnd, MOST_BYTES) };
  const text = new TextDecoder().decode(await ctx.objects.get(place, { range }));
  const whole = range.to < chunks.sourcesEnd ? text.slice(0, text.lastIndexOf("\n") + 1) : text;
  const lines = whole.split("\n").filter((line) => line !== "");
  await inParallel(lines.slice(0, MOST_SOURCES), AT_ONCE, async (line) => {
    const source = parseJson(sourceLine, line, place);
    if (!(await isUnchanged(ctx, source))) throw changed(job, `s3://${source.b}/${source.k} was changed or removed.`);
  });
}

async function isUnchanged(ctx: ControlContext, source: SourceLine): Promise<boolean> {
  try {
    const { etag } = await ctx.objects.head({ bucket: source.b, key: source.k });
    return etag === source.e;
  } catch (error) {
    if (error instanceof JobJobError && error.code === "OBJECT_MISSING") return false;
    throw error;
  }
}

const changed = (job: JobItem, what: string): Error =>
  conflict(
    "INPUT_CHANGED",
    `The source of the job ${job.id} is no longer what its chunks were made from: ${what} Requeue it with repartition: true to cut it anew; all tasks run again.`,
  );
