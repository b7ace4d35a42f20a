/**
 * The report of what tolerated failures left out, written before the merge: a big one by several invocations in turn, each
 * under its own claim.
 */
import * as z from "zod";
import type { IncompleteHead } from "../../contracts/incomplete.ts";
import { type OutputEntry, outputEntry } from "../../contracts/output-list.ts";
import { loadGates, sumGates } from "../../gates/gates.ts";
import type { StepHold } from "../../job/step-claim.ts";
import { outputPrefix } from "../../keys/object-keys.ts";
import { incompleteBatches } from "../../merge/incomplete.ts";
import { crc32 } from "../../merge/index.ts";
import { AppendLog } from "../../partition/append-log.ts";
import type { StepContext } from "../context.ts";

export const reportState = z.discriminatedUnion("done", [
  z.object({
    done: z.literal(false),
    /** The batch that comes next. */
    batch: z.int(),
    /** What is written so far. */
    log: z.object({ key: z.string(), etag: z.string(), size: z.int() }),
    crc: z.int(),
    tasks: z.int(),
    items: z.int(),
  }),
  z.object({
    done: z.literal(true),
    /** null: nothing is missing. */
    entry: outputEntry.nullable(),
    /** Failed tasks and rejected items. */
    tasks: z.int(),
    items: z.int(),
  }),
]);
type ReportState = z.infer<typeof reportState>;

/** @param name among the outputs. At least one batch of progress per call. */
export async function writeReport(
  ctx: StepContext,
  hold: StepHold,
  name: string,
  before: ReportState | undefined,
): Promise<ReportState> {
  if (before?.done) return before;
  const { job } = hold;
  const { counts } = sumGates(await loadGates(ctx.table, job.id, job.generation, job.gates ?? 0));
  if (counts.failed === 0 && counts.partial === 0) return { done: true, entry: null, tasks: 0, items: 0 };
  const { bucket, partBytes, partLimit } = ctx.settings;
  const key = outputPrefix({ owner: job.owner, jobId: job.id }, job.run, hold.claim) + name;
  const log = new AppendLog({ objects: ctx.objects, bucket, partBytes, partLimit }, key, before?.log ?? null);
  let { crc, tasks, items } = before ?? { crc: 0, tasks: 0, items: 0 };
  const write = async (line: object): Promise<void> => {
    const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
    crc = crc32(bytes, crc);
    log.write(bytes);
    if (log.full) await log.drain();
  };
  if (!before) {
    await write({
      report: "incomplete",
      version: 1,
      jobId: job.id,
      run: job.run,
      tasks: { total: job.tasks ?? 0, failed: counts.failed, partial: counts.partial },
    } satisfies IncompleteHead);
  }
  let progress = false;
  try {
    for await (const batch of incompleteBatches(ctx, job, before?.batch ?? 0)) {
      if (progress && ctx.clock.now() >= hold.deadline) {
        return { done: false, batch: batch.n, log: await log.seal(), crc, tasks, items };
      }
      progress = true;
      for await (const task of batch.tasks()) {
        if (task.state === "FAILED") tasks++;
        items += task.rejected;
        await write(task);
      }
    }
    const sealed = await log.seal();
    const entry: OutputEntry = {
      n: name,
      k: sealed.key,
      z: sealed.size,
      e: sealed.etag,
      c: crc,
      t: "application/x-ndjson",
    };
    return { done: true, entry, tasks, items };
  } catch (error) {
    await log.discard();
    throw error;
  }
}
