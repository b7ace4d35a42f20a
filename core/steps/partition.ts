/**
 * partition: cuts the prepared sources into chunks and writes their index. Works in PARTITIONING; what it found is noted
 * on the job (`chunks`), and plan makes the transition. Resumable at any block of a source.
 */
import * as z from "zod";
import { type ChunksFile, OFFSET_STRIDE, preparedFile } from "../contracts/chunk-index.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { noteOutcome, type StepHold, saveCursor, takeStepClaim } from "../job/step-claim.ts";
import { jobPrefix } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import { AppendLog } from "../partition/append-log.ts";
import { IndexWriter } from "../partition/index-writer.ts";
import { methodOf } from "../partition/method.ts";
import { cutSources, FRESH, partitionState } from "../partition/partitioning.ts";
import type { StepContext } from "./context.ts";

const NEXT: StepAnswer = { next: "plan" };

const logPart = z.object({ key: z.string(), etag: z.string(), size: z.int() });
const cursorSchema = z.object({
  state: partitionState,
  counts: z.object({ tasks: z.int(), bytes: z.int(), sourcesEnd: z.int() }),
  readBytes: z.int(),
  index: logPart,
  offsets: logPart,
});

/** @throws JobJobError INPUT_CHANGED, CSV_UNTERMINATED_QUOTE, RECORD_TOO_LARGE, TOO_MANY_CHUNKS, INVALID_PARAMS, … */
export async function partition(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  const hold = await takeStepClaim(ctx, input, "partition", {
    in: "PARTITIONING",
    ended: { state: "PARTITIONED", answer: NEXT },
  });
  if ("next" in hold) return hold;
  const root = jobPrefix({ owner: hold.job.owner, jobId: hold.job.id });
  // An earlier call of this run was done already, and its answer was lost.
  if (hold.job.chunks?.startsWith(hold.scratch.slice(root.length).replace(/c\d+\/$/, ""))) return NEXT;
  if (hold.job.prepared === undefined) throw notPrepared(hold);

  const { bucket, partBytes, partLimit } = ctx.settings;
  const prepared = await readJson(ctx.objects, { bucket, key: root + hold.job.prepared }, preparedFile);
  const cursor = hold.cursor === undefined ? undefined : cursorSchema.parse(hold.cursor);
  const ports = { objects: ctx.objects, bucket, partBytes, partLimit };
  const index = new AppendLog(ports, `${hold.scratch}index.jsonl`, cursor?.index ?? null);
  const offsets = new AppendLog(ports, `${hold.scratch}offsets.jsonl`, cursor?.offsets ?? null);
  const writer = new IndexWriter(index, offsets, cursor?.counts);
  let readBytes = cursor?.readBytes ?? 0;
  try {
    const outcome = await cutSources(
      {
        objects: ctx.objects,
        bucket,
        method: methodOf(hold.spec),
        prepared,
        writer,
        firstOnly: hold.spec.config.isTestJob,
        isLate: () => ctx.clock.now() >= hold.deadline,
        onRead: (bytes) => {
          readBytes += bytes;
        },
      },
      cursor?.state ?? FRESH,
    );
    const written = { index: await index.seal(), offsets: await offsets.seal() };
    if (!outcome.done) {
      return await saveCursor(ctx, hold, { state: outcome.state, counts: writer.counts, readBytes, ...written });
    }
    const { tasks, bytes, sourcesEnd } = writer.counts;
    const key = `${hold.scratch}chunks.json`;
    const chunks: ChunksFile = {
      v: 1,
      tasks,
      bytes,
      readBytes,
      sources: prepared.sources?.count ?? 0,
      index: written.index.key,
      indexSize: written.index.size,
      sourcesKey: prepared.sources?.key ?? null,
      sourcesEnd,
      offsets: written.offsets.key,
      stride: OFFSET_STRIDE,
      sourceRoot: prepared.root,
      header: prepared.header,
    };
    await ctx.objects.put({ bucket, key }, JSON.stringify(chunks), { contentType: "application/json" });
    return await noteOutcome(ctx, hold, { set: { chunks: key.slice(root.length) } }, NEXT);
  } catch (error) {
    await index.discard();
    await offsets.discard();
    throw error;
  }
}

function notPrepared(hold: StepHold): JobJobError {
  return new JobJobError({
    code: "NOT_PREPARED",
    message: `The job ${hold.job.id} is PARTITIONING but its sources were never prepared; run it again.`,
  });
}
