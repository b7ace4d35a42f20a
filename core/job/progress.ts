/** A job's counts, times and words as they are shown: derived from its gates, never stored. */
import type { ProgressRecord } from "../contracts/api/records.ts";
import type { JobItem } from "../contracts/job-items.ts";
import type { Counts, GateItem } from "../contracts/progress-items.ts";
import { gateItem } from "../contracts/progress-items.ts";
import { COUNT_OF, type GateSum, sumGates, totalOf } from "../gates/gates.ts";
import { gateKey } from "../keys/item-keys.ts";
import type { Key, Table } from "../ports/index.ts";
import { JOB_STATE_WIRE_PREFIX, type JobState } from "../states/job-states.ts";
import { STORED_TASK_STATES, TASK_STATES, type TaskState } from "../states/task-states.ts";
import { type JobFacts, jobWord, shownTaskState, taskWord, type ViewName } from "../states/views.ts";
import { parseItem } from "./load.ts";

/** Before the transition to PARTITIONED names the gates there is nothing to count. */
export const gateKeysOf = (job: JobItem): readonly Key[] =>
  Array.from({ length: job.gates ?? 0 }, (_, k) => gateKey(job.id, job.generation, k));

/** The sums of each job's gates, by job id, in one BatchGet. */
export async function gateSums(table: Table, jobs: readonly JobItem[]): Promise<ReadonlyMap<string, GateSum>> {
  const keys = jobs.flatMap((job) => gateKeysOf(job));
  const items = keys.length === 0 ? [] : await table.batchGet(keys, { consistent: true });
  const byPk = new Map(items.map((item) => [item.pk, parseItem(gateItem, item)]));
  return new Map(
    jobs.map((job) => {
      const gates: GateItem[] = gateKeysOf(job).flatMap((key) => byPk.get(key.pk) ?? []);
      return [job.id, sumGates(gates)];
    }),
  );
}

/** Tasks by shown state: what is unfinished in a job that has ended is canceled, in one that is held paused. */
export function shownCounts(counts: Counts, state: JobState): Readonly<Record<TaskState, number>> {
  const shown = Object.fromEntries(TASK_STATES.map((name) => [name, 0])) as Record<TaskState, number>;
  for (const stored of STORED_TASK_STATES) shown[shownTaskState(stored, state)] += counts[COUNT_OF[stored]];
  return shown;
}

export function progressOut(job: JobItem, sum: GateSum): ProgressRecord {
  const shown = shownCounts(sum.counts, job.state);
  const total = Math.max(job.tasks ?? 0, totalOf(sum.counts));
  return {
    total,
    queued: shown.QUEUED,
    active: shown.ACTIVE,
    completed: shown.COMPLETED,
    partial: shown.PARTIAL,
    softFailed: shown.SOFT_FAILED,
    failed: shown.FAILED,
    skipped: shown.SKIPPED,
    canceled: shown.CANCELED,
    paused: shown.PAUSED,
    text: progressText(shown.COMPLETED + shown.PARTIAL, shown.SKIPPED, shown.FAILED, total),
  };
}

/** Pachyderm's way: `processed + skipped / total`, plus the failed ones when there are any. */
export function progressText(processed: number, skipped: number, failed: number, total: number): string {
  return `${processed} + ${skipped} / ${total}${failed > 0 ? `, ${failed} failed` : ""}`;
}

export function factsOf(job: JobItem, sum: GateSum): JobFacts {
  return {
    state: job.state,
    waitingFor: job.state === "STARTED" ? (job.waitingFor ?? null) : null,
    // Of this run: a gate moves with each claim, and what an earlier run did lies before this one's PARTITIONED.
    taskBegun: sum.movedAt !== undefined && sum.movedAt >= (job.stamps.PARTITIONED ?? 0),
    incomplete: (job.incompleteTasks ?? 0) + (job.incompleteItems ?? 0) > 0,
    timedOut: job.failure?.code === "JOB_TIMEOUT",
  };
}

/** The job's state and its tasks' counts in another system's words. */
export function viewOut(view: ViewName, job: JobItem, sum: GateSum): { state: string; tasks: Record<string, number> } {
  const tasks: Record<string, number> = {};
  for (const [state, count] of Object.entries(shownCounts(sum.counts, job.state)) as [TaskState, number][]) {
    const word = taskWord(view, state);
    tasks[word] = (tasks[word] ?? 0) + count;
  }
  return { state: jobWord(view, factsOf(job, sum)), tasks };
}

/**
 * ByteNite's clients know eleven states and stop polling only at COMPLETE and FAILED: the others go out as the nearest of
 * those. A state that interrupts shows the phase it interrupted.
 */
export function byteniteState({ state, interrupted }: Pick<JobItem, "state" | "interrupted">): JobState {
  switch (state) {
    case "CANCELED":
    case "UNRUNNABLE":
      return "FAILED";
    case "REQUEUEING":
      return "STARTED";
    case "PAUSING":
    case "PAUSED":
      return "PARTITIONED";
    case "CANCELING":
      return interrupted === undefined || interrupted === "REQUEUEING" ? "STARTED" : interrupted;
    default:
      return state;
  }
}

export const stateOut = (state: JobState) => `${JOB_STATE_WIRE_PREFIX}${state}` as const;
