/**
 * Step claims: prepare, partition, assemble, deliver and publish each hold a claim {step, run, claim} on the job item.
 * Every invocation takes a new one, so that of two invocations of the same step (a retry beside a zombie) only the later
 * can write the outcome; what a claim writes lies under its own prefix. A continuation inherits the cursor.
 */
import * as z from "zod";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import type { StepAnswer, StepInput } from "../contracts/workflow.ts";
import { jobKey } from "../keys/item-keys.ts";
import { jobPrefix, stepPrefix } from "../keys/object-keys.ts";
import { readJson, writeJson } from "../objects/json.ts";
import { type Changes, type Condition, isRefused, RefusedError } from "../ports/index.ts";
import { type JobState, WISHES } from "../states/job-states.ts";
import type { StepContext } from "../steps/context.ts";
import { loadJob, loadSpec } from "./load.ts";
import { transition } from "./transition.ts";

export type ClaimedStep = "prepare" | "partition" | "assemble" | "deliver" | "publish";

export interface StepHold {
  readonly job: JobItem;
  readonly spec: SpecItem;
  readonly step: ClaimedStep;
  readonly claim: number;
  /** Full key prefix of this claim's scratch, ends in "/". */
  readonly scratch: string;
  /** The cursor that an earlier invocation of the same step and run saved; its JSON, to be parsed by the step. */
  readonly cursor: unknown;
  /** ms since the epoch: save the cursor and answer `again` from then on. */
  readonly deadline: number;
}

export const SUPERSEDED: StepAnswer = { next: "superseded" };
const AGAIN: StepAnswer = { next: "again" };

/**
 * Takes the claim. In state `enter.from` it also makes the transition to `in` (the step's begin) in the same write.
 * @returns an answer instead of a hold when there is nothing to do: `superseded` when the job is another's by now (run,
 * state, a wish to end), `state.ended.answer` when this run has ended the step already (the answer of an earlier call was
 * lost: the workflow goes on).
 *
 * @example
 * const hold = await takeStepClaim(ctx, input, "assemble", { enter: "TASKS_COMPLETED", in: "MERGING", ended: { state: "MERGED", answer } });
 * if ("next" in hold) return hold;
 */
export async function takeStepClaim(
  ctx: StepContext,
  input: StepInput,
  step: ClaimedStep,
  state: {
    readonly in: JobState;
    readonly enter?: JobState;
    readonly ended?: { readonly state: JobState; readonly answer: StepAnswer };
  },
  budgetMs: number = ctx.settings.stepBudgetMs,
): Promise<StepHold | StepAnswer> {
  const deadline = ctx.clock.now() + budgetMs;
  for (;;) {
    const job = await loadJob(ctx.table, input.jobId);
    if (!job || job.deletedAt || job.run !== input.run || job.wish >= WISHES.FAIL) return SUPERSEDED;
    const claim = job.claim + 1;
    const fresh = job.claimStep !== claimName(step, input.run);
    const changes: Changes = {
      set: { claim, claimStep: claimName(step, input.run) },
      ...(fresh ? { remove: ["cursor"] } : {}),
    };
    const unchanged: Condition[] = [{ eq: ["claim", job.claim] }, { eq: ["wish", job.wish] }];
    try {
      if (job.state === state.enter) {
        await transition(ctx, {
          jobId: job.id,
          owner: job.owner,
          from: state.enter,
          to: state.in,
          run: input.run,
          who: "workflow",
          if: unchanged,
          changes: { ...changes, remove: [...(changes.remove ?? []), "waitingFor"] },
        });
      } else if (job.state === state.in) {
        await ctx.table.write({
          update: jobKey(job.id),
          changes,
          if: { all: [{ eq: ["state", state.in] }, { eq: ["run", input.run] }, ...unchanged] },
        });
      } else return job.state === state.ended?.state ? state.ended.answer : SUPERSEDED;
    } catch (error) {
      if (error instanceof RefusedError) continue; // somebody moved the job: look again
      throw error;
    }
    const spec = await loadSpec(ctx.table, job.id);
    const cursorKey = fresh ? undefined : job.cursor;
    const cursor =
      cursorKey === undefined
        ? undefined
        : await readJson(
            ctx.objects,
            { bucket: ctx.settings.bucket, key: jobPrefix({ owner: job.owner, jobId: job.id }) + cursorKey },
            z.unknown(),
          );
    return {
      job: { ...job, state: state.in, claim },
      spec,
      step,
      claim,
      cursor,
      deadline,
      scratch: stepPrefix({ owner: job.owner, jobId: job.id }, step, input.run, claim),
    };
  }
}

/** The condition that this hold is still the latest: for every write of the step's outcome. */
export function holdCondition(hold: StepHold): readonly Condition[] {
  return [
    { eq: ["claim", hold.claim] },
    { eq: ["claimStep", claimName(hold.step, hold.job.run)] },
    { lt: ["wish", WISHES.FAIL] },
  ];
}

/** Saves where the step stands; the next invocation goes on from there. @returns the answer for the workflow. */
export async function saveCursor(ctx: StepContext, hold: StepHold, cursor: unknown): Promise<StepAnswer> {
  const key = `${hold.scratch}cursor.json`;
  await writeJson(ctx.objects, { bucket: ctx.settings.bucket, key }, cursor);
  return noteOutcome(
    ctx,
    hold,
    { set: { cursor: key.slice(jobPrefix({ owner: hold.job.owner, jobId: hold.job.id }).length) } },
    { next: "again" },
  );
}

/** A step's outcome that is no transition (partition's chunks, deliver's list), on condition that the claim still holds. */
export async function noteOutcome(
  ctx: StepContext,
  hold: StepHold,
  changes: Changes,
  answer: StepAnswer,
): Promise<StepAnswer> {
  try {
    await ctx.table.write({
      update: jobKey(hold.job.id),
      changes,
      if: { all: [{ eq: ["run", hold.job.run] }, { eq: ["state", hold.job.state] }, ...holdCondition(hold)] },
    });
    return answer;
  } catch (error) {
    if (!isRefused(error)) throw error;
    return whenRefused(hold, await loadJob(ctx.table, hold.job.id));
  }
}

/** The transition that ends the step, on condition that the claim still holds. */
export async function endStep(
  ctx: StepContext,
  hold: StepHold,
  to: JobState,
  changes: Changes,
  answer: StepAnswer,
  why?: string,
): Promise<StepAnswer> {
  try {
    await transition(ctx, {
      jobId: hold.job.id,
      owner: hold.job.owner,
      from: hold.job.state,
      to,
      run: hold.job.run,
      who: "workflow",
      if: holdCondition(hold),
      changes,
      ...(why === undefined ? {} : { why }),
    });
    return answer;
  } catch (error) {
    if (!isRefused(error)) throw error;
    const job = await loadJob(ctx.table, hold.job.id);
    // The answer of a transition that took effect was lost: it counts as made.
    return job?.run === hold.job.run && job.state === to ? answer : whenRefused(hold, job);
  }
}

/**
 * The job has gone on (another run, another state, a wish to end it): superseded. But when only a late invocation of this
 * run took the claim, nobody listens to that one's answer, and a workflow that ended here would strand the job: again.
 */
function whenRefused(hold: StepHold, job: JobItem | undefined): StepAnswer {
  const isStillOurs =
    job?.run === hold.job.run && job.state === hold.job.state && job.wish < WISHES.FAIL && !job.deletedAt;
  return isStillOurs ? AGAIN : SUPERSEDED;
}

const claimName = (step: ClaimedStep, run: number): string => `${step}#${run}`;
