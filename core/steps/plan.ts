/**
 * plan λ: hands out the unfinished batches of an epoch (run, round). Fence → consistent read → manifest of what is unfinished →
 * open → PARTITIONED. Repeating any part changes nothing; a wish that came in between is not lost.
 */
import { asBatch, isUnfinished, tasksIn } from "../batches/batch.ts";
import { claimedBatches } from "../batches/read.ts";
import { picksOf } from "../batches/select-tasks.ts";
import { batchSize, gateCount } from "../batches/sizing.ts";
import { type BatchTable, batchTable } from "../contracts/batch-table.ts";
import type { ChunksFile } from "../contracts/chunk-index.ts";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import type { WorkSpec } from "../contracts/worker.ts";
import type { BatchPlace, Policy, StepAnswer, StepInput } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { fenceGates, type GateRange, holdGates, openGates } from "../gates/fence.ts";
import { type Epoch, loadGates, sumGates, unfinishedOf } from "../gates/gates.ts";
import { makeGates } from "../gates/make.ts";
import { writeHint } from "../job/hint.ts";
import { loadJob, loadSpec } from "../job/load.ts";
import { SUPERSEDED } from "../job/step-claim.ts";
import { tryTransition } from "../job/transition.ts";
import { jobKey } from "../keys/item-keys.ts";
import { hintKey, type JobPlace, jobPrefix, planPrefix } from "../keys/object-keys.ts";
import { Flights } from "../merge/index.ts";
import { readJson, writeJson } from "../objects/json.ts";
import { loadChunks, locateBatches } from "../partition/locate-batches.ts";
import { type Condition, type Item, isRefused } from "../ports/index.ts";
import { type JobState, WISHES } from "../states/job-states.ts";
import type { StepContext } from "./context.ts";
import { resetBatch } from "./reset-batches.ts";

/** Before plan, or in plan's hands. Another run or an ended state ends it at first look; a wish never does. */
const PLANNABLE: readonly JobState[] = ["PARTITIONING", "REQUEUEING", "PARTITIONED", "PAUSING"];

/** Transactions under way at once; batches of a gate follow each other in the query, and meet in it. */
const RESETS_AT_ONCE = 8;

export async function plan(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  const job = await loadJob(ctx.table, input.jobId);
  if (!job || job.run !== input.run || job.deletedAt || !PLANNABLE.includes(job.state)) return SUPERSEDED;
  const epoch: Epoch = { run: input.run, round: input.step?.round ?? 1 };
  const spec = await loadSpec(ctx.table, job.id);
  const place: JobPlace = { owner: job.owner, jobId: job.id };
  const chunks = await loadChunks(ctx.objects, ctx.settings.bucket, jobPrefix(place) + required(job.chunks, "chunks"));
  const prefix = planPrefix(place, epoch.run, epoch.round, ctx.ids.ulid());
  const { table, key: tableKey } = await loadOrMakeTable(ctx, job, spec, chunks, prefix);
  const range: GateRange = { jobId: job.id, generation: job.generation, gates: table.gates };

  if (!(await makeGates(ctx.table, job, epoch, tasksOfGates(table), PLANNABLE))) return SUPERSEDED;
  await fenceGates(ctx.table, range, epoch);
  const left = await unfinishedBatches(ctx, job, table, epoch);
  const manifest = `${prefix}manifest.json`;
  const work = `${prefix}work.json`;
  await writeJson(ctx.objects, { bucket: ctx.settings.bucket, key: manifest }, left);
  await writeJson(ctx.objects, { bucket: ctx.settings.bucket, key: work }, workSpecOf(ctx, job, spec, chunks, epoch));
  await writeHint(ctx, place, { run: epoch.run, round: epoch.round, wish: WISHES.NONE });
  await openGates(ctx.table, range, epoch);

  const planned = await enterPartitioned(ctx, job, epoch, table, {
    table: tableKey.slice(jobPrefix(place).length),
    work: work.slice(jobPrefix(place).length),
  });
  if (!planned) {
    await holdGates(ctx.table, range, epoch);
    return SUPERSEDED;
  }
  if (left.length === 0) return { next: "settle", round: epoch.round };
  return {
    next: "tasks",
    round: epoch.round,
    bucket: ctx.settings.bucket,
    manifest,
    owner: job.owner,
    work,
    generation: job.generation,
    policy: policyOf(spec, table),
    workers: Math.min(workerLimit(ctx, spec), left.length),
  };
}

function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new JobJobError({
    code: "JOB_INCOMPLETE",
    message: `The job item has no "${name}" yet; the step before plan hasn't ended.`,
  });
}

const workerLimit = (ctx: StepContext, spec: SpecItem): number =>
  Math.min(spec.config.maxConcurrency ?? ctx.settings.maxWorkers, ctx.settings.maxWorkers);

/** The table of an earlier plan, else a new one: the same chunks and spec always make the same. */
async function loadOrMakeTable(
  ctx: StepContext,
  job: JobItem,
  spec: SpecItem,
  chunks: ChunksFile,
  prefix: string,
): Promise<{ readonly table: BatchTable; readonly key: string }> {
  const { bucket } = ctx.settings;
  if (job.table !== undefined) {
    const key = jobPrefix({ owner: job.owner, jobId: job.id }) + job.table;
    return { table: await readJson(ctx.objects, { bucket, key }, batchTable), key };
  }
  const size = batchSize(chunks.tasks, spec.taskSeconds, workerLimit(ctx, spec));
  const batches: BatchPlace[] = [];
  for await (const place of locateBatches({ objects: ctx.objects, bucket }, chunks, size)) batches.push(place);
  const table: BatchTable = { v: 1, tasks: chunks.tasks, batchSize: size, gates: gateCount(batches.length), batches };
  const key = `${prefix}table.json`;
  await writeJson(ctx.objects, { bucket: ctx.settings.bucket, key }, table);
  return { table, key };
}

