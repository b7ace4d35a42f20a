/**
 * settle λ: after the Map. Closes the gates of its epoch, reads, then obeys the wish; without one it sends what is left back
 * to plan, or decides between TASKS_COMPLETED and FAILED by the job's tolerance.
 */
import { asBatch } from "../batches/batch.ts";
import type { PackedTask } from "../batches/packed-states.ts";
import { claimedBatches } from "../batches/read.ts";
import type { Failure, JobItem } from "../contracts/job-items.ts";
import { claimIndex } from "../contracts/worker.ts";
import { MAX_LOST_ROUNDS, type StepAnswer, type StepInput } from "../contracts/workflow.ts";
import { JobJobError } from "../errors.ts";
import { closeGates } from "../gates/fence.ts";
import { endedOf, type GateSum, loadGates, sumGates, unfinishedOf, withinTolerance } from "../gates/gates.ts";
import { loadJob, loadSpec } from "../job/load.ts";
import { SUPERSEDED } from "../job/step-claim.ts";
import { type Transition, transition } from "../job/transition.ts";
import { jobKey } from "../keys/item-keys.ts";
import { claimIndexKey } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import { type Changes, type Condition, RefusedError } from "../ports/index.ts";
import { type JobState, WISHES } from "../states/job-states.ts";
import type { StepContext } from "./context.ts";
import { checkCsvEdges } from "./csv-edges.ts";

const TRIES = 20;
const ENDED: StepAnswer = { next: "ended" };
const ASSEMBLE: StepAnswer = { next: "assemble" };

export async function settle(ctx: StepContext, input: StepInput): Promise<StepAnswer> {
  const round = input.step?.round ?? 1;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const job = await loadJob(ctx.table, input.jobId);
    if (!job || job.run !== input.run || job.deletedAt) return SUPERSEDED;
    if (job.state === "TASKS_COMPLETED") return ASSEMBLE; // made by an earlier call of this run
    if (job.round !== round || !["PARTITIONED", "PAUSING"].includes(job.state)) return SUPERSEDED;
    const range = { jobId: job.id, generation: job.generation, gates: job.gates ?? 1 };
    await closeGates(ctx.table, range, { run: input.run, round });
    const sum = sumGates(await loadGates(ctx.table, job.id, job.generation, job.gates ?? 1));
    try {
      return await obey(ctx, job, sum, round);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error; // refused: a wish came in between; read again and obey it
    }
  }
  throw new JobJobError({
    code: "JOB_BUSY",
    message: `The job ${input.jobId} kept changing while it was being settled; the step is tried again.`,
    retryable: true,
  });
}

async function obey(ctx: StepContext, job: JobItem, sum: GateSum, round: number): Promise<StepAnswer> {
  if (job.wish === WISHES.CANCEL) return SUPERSEDED;
  if (job.wish === WISHES.FAIL) return failed(ctx, job, round, job.failure ?? (await tasksFailure(ctx, job, sum)));
  if (job.wish === WISHES.PAUSE) {
    await move(ctx, job, round, "PAUSED", { dueAt: null });
    return ENDED;
  }
  if (unfinishedOf(sum.counts) > 0) return nextRound(ctx, job, sum, round);
  const spec = await loadSpec(ctx.table, job.id);
  if (!withinTolerance(sum.counts.failed, spec.config.toleratedFailurePercentage, job.tasks ?? 0)) {
    return failed(ctx, job, round, await tasksFailure(ctx, job, sum));
  }
  const misaligned = await checkCsvEdges(ctx, job, spec);
  if (misaligned) return failed(ctx, job, round, misaligned);
  await move(ctx, job, round, "TASKS_COMPLETED", {});
  return ASSEMBLE;
}

