/** What a requeue selects, told by the job's counts alone; plan finds the tasks themselves. */
import { formatRanges } from "../batches/ranges.ts";
import { conflict, invalid } from "../contracts/api/errors.ts";
import type { JobItem, Selection, StandingState } from "../contracts/job-items.ts";
import type { Counts } from "../contracts/progress-items.ts";
import { unfinishedOf } from "../gates/gates.ts";

export type TaskChoice = "unfinished" | "failed" | "partial" | "all" | readonly number[];

export interface Selected {
  readonly selection: Selection;
  /** What of the job stands once the run begins. */
  readonly stands: StandingState;
}

/** A selection over this many characters lies in an object: the job item stays a KB. */
export const MOST_RANGES_TEXT = 600;

/**
 * @param choice undefined: what is wanted most often (product.md, Requeue): all tasks of a job that is COMPLETE with nothing
 * missing; no task, only the steps after its last good state, of one that failed or was canceled behind TASKS_COMPLETED; else
 * the tasks that aren't completed
 * @throws ApiError 400 naming an ordinal that isn't there, 409 NOTHING_TO_REQUEUE
 */
export function select(job: JobItem, counts: Counts, choice: TaskChoice | undefined): Selected {
  const stands = standing(job);
  if (stands === "STARTED") return fromTheStart(job, choice);
  if (choice === undefined) return byDefault(job, stands, counts);
  if (typeof choice !== "string") return { selection: ordinals(job, choice), stands: "PARTITIONED" };
  const selected = {
    unfinished: unfinishedOf(counts) + counts.failed,
    failed: counts.failed,
    partial: counts.partial,
    all: Math.max(1, job.tasks ?? 0), // a job without tasks is merged and delivered anew
  }[choice];
  if (selected === 0) throw nothing(job, choice);
  return { selection: { kind: choice }, stands: "PARTITIONED" };
}

/** Temporary outputs are gone after 48 h: then the results are merged again. */
const standing = (job: JobItem): StandingState =>
  job.stands === "MERGED" && job.purged ? "TASKS_COMPLETED" : (job.stands ?? "STARTED");

/** There are no tasks yet whose results could stand. */
function fromTheStart(job: JobItem, choice: TaskChoice | undefined): Selected {
  if (choice === undefined || choice === "all" || choice === "unfinished") {
    return { selection: { kind: "all" }, stands: "STARTED" };
  }
  throw nothing(job, typeof choice === "string" ? choice : "numbered");
}

function byDefault(job: JobItem, stands: StandingState, counts: Counts): Selected {
  const missing = unfinishedOf(counts) + counts.failed;
  if (job.state === "COMPLETE") {
    return { selection: { kind: missing > 0 ? "unfinished" : "all" }, stands: "PARTITIONED" };
  }
  if (stands === "PARTITIONED") return { selection: { kind: "unfinished" }, stands };
  return { selection: { kind: "none" }, stands };
}

function ordinals(job: JobItem, choice: readonly number[]): Selection {
  const sorted = [...new Set(choice)].sort((a, b) => a - b);
  const last = sorted.at(-1);
  if (last === undefined) throw nothing(job, "numbered");
  if (last >= (job.tasks ?? 0)) {
    throw invalid(
      "tasks",
      `names the task ${last}, but the job ${job.id} has ${job.tasks ?? 0}: 0 to ${(job.tasks ?? 0) - 1}`,
    );
  }
  return { kind: "tasks", ranges: formatRanges(sorted) };
}

function nothing(job: JobItem, choice: string): Error {
  return conflict(
    "NOTHING_TO_REQUEUE",
    `The job ${job.id} is ${job.state} and has no ${choice} tasks. Leave "tasks" out to run what is needed, or say "all".`,
  );
}
