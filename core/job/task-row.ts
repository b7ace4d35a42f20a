/** A task as the API shows it, from its packed state, the indexes of the claims that worked on it, and its chunk. */
import type { PackedTask } from "../batches/packed-states.ts";
import type { AttemptRecord, TaskRecord } from "../contracts/api/records.ts";
import type { JobItem } from "../contracts/job-items.ts";
import type { ChunkLine, ClaimIndex, SourceLine, TaskEntry } from "../contracts/worker.ts";
import { TASK_LETTERS, type TaskState } from "../states/task-states.ts";
import { shownTaskState } from "../states/views.ts";

export interface TaskFacts {
  readonly job: JobItem;
  readonly ordinal: number;
  readonly task: PackedTask;
  /** Indexes of the batch's claims, rising; none of a claim that came to nothing. */
  readonly claims: readonly (readonly [claim: number, index: ClaimIndex])[];
  /** Ordinal relative to the batch's first. */
  readonly relative: number;
  readonly line: ChunkLine | undefined;
  readonly sources: readonly SourceLine[];
}

/** How much of a row's lists is shown: one task alone, or a page of up to 1,000 that must stay under 6 MB. */
export interface RowDetail {
  readonly attempts: number;
  readonly rejections: number;
  readonly text: number;
  /** Claims of a batch that are looked through for attempts: more than a few are rare. */
  readonly claims: number;
}
export const IN_LIST: RowDetail = { attempts: 3, rejections: 3, text: 300, claims: 20 };
export const ALONE: RowDetail = { attempts: 100, rejections: 100, text: 10_000, claims: 500 };

export const stateOfTask = (task: PackedTask, job: JobItem): TaskState =>
  shownTaskState(TASK_LETTERS[task.letter], job.state);

export function taskRow(facts: TaskFacts, detail: RowDetail): TaskRecord {
  const { job, task, ordinal } = facts;
  const state = stateOfTask(task, job);
  const told = attemptsOf(facts, detail);
  const last = told.at(-1);
  const entry = entriesOf(facts).at(-1)?.entry;
  return {
    jobId: job.id,
    ordinal,
    state,
    attempt: task.attempts,
    attempts: told,
    error: errorOf(state, job, last),
    startedAt: last?.startedAt ?? null,
    endedAt: last?.endedAt ?? null,
    ms: last?.ms ?? null,
    bytesIn: last?.bytesIn ?? null,
    bytesOut: last?.bytesOut ?? null,
    rejected: entry?.jn ?? entry?.j?.length ?? 0,
    rejections: (entry?.j ?? []).slice(0, detail.rejections).map(({ item, reason }) => ({
      item: item.slice(0, detail.text),
      reason: reason.slice(0, detail.text),
    })),
    chunk: facts.line ? chunkOut(facts.line, facts.sources) : null,
    logLink: task.claim > 0 ? logLink(facts) : null,
  };
}

/** Of all attempts, or of one claim's. */
const logLink = ({ job, ordinal }: TaskFacts, claim?: number): string =>
  `/v1/customer/jobs/${job.id}/logs?task=${ordinal}${claim === undefined ? "" : `&claim=${claim}`}`;

interface Told {
  readonly index: ClaimIndex;
  readonly entry: TaskEntry;
}

/** The task's attempts, the latest last: what indexes up to its claim tell, as many as are charged to it. */
export function entriesOf({
  claims,
  task,
  relative,
}: Pick<TaskFacts, "claims" | "task" | "relative">): readonly Told[] {
  if (task.attempts === 0) return [];
  const told = claims.flatMap(([claim, index]) => {
    const entry = claim <= task.claim ? index.tasks.find(({ o }) => o === relative) : undefined;
    return entry ? [{ index, entry }] : [];
  });
  return told.slice(-task.attempts);
}

const OUTCOMES = { C: "COMPLETED", P: "PARTIAL", K: "SKIPPED", F: "SOFT_FAILED", X: "FAILED" } as const;

function attemptsOf(facts: TaskFacts, detail: RowDetail): AttemptRecord[] {
  const { task } = facts;
  const attempts = entriesOf(facts).map(({ index, entry }): AttemptRecord => {
    const [startedAt, ms] = entry.t;
    return {
      outcome: OUTCOMES[entry.x],
      error: entry.e
        ? { code: entry.e.code, message: entry.e.message.slice(0, detail.text), retryable: entry.e.retryable }
        : null,
      startedAt: new Date(startedAt).toISOString(),
      endedAt: new Date(startedAt + ms).toISOString(),
      ms,
      bytesIn: entry.b[0],
      bytesOut: entry.b[1],
      worker: index.worker,
      requestId: index.requestId,
      maxRss: index.maxRss,
      logLink: logLink(facts, index.claim),
    };
  });
  const last = attempts.at(-1);
  // The attempt that used up the last chance.
  if (last && task.letter === "F") attempts[attempts.length - 1] = { ...last, outcome: "FAILED" };
  return attempts.slice(-detail.attempts);
}

function errorOf(state: TaskState, job: JobItem, last: AttemptRecord | undefined): TaskRecord["error"] {
  if (state === "FAILED" || state === "SOFT_FAILED") return last?.error ?? null;
  if (state !== "CANCELED") return null;
  if (job.state === "CANCELED")
    return { code: "ABORTED", message: "The job was canceled before this task ended.", retryable: true };
  const early = job.failure?.code === "TOLERANCE_EXCEEDED";
  return early
    ? {
        code: "FAIL_FAST",
        message: "The job's failures went beyond its tolerance before this task ended.",
        retryable: true,
      }
    : { code: "JOB_FAILED", message: "The job failed before this task ended.", retryable: true };
}

export function chunkOut(line: ChunkLine, sources: readonly SourceLine[]): TaskRecord["chunk"] {
  const out = {
    sources: sources.map(({ b, k, z }) => ({ bucket: b, key: k, size: z })),
    from: null,
    to: null,
    exact: true,
    objects: null,
    numbers: null,
    replica: null,
  };
  if ("f" in line) return { ...out, from: line.f, to: line.t, exact: line.x === 1 };
  if ("n" in line) return { ...out, objects: line.n };
  if ("r" in line) return { ...out, numbers: line.r.map(spanText).join(",") };
  return { ...out, replica: line.i };
}

const spanText = (span: readonly number[]): string => {
  const [first, last, step] = span;
  return `${first}${last === first ? "" : `-${last}`}${step === undefined || step === 1 ? "" : `x${step}`}`;
};