/** Children died or gave up: plan hands out what is left, unless rounds in a row have ended nothing. */
async function nextRound(ctx: StepContext, job: JobItem, sum: GateSum, round: number): Promise<StepAnswer> {
  const lost = lostAfter(job, endedOf(sum.counts), round);
  if (lost.idle >= MAX_LOST_ROUNDS) {
    return failed(ctx, job, round, {
      step: "tasks",
      code: "BATCHES_LOST",
      message: `${MAX_LOST_ROUNDS} rounds in a row ended no further task; ${unfinishedOf(sum.counts)} are unfinished. Look at the app's function logs (is it throttled, or out of memory?), then requeue.`,
      retryable: true,
    });
  }
  await ctx.table.write({
    update: jobKey(job.id),
    changes: { set: { lost } },
    if: { all: ownRound(job, round) },
  });
  return { next: "plan", round: round + 1 };
}

type Lost = NonNullable<JobItem["lost"]>;

/** A round counts once, however often settle is called for it; a new run counts anew. */
function lostAfter(job: JobItem, ended: number, round: number): Lost {
  const before = job.lost?.run === job.run ? job.lost : { round: 0, ended: 0, idle: 0 };
  const isCounted = before.round >= round;
  const idle = ended > before.ended ? 0 : before.idle + (isCounted ? 0 : 1);
  return { run: job.run, round, ended, idle };
}

async function failed(ctx: StepContext, job: JobItem, round: number, failure: Failure): Promise<StepAnswer> {
  await move(ctx, job, round, "FAILED", { changes: { set: { failure: toValue(failure) } }, why: failure.message });
  return ENDED;
}

/** A transition on condition of the wish and round that were read. @throws RefusedError */
async function move(
  ctx: StepContext,
  job: JobItem,
  round: number,
  to: JobState,
  more: { readonly changes?: Changes; readonly why?: string; readonly dueAt?: null },
): Promise<void> {
  const t: Transition = {
    jobId: job.id,
    owner: job.owner,
    from: job.state,
    to,
    run: job.run,
    who: "workflow",
    if: [{ eq: ["wish", job.wish] }, { eq: ["round", round] }],
    ...more,
  };
  await transition(ctx, t);
}

const ownRound = (job: JobItem, round: number): Condition[] => [
  { eq: ["run", job.run] },
  { eq: ["round", round] },
  { eq: ["wish", job.wish] },
  { eq: ["state", job.state] },
];

const toValue = ({ step, code, message, retryable }: Failure) => ({ step, code, message, retryable });

/** Why the tasks failed: how many, and the first one's own error. */
async function tasksFailure(ctx: StepContext, job: JobItem, sum: GateSum): Promise<Failure> {
  const first = await firstError(ctx, job);
  const total = job.tasks ?? 0;
  return {
    step: "tasks",
    code: first?.code ?? "TASKS_FAILED",
    message:
      `${sum.counts.failed} of ${total} tasks failed${first ? `; task ${first.ordinal}: ${first.message}` : ""}`.slice(
        0,
        900,
      ),
    retryable: true,
  };
}

interface FirstError {
  readonly ordinal: number;
  readonly code: string;
  readonly message: string;
}

async function firstError(ctx: StepContext, job: JobItem): Promise<FirstError | undefined> {
  const where = { jobId: job.id, generation: job.generation, gates: job.gates ?? 1 };
  let first: { readonly n: number; readonly at: number; readonly task: PackedTask } | undefined;
  for await (const { n, item } of claimedBatches(ctx.table, where)) {
    if (first && first.n < n) continue;
    const { tasks } = asBatch(item, 0);
    const at = tasks.findIndex((task) => task.letter === "F");
    const task = tasks[at];
    if (task) first = { n, at, task };
  }
  if (!first) return undefined;
  const ordinal = first.n * (job.batchSize ?? 1) + first.at;
  const { claim } = first.task;
  const key = claimIndexKey({ owner: job.owner, jobId: job.id }, job.generation, first.n, claim);
  const index = await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, claimIndex);
  const error = index.tasks.find((entry) => entry.o === first?.at)?.e;
  return error && { ordinal, code: error.code, message: error.message };
}