function tasksOfGates({ batches, gates }: BatchTable): readonly number[] {
  const tasks = Array.from({ length: gates }, () => 0);
  for (const { n, count } of batches) tasks[n % gates] = (tasks[n % gates] ?? 0) + count;
  return tasks;
}

/**
 * What isn't finished once the requeue's selection, if there is one, has been applied; a batch without an item is all QUEUED.
 * Reads nothing while the gates say that all is fresh, or done and nothing selected.
 */
async function unfinishedBatches(
  ctx: StepContext,
  job: JobItem,
  table: BatchTable,
  epoch: Epoch,
): Promise<readonly BatchPlace[]> {
  // Only while it is REQUEUEING: a later round's plan must not reset what has run since.
  const picks = job.state === "REQUEUEING" ? picksOf(job.selection, await rangesOf(ctx, job)) : undefined;
  const range: GateRange = { jobId: job.id, generation: job.generation, gates: table.gates };
  const { counts } = sumGates(await loadGates(ctx.table, range.jobId, range.generation, range.gates));
  if (unfinishedOf(counts) === 0 && !picks) return [];
  if (counts.queued === table.tasks && !picks) return table.batches;
  const finished = new Set<number>();
  const look = async ({ n, item }: { readonly n: number; readonly item: Item }) => {
    const tasks = picks ? await resetBatch(ctx, job, table, epoch, n, item, picks) : tasksIn(asBatch(item, 0), epoch);
    if (!isUnfinished(tasks)) finished.add(n);
  };
  const flights = new Flights(RESETS_AT_ONCE);
  try {
    for await (const batch of claimedBatches(ctx.table, range)) await flights.start(() => look(batch));
    await flights.landed();
  } finally {
    await flights.settled();
  }
  return table.batches.filter(({ n }) => !finished.has(n));
}

/** The ordinals of a selection of tasks by number, wherever they lie. */
async function rangesOf(ctx: StepContext, job: JobItem): Promise<string | undefined> {
  const { selection } = job;
  if (selection?.key === undefined) return selection?.ranges;
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + selection.key;
  return new TextDecoder().decode(await ctx.objects.get({ bucket: ctx.settings.bucket, key }));
}

function workSpecOf(ctx: StepContext, job: JobItem, spec: SpecItem, chunks: ChunksFile, epoch: Epoch): WorkSpec {
  const versions = required(spec.versions, "versions");
  return {
    v: 1,
    jobId: job.id,
    owner: job.owner,
    run: epoch.run,
    round: epoch.round,
    generation: job.generation,
    bucket: ctx.settings.bucket,
    app: versions.app,
    assembler: versions.assembler,
    params: { app: spec.params.app, assembler: spec.params.assembler },
    input: required(spec.input, "input"),
    resultFormat: required(spec.resultFormat, "resultFormat"),
    sources: chunks.sourcesKey,
    index: chunks.index,
    sourceRoot: chunks.sourceRoot,
    taskCount: chunks.tasks,
    taskTimeoutMs: spec.config.taskTimeout * 1_000,
    hint: hintKey({ owner: job.owner, jobId: job.id }),
  };
}

function policyOf(spec: SpecItem, table: BatchTable): Policy {
  const { config } = spec;
  return {
    attempts: config.maxTaskRetries + 1,
    initialMs: config.retryBackoff.initialMs,
    rate: config.retryBackoff.rate,
    maxMs: config.retryBackoff.maxMs,
    failFast: config.failFast,
    tolerated: config.toleratedFailurePercentage,
    total: table.tasks,
    gates: table.gates,
  };
}

/** On condition of no wish; sets the round, and never lowers it. @returns false when a wish, run or later round refused it. */
async function enterPartitioned(
  ctx: StepContext,
  job: JobItem,
  epoch: Epoch,
  table: BatchTable,
  keys: { readonly table: string; readonly work: string },
): Promise<boolean> {
  const unwished: Condition[] = [{ eq: ["wish", 0] }, { le: ["round", epoch.round] }];
  const named = {
    round: epoch.round,
    tasks: table.tasks,
    batches: table.batches.length,
    batchSize: table.batchSize,
    gates: table.gates,
    table: keys.table,
    work: keys.work,
  };
  if (job.state === "PARTITIONED" || job.state === "PAUSING") {
    try {
      await ctx.table.write({
        update: jobKey(job.id),
        changes: { set: named },
        if: { all: [{ eq: ["state", "PARTITIONED"] }, { eq: ["run", epoch.run] }, ...unwished] },
      });
      return true;
    } catch (error) {
      if (isRefused(error)) return false;
      throw error;
    }
  }
  const outcome = await tryTransition(
    ctx,
    {
      jobId: job.id,
      owner: job.owner,
      from: job.state,
      to: "PARTITIONED",
      run: epoch.run,
      who: "workflow",
      if: unwished,
      changes: { set: named },
      ...(job.state === "PARTITIONING" ? { why: `made ${table.tasks} ${table.tasks === 1 ? "chunk" : "chunks"}` } : {}),
    },
    (now) => now.state === "PARTITIONED" && now.round === epoch.round && now.wish === 0,
    () => loadJob(ctx.table, job.id),
  );
  return outcome !== "refused";
}
