/**
 * Every payload between the steps of JobWorkflow, declared once: the CDK code builds the state machine from these names,
 * the Lambdas parse and answer them. References, never contents: each stays under 4 KB.
 *
 * The execution's state `$` is always `{jobId, run, step?}`: the input, and under `$.step` the latest step's answer.
 * Every step λ gets the whole `$` and answers what becomes the next `$.step`; a Choice follows `$.step.next`.
 */
import * as z from "zod";
import { errorData } from "./parts.ts";

const jobId = z.string().min(1).max(64);
const run = z.int().min(1);
const round = z.int().min(1);

/**
 * Where the workflow goes after a step. `again` calls the same step once more (it is resumable and was out of budget, or a
 * late call of the same run took its claim), `wait` waits until `$.step.until` and then calls prepare again, `fail` goes to fail λ with `$.step.error`,
 * `superseded` ends the execution as Succeed without a word, and so does `ended` (the step itself made the last transition).
 */
export const NEXT = [
  "again",
  "wait",
  "partition",
  "plan",
  "tasks",
  "settle",
  "assemble",
  "deliver",
  "publish",
  "finish",
  "fail",
  "superseded",
  "ended",
] as const;
export type Next = (typeof NEXT)[number];

/** plan writes it, every child gets it: what commit needs to decide about failed attempts, so that it needs no job item. */
export const policy = z.object({
  /** Attempts a task has, ≥ 1. */
  attempts: z.int().min(1),
  /** Milliseconds before the second attempt, growth factor, and cap. */
  initialMs: z.int().min(0),
  rate: z.number().min(1),
  maxMs: z.int().min(0),
  failFast: z.boolean(),
  /** Percentage of tasks that may fail, 0–100. */
  tolerated: z.number().min(0).max(100),
  /** Tasks and gates of the job, to judge the tolerance. */
  total: z.int().min(0),
  gates: z.int().min(1).max(32),
});
export type Policy = z.infer<typeof policy>;

/** The answer of any step λ. Written by: every step. Read by: the Choice after it, and the next step (`$.step`). */
export const stepAnswer = z.object({
  next: z.enum(NEXT),
  /** wait: RFC 3339 UTC. */
  until: z.string().optional(),
  /** fail: what went wrong, as data. */
  error: errorData.optional(),
  /** plan, settle → plan: the round of this run, counted from 1. */
  round: round.optional(),
  /** plan → Tasks: the manifest (a JSON array of `manifestItem`) in the deployment's bucket. */
  bucket: z.string().optional(),
  manifest: z.string().optional(),
  /** plan → children: key of the work spec, storage generation, owner. */
  owner: z.string().optional(),
  work: z.string().optional(),
  generation: z.int().min(0).optional(),
  policy: policy.optional(),
  /** plan → Tasks: MaxConcurrencyPath on AWS. */
  workers: z.int().min(1).optional(),
});
export type StepAnswer = z.infer<typeof stepAnswer>;

/** `$` as a step λ gets it. `caught` is set by Catch (ResultPath `$.caught`) on the way to fail λ. */
export const stepInput = z.object({
  jobId,
  run,
  step: stepAnswer.optional(),
  caught: z.object({ Error: z.string().optional(), Cause: z.string().optional() }).optional(),
});
export type StepInput = z.infer<typeof stepInput>;

/**
 * One batch in the manifest and in the batch table: which ordinals, and where their lines lie.
 * Written by: plan. Read by: the Map's ItemSelector (as `$.b` of the child), claim, app, commit, tasks API.
 */
export const batchPlace = z.object({
  /** The batch's number; its gate is n mod gates. */
  n: z.int().min(0),
  /** Ordinal of its first task, and how many tasks it has. */
  first: z.int().min(0),
  count: z.int().min(1).max(1_000),
  /** Byte range [from, to) of its lines in the chunk index. */
  index: z.tuple([z.int(), z.int()]),
  /** Number of the first source it needs and the byte range of the needed lines in the table of sources; null for generators. */
  sources: z.tuple([z.int(), z.int(), z.int()]).nullable(),
});
export type BatchPlace = z.infer<typeof batchPlace>;

/** What a worker holds: tasks relative to the batch's first ordinal, as ranges ("0-99,105"). */
export const hand = z.object({
  /** claim, commit → Choice: `app` only from commit means `again`. An app called with no tasks returns at once. */
  next: z.enum(["again", "wait", "done"]),
  /** 0: no claim was taken. */
  claim: z.int().min(0),
  tasks: z.string(),
  /** Tasks on their second or later attempt: [attempt number, ranges]. All others are on their first. */
  attempts: z.array(z.tuple([z.int().min(2), z.string()])),
  /** One task after the other, each announced before it begins: the worker before this one died. */
  cautious: z.boolean(),
  /** wait: seconds, ≥ 1. */
  seconds: z.int().min(1).optional(),
  /** Rounds of the child's loop so far. */
  rounds: z.int().min(0),
});
export type Hand = z.infer<typeof hand>;

/** app λ's answer: where the claim's index object lies. Errors of tasks are in there, never here. */
export const workerResult = z.object({
  claim: z.int().min(0),
  indexKey: z.string(),
  etag: z.string(),
  /** Bytes of resident memory at its highest. */
  maxRss: z.int(),
});
export type WorkerResult = z.infer<typeof workerResult>;

/** The app λ as a whole couldn't work (unreadable work spec, storage down): data, charged to no task. */
export const workerFailure = z.object({ error: errorData });

/** What Catch leaves at `$.result` when the app λ itself died. */
export const workerDeath = z.object({ Error: z.string(), Cause: z.string().optional() });

/**
 * A child's state `$`. ItemSelector makes all but `hand` and `result`; claim and commit answer `$.hand`, app answers
 * `$.result` (and so does the Catch around it).
 */
export const childInput = z.object({
  jobId,
  run,
  round,
  owner: z.string(),
  work: z.string(),
  generation: z.int().min(0),
  policy,
  b: batchPlace,
  hand: hand.optional(),
  result: z.union([workerResult, workerFailure, workerDeath]).optional(),
});
export type ChildInput = z.infer<typeof childInput>;

/** sweep λ's event: a schedule's (none), an execution status event, or a nudge for one job. */
export const sweepEvent = z.object({
  jobId: jobId.optional(),
  detail: z.object({ name: z.string(), status: z.string() }).optional(),
});
export type SweepEvent = z.infer<typeof sweepEvent>;

/** After so many rounds of its loop a child ends and leaves the rest to settle: its history stays far below 25,000 events. */
export const MAX_CHILD_ROUNDS = 500;
/** A run that ended no further task in so many rounds of plan and settle in a row is FAILED `BATCHES_LOST`. */
export const MAX_LOST_ROUNDS = 5;
