/**
 * What tolerated failures left out of a job's output, in task order: the tasks that failed for good, and those whose app
 * rejected items, each with its chunk and the reasons. Read batch by batch, a few ahead; a chunk's objects one task at a time.
 */
import { asBatch } from "../batches/batch.ts";
import type { PackedTask } from "../batches/packed-states.ts";
import { batchesInOrder } from "../batches/read.ts";
import { type ChunksFile, chunksFile } from "../contracts/chunk-index.ts";
import { type IncompleteTask, incompleteTask } from "../contracts/incomplete.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { type ClaimIndex, claimIndex, type TaskEntry } from "../contracts/worker.ts";
import type { BatchPlace } from "../contracts/workflow.ts";
import { JobJobError, toErrorData } from "../errors.ts";
import { chunkOut } from "../job/task-row.ts";
import { claimIndexKey, jobPrefix } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import { type BatchLines, readChunkLines } from "../partition/read-batch.ts";
import type { Item } from "../ports/index.ts";
import type { StepContext } from "../steps/context.ts";
import { aheadOf } from "./ahead.ts";
import { inParallel } from "./in-parallel.ts";
import { loadBatchTable } from "./results.ts";

type Ports = Pick<StepContext, "table" | "objects" | "settings" | "log">;
type Job = Pick<JobItem, "id" | "owner" | "generation" | "table" | "chunks">;

const BATCHES_AHEAD = 4;
const INDEXES_AT_ONCE = 8;
/** Characters of a reason. */
const MOST_TEXT = 2_000;

export interface IncompleteBatch {
  readonly n: number;
  tasks(): AsyncGenerator<IncompleteTask>;
}

/** Batches from number `from` on that left something out. */
export async function* incompleteBatches(ctx: Ports, job: Job, from: number): AsyncGenerator<IncompleteBatch> {
  const table = await loadBatchTable(ctx, job);
  if (!table || job.chunks === undefined) return;
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + job.chunks;
  const chunks = await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, chunksFile);
  const batches = aheadOf(batchesInOrder(ctx.table, job, table, from), BATCHES_AHEAD, ({ place, item }) =>
    readBatch(ctx, job, chunks, place, item),
  );
  for await (const batch of batches) if (batch) yield batch;
}

interface Missing {
  /** Ordinal relative to the batch's first. */
  readonly o: number;
  readonly task: PackedTask;
  readonly entry: TaskEntry | undefined;
}

async function readBatch(
  ctx: Ports,
  job: Job,
  chunks: ChunksFile,
  place: BatchPlace,
  item: Item | undefined,
): Promise<IncompleteBatch | undefined> {
  const chosen = asBatch(item, place.count).tasks.flatMap((task, o) =>
    task.letter === "F" || task.letter === "P" ? [{ o, task }] : [],
  );
  if (chosen.length === 0) return undefined;
  const indexes = new Map<number, ClaimIndex | undefined>();
  const claims = [...new Set(chosen.map(({ task }) => task.claim))].filter((claim) => claim > 0);
  await inParallel(claims, INDEXES_AT_ONCE, async (claim) => {
    indexes.set(claim, await loadIndex(ctx, job, place.n, claim));
  });
  const missing = chosen.map(({ o, task }): Missing => {
    const entry = indexes.get(task.claim)?.tasks.find((one) => one.o === o);
    return { o, task, entry };
  });
  const keys = { index: chunks.index, sources: chunks.sourcesKey };
  const lines = await readChunkLines(ctx.objects, ctx.settings.bucket, keys, place);
  return {
    n: place.n,
    async *tasks() {
      for (const one of missing) yield describe(place.first + one.o, one, await chunkOf(lines, one.o));
    },
  };
}

/** The report tells what it can: reasons whose index is gone or broken are not worth failing the job for. */
async function loadIndex(ctx: Ports, job: Job, batch: number, claim: number): Promise<ClaimIndex | undefined> {
  const key = claimIndexKey({ owner: job.owner, jobId: job.id }, job.generation, batch, claim);
  try {
    return await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, claimIndex);
  } catch (error) {
    if (!(error instanceof JobJobError) || error.retryable) throw error;
    ctx.log.warn("INDEX_UNREADABLE", { jobId: job.id, batch, claim, error: toErrorData(error) });
    return undefined;
  }
}

async function chunkOf(lines: BatchLines, o: number): Promise<IncompleteTask["chunk"]> {
  const line = lines.lines[o];
  if (!line) return null;
  // A staged copy goes by the name of what it is a copy of.
  const sources = (await lines.sources(line)).map((source) => ({ ...source, k: source.n ?? source.k }));
  return chunkOut(line, sources);
}

function describe(ordinal: number, { task, entry }: Missing, chunk: IncompleteTask["chunk"]): IncompleteTask {
  const isPartial = task.letter === "P";
  const items = (entry?.j ?? []).map(({ item, reason }) => ({ item: cut(item), reason: cut(reason) }));
  const died =
    task.code === undefined
      ? undefined
      : { code: task.code, message: "The worker ended while it held this task, and left no story." };
  const failed = died ?? (entry?.e ? { code: entry.e.code, message: cut(entry.e.message) } : null);
  return incompleteTask.parse({
    ordinal,
    state: isPartial ? "PARTIAL" : "FAILED",
    attempts: task.attempts,
    error: isPartial ? null : failed,
    rejected: isPartial ? (entry?.jn ?? items.length) : 0,
    items: isPartial ? items : [],
    chunk,
  });
}

const cut = (text: string): string => text.slice(0, MOST_TEXT);
