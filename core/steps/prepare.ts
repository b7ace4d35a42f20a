/**
 * prepare: waits for the job's start, resolves its source into a table of objects with their versions, and unpacks what
 * can't be read in place. STARTED → UPLOADING at its first claim, UPLOADING → PARTITIONING at its end. Every execution begins
 * here: one of a later run is routed on to what comes behind the last state whose result still stands.
 */
import * as z from "zod";
import type { PreparedFile, PreparedLine } from "../contracts/chunk-index.ts";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { InvalidInputError } from "../errors.ts";
import { loadJob, loadSpec } from "../job/load.ts";
import { endStep, type StepHold, SUPERSEDED, saveCursor, takeStepClaim } from "../job/step-claim.ts";
import { transition } from "../job/transition.ts";
import { jobKey } from "../keys/item-keys.ts";
import { jobPrefix, stagePrefix } from "../keys/object-keys.ts";
import { AppendLog } from "../partition/append-log.ts";
import { methodOf, needsSource, type PartitionMethod } from "../partition/method.ts";
import { probeText } from "../partition/probe.ts";
import { inSource, readRange } from "../partition/read-source.ts";
import { resolveSource, sourceObjects } from "../partition/source.ts";
import { acceptor, holdsFirstChunk, type ProbedObject, preparedRow, probeObjects } from "../partition/source-table.ts";
import { gzipTooLarge, stageGzip } from "../partition/stage.ts";
import { RefusedError } from "../ports/index.ts";
import { type JobState, WISHES } from "../states/job-states.ts";
import type { StepContext } from "./context.ts";

const NEXT: StepAnswer = { next: "partition" };

const logPart = z.object({ key: z.string(), etag: z.string(), size: z.int() });
const object = z.object({
  bucket: z.string(),
  key: z.string(),
  size: z.int(),
  etag: z.string(),
  versionId: z.string().exactOptional(),
  lastModified: z.string().exactOptional(),
});
const resolved = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("none") }),
  z.object({ kind: z.literal("object"), object, root: z.string() }),
  z.object({ kind: z.literal("prefix"), bucket: z.string(), prefix: z.string(), root: z.string() }),
]);
const cursorSchema = z.object({
  source: resolved,
  /** The last object that is dealt with. */
  after: z.string().optional(),
  /** The table so far. */
  table: logPart.nullable(),
  count: z.int(),
  bytes: z.int(),
  header: z.string().nullable(),
});
type Cursor = z.infer<typeof cursorSchema>;

/** @throws JobJobError OBJECT_MISSING, BUCKET_MISSING, ACCESS_DENIED, INPUT_CHANGED, GZIP_…, INVALID_PARAMS, CSV_HEADER, … */
export async function prepare(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  const answer = (await routeRun(ctx, input)) ?? (await beforeStart(ctx, input));
  if (answer) return answer;
  const hold = await takeStepClaim(ctx, input, "prepare", {
    enter: "STARTED",
    in: "UPLOADING",
    ended: { state: "PARTITIONING", answer: NEXT },
  });
  if ("next" in hold) return hold;
  const method = methodOf(hold.spec);
  if (needsSource(method) === "none") return finish(ctx, hold, { v: 1, sources: null, root: "", header: null });
  const cursor = hold.cursor === undefined ? await begin(ctx, hold) : cursorSchema.parse(hold.cursor);
  if (cursor.source.kind === "none") {
    if (needsSource(method) === "required") throw sourceMissing(hold.spec);
    return finish(ctx, hold, { v: 1, sources: null, root: "", header: null });
  }
  const table = new AppendLog(logPorts(ctx), `${hold.scratch}sources.jsonl`, cursor.table);
  try {
    const work = await collect(ctx, hold, method, cursor, table);
    const sealed = await table.seal();
    if (!work.done) return await saveCursor(ctx, hold, { ...work.cursor, table: sealed });
    const { count, bytes, header, source } = work.cursor;
    const sources = { key: sealed.key, size: sealed.size, count, bytes };
    return await finish(ctx, hold, { v: 1, sources, root: "root" in source ? source.root : "", header });
  } catch (error) {
    await table.discard();
    throw error;
  }
}

/** Where a run goes that doesn't begin with its source; undefined when it does. */
async function routeRun(ctx: StepContext, input: StepInput): Promise<StepAnswer | undefined> {
  for (;;) {
    const job = await loadJob(ctx.table, input.jobId);
    if (!job || job.deletedAt || job.run !== input.run || job.wish >= WISHES.FAIL) return SUPERSEDED;
    const way = WAY_FROM[job.state];
    if (way) return way;
    if (job.state !== "REQUEUEING") return undefined;
    // plan makes the transition itself: it applies the selection before.
    if (job.stands === "PARTITIONED") return { next: "plan" };
    try {
      await transition(ctx, {
        jobId: job.id,
        owner: job.owner,
        from: "REQUEUEING",
        to: job.stands ?? "STARTED",
        run: job.run,
        who: "workflow",
        if: [{ eq: ["wish", job.wish] }],
      });
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error; // aborted, or another invocation was faster: look again
    }
  }
}

/** A resumed run, one whose first call of prepare lost its answer, or one that the sweeper started anew. */
const WAY_FROM: Partial<Record<JobState, StepAnswer>> = {
  PARTITIONED: { next: "plan" },
  PAUSING: { next: "plan" },
  TASKS_COMPLETED: { next: "assemble" },
  MERGING: { next: "assemble" },
  MERGED: { next: "deliver" },
  DOWNLOADING: { next: "deliver" },
};

