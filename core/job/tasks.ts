/** Task rows, page by page: a page of 1,000 is one batch or a few, whatever the number of tasks. */
import { invalid, taskNotFound } from "../contracts/api/errors.ts";
import type { TaskRecord, TasksAnswer } from "../contracts/api/records.ts";
import type { BatchTable } from "../contracts/batch-table.ts";
import type { JobItem } from "../contracts/job-items.ts";
import type { ClaimIndex } from "../contracts/worker.ts";
import { jobPrefix } from "../keys/object-keys.ts";
import { loadChunks } from "../partition/locate-batches.ts";
import { readChunkLines, type sourcesOf } from "../partition/read-batch.ts";
import type { TaskState } from "../states/task-states.ts";
import { type BatchTasks, loadBatchTable, loadBatchTasks, loadClaimIndex } from "./batch-files.ts";
import { concurrently } from "./concurrently.ts";
import type { JobContext } from "./context.ts";
import type { Edit } from "./edit.ts";
import { findJob } from "./find.ts";
import { ALONE, entriesOf, IN_LIST, type RowDetail, stateOfTask, taskRow } from "./task-row.ts";

export const MAX_TASK_ROWS = 1_000;
/** Batches that one call looks at for a state; what is left comes with the cursor. */
const MAX_LOOKED = 500;
const LOOK_AT_ONCE = 50;
const READS_AT_ONCE = 32;
const CLAIMS_PER_READ = 20;
/** Objects of a chunk that a row shows. */
const SHOWN_SOURCES = { list: 1, alone: 100 };

