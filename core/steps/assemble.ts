/**
 * assemble λ: TASKS_COMPLETED → MERGING → MERGED. Merges the committed results in task order into the run's output objects
 * and lists them, with a report of what is missing from them, if anything is. Resumable behind any part; what it writes lies under the claim of its first invocation, since whatever a
 * later or a superseded one writes there again has the same bytes.
 */
import * as z from "zod";
import type { AssemblerInfo } from "../contracts/blocks.ts";
import { chunksFile } from "../contracts/chunk-index.ts";
import type { ListState, OutputEntry } from "../contracts/output-list.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { reportName } from "../delivery/destination.ts";
import { ListWriter } from "../delivery/list-writer.ts";
import { JobJobError } from "../errors.ts";
import { endStep, type StepHold, saveCursor, takeStepClaim } from "../job/step-claim.ts";
import { type JobPlace, jobPrefix, outputPrefix, resultsPrefix, stepPrefix } from "../keys/object-keys.ts";
import {
  type AssemblerEngine,
  type AssemblerEngines,
  type AssemblerWork,
  assemblerParams,
  committedBatches,
  eachCursor,
  jsonValue,
  type MergePorts,
  mergeCursor,
  mergeInto,
  resultsExpired,
  writeEach,
} from "../merge/index.ts";
import { readJson } from "../objects/json.ts";
import { readCsvHeader } from "../records/index.ts";
import { reportState, writeReport } from "./assemble/report.ts";
import type { StepContext } from "./context.ts";

const assembleCursor = z.object({
  /** The claim of the first invocation. */
  first: z.int(),
  /** The report of what is missing: where it stands, or that it is done. */
  report: reportState.optional(),
  /** What `prepare` answered last, and whether it is done. */
  prepared: z.object({ done: z.boolean(), state: jsonValue }).optional(),
  merge: mergeCursor.optional(),
  each: eachCursor.optional(),
});
type AssembleCursor = z.infer<typeof assembleCursor>;

const MERGED: StepAnswer = { next: "deliver" };

export async function assemble(ctx: StepContext, input: StepInput, engines: AssemblerEngines): Promise<StepAnswer> {
  const hold = await takeStepClaim(ctx, input, "assemble", {
    enter: "TASKS_COMPLETED",
    in: "MERGING",
    ended: { state: "MERGED", answer: MERGED },
  });
  if ("next" in hold) return hold;
  const cursor: AssembleCursor = hold.cursor === undefined ? { first: hold.claim } : assembleCursor.parse(hold.cursor);
  const { assembler } = hold.spec.blocks;
  const block = engines[assembler];
  if (!block) {
    throw new JobJobError({
      code: "ASSEMBLER_UNKNOWN",
      message: `There is no assembler "${assembler}"; choose another template, or one of ${Object.keys(engines).join(", ")}.`,
    });
  }
  try {
    return await merge(ctx, hold, cursor, block);
  } catch (error) {
    throw isResultGone(ctx, hold, error) ? resultsExpired(error) : error;
  }
}

async function merge(
  ctx: StepContext,
  hold: StepHold,
  cursor: AssembleCursor,
  { info, engine }: NonNullable<AssemblerEngines[string]>,
): Promise<StepAnswer> {
  const { name } = assemblerParams(info, hold.spec.params.assembler);
  const report = await writeReport(ctx, hold, reportName(name), cursor.report);
  if (!report.done) return saveCursor(ctx, hold, { ...cursor, report } satisfies AssembleCursor);
  const list = new ListWriter<OutputEntry>(ctx.objects, ctx.settings.bucket, `${hold.scratch}list/`, cursor.each?.list);
  const more =
    engine.shape === "each"
      ? await writeAll(ctx, hold, cursor, list)
      : await writeOne(ctx, hold, cursor, list, { info, engine });
  if (more) return saveCursor(ctx, hold, { ...more, report } satisfies AssembleCursor);
  if (report.entry) await list.add(report.entry);
  const head = await list.end(report.entry ? { report: report.entry.n } : {});
  const answer = await endStep(
    ctx,
    hold,
    "MERGED",
    {
      set: {
        output: head.slice(jobPrefix(placeOf(hold)).length),
        incompleteTasks: report.tasks,
        incompleteItems: report.items,
      },
      remove: ["cursor"],
    },
    MERGED,
    mergedText(hold.job.tasks ?? 0, list.state),
  );
  if (answer === MERGED) await removeIntermediates(ctx, intermediates(hold, cursor.first));
  return answer;
}

const mergedText = (tasks: number, { count, bytes }: ListState): string =>
  `merged the results of ${tasks} ${tasks === 1 ? "task" : "tasks"} into ${count} ${count === 1 ? "object" : "objects"}, ${bytes} bytes`;