/** `wait` while startAt or the grace period lies ahead; the job stays STARTED and says why. */
async function beforeStart(ctx: StepContext, input: StepInput): Promise<StepAnswer | undefined> {
  const job = await loadJob(ctx.table, input.jobId);
  if (!job || job.deletedAt || job.run !== input.run || job.wish >= WISHES.FAIL) return SUPERSEDED;
  if (job.state !== "STARTED") return undefined;
  const until = startOf(job, await loadSpec(ctx.table, job.id));
  if (until <= ctx.clock.now()) return undefined;
  await noteWaiting(ctx, job);
  return { next: "wait", until: new Date(until).toISOString() };
}

function startOf(job: JobItem, spec: SpecItem): number {
  const startAt = spec.startAt === undefined ? 0 : Date.parse(spec.startAt);
  const grace = spec.config.gracePeriod * 1_000;
  return Math.max(Number.isNaN(startAt) ? 0 : startAt, grace > 0 ? (job.submittedAt ?? job.createdAt) + grace : 0);
}

async function noteWaiting(ctx: StepContext, job: JobItem): Promise<void> {
  if (job.waitingFor === "START_AT") return;
  try {
    await ctx.table.write({
      update: jobKey(job.id),
      changes: { set: { waitingFor: "START_AT" } },
      if: { all: [{ eq: ["state", "STARTED"] }, { eq: ["run", job.run] }] },
    });
  } catch (error) {
    // The job moved on meanwhile (aborted, deleted): then it waits for nothing, and the next call finds out.
    if (!(error instanceof RefusedError)) throw error;
  }
}

async function begin(ctx: StepContext, hold: StepHold): Promise<Cursor> {
  const source = await resolveSource(ctx, placeOf(hold), hold.spec.dataSource);
  return cursorSchema.parse({ source, table: null, count: 0, bytes: 0, header: null });
}

interface Work {
  readonly done: boolean;
  readonly cursor: Cursor;
}

/** Lists, probes and unpacks until all is done or the budget is used up; at least one object is dealt with. */
async function collect(
  ctx: StepContext,
  hold: StepHold,
  method: PartitionMethod,
  from: Cursor,
  table: AppendLog,
): Promise<Work> {
  let cursor = from;
  let first = true;
  const accepts = acceptor(method, "root" in cursor.source ? cursor.source.root : "");
  for await (const page of sourceObjects(ctx.objects, cursor.source, cursor.after)) {
    for await (const probed of probeObjects(ctx.objects, method, page.filter(accepts))) {
      const row = await rowOf(ctx, hold, method, probed, cursor.count);
      if (!row) {
        if (first) throw gzipTooLarge(probed.object);
        return { done: false, cursor };
      }
      first = false;
      table.write(`${JSON.stringify(row)}\n`);
      if (table.full) await table.drain();
      cursor = {
        ...cursor,
        after: probed.object.key,
        count: cursor.count + 1,
        bytes: cursor.bytes + row.z,
        header: cursor.header ?? row.h ?? null,
      };
      if (hold.spec.config.isTestJob && holdsFirstChunk(method, row, cursor.count)) return { done: true, cursor };
      if (ctx.clock.now() >= hold.deadline) return { done: false, cursor };
    }
    const last = page.at(-1);
    if (!last) continue; // nothing but folder markers: without progress there is no cursor to save
    cursor = { ...cursor, after: last.key };
    if (ctx.clock.now() >= hold.deadline) return { done: false, cursor };
  }
  return { done: true, cursor };
}

/** A row of the table, or null when unpacking didn't fit into what is left of the budget. */
async function rowOf(
  ctx: StepContext,
  hold: StepHold,
  method: PartitionMethod,
  { object: found, head }: ProbedObject,
  number: number,
): Promise<PreparedLine | null> {
  if (head !== "gzip" || method.kind !== "records") return preparedRow(found, head === "gzip" ? null : head);
  try {
    const key = `${stagePrefix(placeOf(hold), hold.job.run, hold.claim)}${number}`;
    const copy = await stageGzip(found, { ports: logPorts(ctx), clock: ctx.clock, deadline: hold.deadline, key });
    if (!copy) return null;
    const staged = { bucket: ctx.settings.bucket, ...copy };
    const inner = await probeText((from, to) => readRange(ctx.objects, staged, from, to), staged.size, method.input);
    // Packed twice: unpacking once more is the user's affair, the bytes are taken as they are.
    return preparedRow(staged, inner === "gzip" ? null : inner, found.key);
  } catch (error) {
    throw inSource(error, found);
  }
}

async function finish(ctx: StepContext, hold: StepHold, prepared: PreparedFile): Promise<StepAnswer> {
  const key = `${hold.scratch}prepared.json`;
  await ctx.objects.put({ bucket: ctx.settings.bucket, key }, JSON.stringify(prepared), {
    contentType: "application/json",
  });
  const changes = { set: { prepared: key.slice(jobPrefix(placeOf(hold)).length) } };
  return endStep(ctx, hold, "PARTITIONING", changes, NEXT);
}

function sourceMissing(spec: SpecItem): InvalidInputError {
  return new InvalidInputError(
    "dataSource",
    `the partitioner ${spec.blocks.partitioner} cuts a source, but there is none; name one, or use the partitioner range or replicate-fanout`,
  );
}

const placeOf = (hold: StepHold) => ({ owner: hold.job.owner, jobId: hold.job.id });
const logPorts = (ctx: StepContext) => ({
  objects: ctx.objects,
  bucket: ctx.settings.bucket,
  partBytes: ctx.settings.partBytes,
  partLimit: ctx.settings.partLimit,
});