export interface TaskQuery {
  readonly state?: TaskState | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** @throws ApiError 400, 404 */
export async function listTasks(ctx: JobContext, { owner, id }: Edit, query: TaskQuery): Promise<TasksAnswer> {
  const { job } = await findJob(ctx.table, owner, id);
  const from = readCursor(query.cursor);
  const table = await loadBatchTable(ctx, job);
  const picked = table ? await pick(ctx, job, table, query, from) : { selections: [], next: undefined };
  const data = await rowsOf(ctx, job, picked.selections, IN_LIST, SHOWN_SOURCES.list);
  const { next } = picked;
  return {
    data,
    pagination: {
      total: query.state === undefined ? (table?.tasks ?? 0) : null,
      offset: query.state === undefined ? from : 0,
      hasPrevious: from > 0,
      hasNext: next !== undefined,
      cursor: next === undefined ? null : writeCursor(next),
    },
  };
}

/** @throws ApiError 404 JOB_NOT_FOUND, TASK_NOT_FOUND */
export async function getTask(ctx: JobContext, { owner, id }: Edit, ordinal: number): Promise<TaskRecord> {
  const { job } = await findJob(ctx.table, owner, id);
  const table = await loadBatchTable(ctx, job);
  const place = table?.batches[Math.floor(ordinal / table.batchSize)];
  if (!table || !place || ordinal >= table.tasks) throw taskNotFound(id, ordinal, table?.tasks);
  const [batch] = await loadBatchTasks(ctx, job, table.gates, [place]);
  const selections = batch ? [{ batch, chosen: [ordinal - place.first] }] : [];
  const [row] = await rowsOf(ctx, job, selections, ALONE, SHOWN_SOURCES.alone);
  if (!row) throw new Error("a batch that was read gives a row for each chosen task");
  return row;
}

/** Tasks of one batch that are to be shown, relative to its first. */
interface Selection {
  readonly batch: BatchTasks;
  readonly chosen: readonly number[];
}

/** Walks the batches from an ordinal on until the page is full. `next`: the ordinal the next page begins with. */
async function pick(
  ctx: JobContext,
  job: JobItem,
  table: BatchTable,
  query: TaskQuery,
  from: number,
): Promise<{ readonly selections: readonly Selection[]; readonly next: number | undefined }> {
  const selections: Selection[] = [];
  let left = query.limit;
  let n = Math.floor(from / table.batchSize);
  const end = Math.min(table.batches.length, n + Math.max(MAX_LOOKED, query.limit));
  while (n < end) {
    const places = table.batches.slice(n, Math.min(end, n + LOOK_AT_ONCE));
    for (const batch of await loadBatchTasks(ctx, job, table.gates, places)) {
      const chosen: number[] = [];
      for (const [o, task] of batch.tasks.entries()) {
        const ordinal = batch.place.first + o;
        if (ordinal < from || (query.state !== undefined && stateOfTask(task, job) !== query.state)) continue;
        if (left === 0) return { selections: [...selections, { batch, chosen }], next: ordinal };
        chosen.push(o);
        left--;
      }
      selections.push({ batch, chosen });
    }
    n += places.length;
  }
  return { selections, next: table.batches[n]?.first };
}

async function rowsOf(
  ctx: JobContext,
  job: JobItem,
  selections: readonly Selection[],
  detail: RowDetail,
  shownSources: number,
): Promise<TaskRecord[]> {
  const wanted = selections.filter(({ chosen }) => chosen.length > 0);
  if (wanted.length === 0 || job.chunks === undefined) return [];
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + job.chunks;
  const chunks = await loadChunks(ctx.objects, ctx.settings.bucket, key);
  const keys = { index: chunks.index, sources: chunks.sourcesKey };
  const rows = await concurrently(wanted, READS_AT_ONCE, async ({ batch, chosen }) => {
    const { place, tasks } = batch;
    const [claims, lines] = await Promise.all([
      claimsOf(ctx, job, batch, chosen, detail.claims),
      readChunkLines(ctx.objects, ctx.settings.bucket, keys, place),
    ]);
    const made: TaskRecord[] = [];
    for (const relative of chosen) {
      const task = tasks[relative];
      if (!task) continue;
      const line = lines.lines[relative];
      const first = line && limited(line, shownSources);
      const sources = first ? await lines.sources(first) : [];
      made.push(taskRow({ job, ordinal: place.first + relative, task, claims, relative, line, sources }, detail));
    }
    return made;
  });
  return rows.flat();
}

/** The same chunk with at most `most` of its objects: a set may hold thousands. */
function limited<L extends Parameters<typeof sourcesOf>[0]>(line: L, most: number): L {
  return "n" in line && line.n > most ? { ...line, n: most } : line;
}

/**
 * The claims that tell about the chosen tasks: the latest of each, and of those that were tried again the ones before, until
 * all attempts are told or `most` claims were read.
 */
async function claimsOf(
  ctx: JobContext,
  job: JobItem,
  batch: BatchTasks,
  chosen: readonly number[],
  most: number,
): Promise<[number, ClaimIndex][]> {
  const found = new Map<number, ClaimIndex | undefined>(batch.lost.map((claim) => [claim, undefined]));
  const read = async (claims: Iterable<number>) => {
    const wanted = [...new Set(claims)].filter((claim) => claim > 0 && !found.has(claim));
    const indexes = await concurrently(wanted, 8, (claim) => loadClaimIndex(ctx, job, batch.place.n, claim));
    for (const [i, claim] of wanted.entries()) found.set(claim, indexes[i]);
  };
  const rising = () =>
    [...found]
      .flatMap(([claim, index]): [number, ClaimIndex][] => (index ? [[claim, index]] : []))
      .sort(([a], [b]) => a - b);
  const retried = chosen.filter((o) => (batch.tasks[o]?.attempts ?? 0) > 1);
  const isUntold = (): boolean => {
    const claims = rising();
    return retried.some((relative) => {
      const task = batch.tasks[relative];
      return task !== undefined && entriesOf({ claims, task, relative }).length < task.attempts;
    });
  };

  const latest = chosen.map((o) => batch.tasks[o]?.claim ?? 0);
  await read(latest);
  let to = Math.max(0, ...latest);
  for (let left = most; to > 0 && left > 0 && isUntold(); left -= CLAIMS_PER_READ) {
    await read(Array.from({ length: Math.min(left, CLAIMS_PER_READ) }, (_, i) => to - i));
    to -= CLAIMS_PER_READ;
  }
  return rising();
}

const writeCursor = (ordinal: number): string => Buffer.from(`t1.${ordinal}`).toString("base64url");
function readCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const [, ordinal] = /^t1\.(\d{1,9})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (ordinal === undefined)
    throw invalid("cursor", "is not one that this list answered; leave it out to begin anew", "CURSOR_INVALID");
  return Number(ordinal);
}