/** Deleted behind our back: what the batches name is written before they name it. */
const isResultGone = (ctx: StepContext, hold: StepHold, error: unknown): error is JobJobError => {
  if (!(error instanceof JobJobError) || error.code !== "OBJECT_MISSING") return false;
  const { bucket, key } = error.details ?? {};
  return bucket === ctx.settings.bucket && typeof key === "string" && key.startsWith(resultsPrefix(placeOf(hold)));
};

const placeOf = ({ job }: StepHold): JobPlace => ({ owner: job.owner, jobId: job.id });
const intermediates = (hold: StepHold, first: number): string =>
  `${stepPrefix(placeOf(hold), "assemble", hold.job.run, first)}merge/`;

const portsOf = (ctx: StepContext, hold: StepHold): MergePorts => ({
  objects: ctx.objects,
  budget: { remaining: () => hold.deadline - ctx.clock.now() },
  limits: { partBytes: ctx.settings.partBytes, partLimit: ctx.settings.partLimit },
});

async function writeAll(
  ctx: StepContext,
  hold: StepHold,
  cursor: AssembleCursor,
  list: ListWriter<OutputEntry>,
): Promise<AssembleCursor | null> {
  const each = await writeEach(
    {
      ports: portsOf(ctx, hold),
      bucket: ctx.settings.bucket,
      prefix: outputPrefix(placeOf(hold), hold.job.run, cursor.first),
      tasks: hold.job.tasks ?? 0,
      results: (from) => committedBatches(ctx, hold.job, from),
      list,
    },
    cursor.each,
  );
  return each && { first: cursor.first, each };
}

async function writeOne(
  ctx: StepContext,
  hold: StepHold,
  cursor: AssembleCursor,
  list: ListWriter<OutputEntry>,
  { info, engine }: { readonly info: AssemblerInfo; readonly engine: Extract<AssemblerEngine, { shape: "one" }> },
): Promise<AssembleCursor | null> {
  const ports = portsOf(ctx, hold);
  const { params, name } = assemblerParams(info, hold.spec.params.assembler);
  if (name === null) throw new TypeError(`the assembler ${info.name} has one output but no name for it`);
  const work = await workOf(ctx, hold, ports, params);
  let { prepared } = cursor;
  if (engine.prepare && !prepared?.done) {
    prepared = await engine.prepare(work, prepared?.state ?? null);
    if (!prepared.done || ports.budget.remaining() <= 0) return { first: cursor.first, prepared };
  }
  const contentType = engine.contentType(work.params);
  const place = { bucket: ctx.settings.bucket, key: outputPrefix(placeOf(hold), hold.job.run, cursor.first) + name };
  const outcome = await mergeInto(
    ports,
    { place, contentType, scratch: intermediates(hold, cursor.first) },
    engine.source(work, prepared?.state ?? null),
    cursor.merge,
  );
  if (!outcome.done) return { first: cursor.first, ...(prepared ? { prepared } : {}), merge: outcome.cursor };
  await list.add({ n: name, k: place.key, z: outcome.size, e: outcome.etag, c: outcome.crc32, t: contentType });
  return null;
}

async function workOf(
  ctx: StepContext,
  hold: StepHold,
  ports: MergePorts,
  params: AssemblerWork["params"],
): Promise<AssemblerWork> {
  const { job, spec } = hold;
  return {
    objects: ctx.objects,
    budget: ports.budget,
    tasks: job.tasks ?? 0,
    app: { name: spec.blocks.app, params: spec.params.app },
    params,
    inputColumns: await inputColumns(ctx, hold),
    results: (from) => committedBatches(ctx, job, from),
    scratch: (name) => ({ bucket: ctx.settings.bucket, key: hold.scratch + name }),
  };
}

/** From chunks.json: even a job without tasks may have an input with a header. */
async function inputColumns(ctx: StepContext, { job, spec }: StepHold): Promise<readonly string[] | null> {
  if (job.chunks === undefined) return null;
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + job.chunks;
  const { header } = await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, chunksFile);
  if (header === null) return null;
  const head = new TextEncoder().encode(header);
  const read = readCsvHeader(head, { atEnd: true, delimiter: spec.input?.delimiter });
  return read === null || read === "more" ? null : read.names;
}

/** The output stands and is named by the job: the intermediate objects of its tree are no longer needed. */
async function removeIntermediates(ctx: StepContext, prefix: string): Promise<void> {
  const { objects } = await ctx.objects.list(ctx.settings.bucket, prefix);
  if (objects.length === 0) return;
  await ctx.objects.delete(
    ctx.settings.bucket,
    objects.map(({ key }) => key),
  );
}
