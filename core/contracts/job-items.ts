/**
 * The job's two DynamoDB items. JOB is hot and stays ≤ 1 KB (one write unit); SPEC is what the user gave.
 * Written by: api, and the steps through core/job/transition.ts. Times are milliseconds since the epoch, UTC.
 */
import * as z from "zod";
import { JOB_STATES, WAITING_FOR } from "../states/job-states.ts";
import { blockVersion, errorData, inputFormat } from "./parts.ts";
import { RESULT_FORMATS } from "./worker.ts";

export const FAILURE_STEPS = [
  "start",
  "prepare",
  "partition",
  "plan",
  "tasks",
  "settle",
  "assemble",
  "deliver",
  "publish",
  "finish",
] as const;
export type FailureStep = (typeof FAILURE_STEPS)[number];

export const failure = errorData.extend({ step: z.enum(FAILURE_STEPS) });
export type Failure = z.infer<typeof failure>;

/** What the latest requeue selected. `ranges` are ordinals ("0-99,105"); over 1 KB they lie in an object, key below the job's prefix. */
export const SELECTION_KINDS = ["none", "unfinished", "failed", "partial", "all", "tasks"] as const;
export const selection = z.object({
  kind: z.enum(SELECTION_KINDS),
  ranges: z.string().optional(),
  key: z.string().optional(),
});
export type Selection = z.infer<typeof selection>;

/** States whose result a later run may go on from (states of product.md, REQUEUEING). */
export const STANDING_STATES = ["STARTED", "PARTITIONED", "TASKS_COMPLETED", "MERGED"] as const;
export type StandingState = (typeof STANDING_STATES)[number];

export const jobItem = z.object({
  pk: z.string(),
  sk: z.literal("JOB"),
  id: z.string(),
  owner: z.string(),
  state: z.enum(JOB_STATES),
  /** 0 until the first run is accepted. */
  run: z.int().min(0),
  /** The round that plan's transition set last in this run; requeue and resume zero it. */
  round: z.int().min(0),
  wish: z.int().min(0).max(3),
  waitingFor: z.enum(WAITING_FOR).optional(),
  createdAt: z.int(),
  /** State → latest time it was entered. */
  stamps: z.partialRecord(z.enum(JOB_STATES), z.int()),
  /** Accepted by `run`; deadline of the job's running time; total of finished pauses. */
  submittedAt: z.int().optional(),
  endedAt: z.int().optional(),
  timeoutAt: z.int().optional(),
  pausedMs: z.int().optional(),
  /** Storage generation of gates, batches and results; `repartition` raises it. */
  generation: z.int().min(0),
  /** Set by the transition to PARTITIONED: tasks, gates, batch size, and the keys of index, table of sources and batch table. */
  tasks: z.int().min(0).optional(),
  gates: z.int().min(1).max(32).optional(),
  batches: z.int().min(0).optional(),
  batchSize: z.int().min(1).optional(),
  /** Keys below the job's prefix. chunks.json that partition's latest claim named valid: */
  chunks: z.string().optional(),
  /** The batch table of the first valid plan: */
  table: z.string().optional(),
  /** The work spec of this run and round: */
  work: z.string().optional(),
  /** The step claim: rises with every invocation of a claimed step; only its holder may write the step's outcome. */
  claim: z.int().min(0),
  claimStep: z.string().optional(),
  /** Key below the job's prefix of the latest cursor of the claimed step. */
  cursor: z.string().optional(),
  /** Keys below the job's prefix of what the steps produced: prepared.json, output list, delivery list. */
  prepared: z.string().optional(),
  output: z.string().optional(),
  delivery: z.string().optional(),
  /** The list of the latest publication that came to its end. */
  publication: z.string().optional(),
  /** What tolerated failures left out: failed tasks, rejected items. */
  incompleteTasks: z.int().optional(),
  incompleteItems: z.int().optional(),
  /** The last round that settle sent back to plan: tasks ended by then, and rounds in a row that ended no further one. */
  lost: z.object({ run: z.int(), round: z.int(), ended: z.int(), idle: z.int() }).optional(),
  /** The last state whose result still stands; missing on a NEW job. Written by transitions alone. */
  stands: z.enum(STANDING_STATES).optional(),
  /** The state that PAUSING, CANCELING or FAILED came upon; a pause counts as the PARTITIONED it interrupts. */
  interrupted: z.enum(JOB_STATES).optional(),
  /** What began this run. */
  startedBy: z.enum(["run", "resume", "requeue"]).optional(),
  selection: selection.optional(),
  /** What an abort found published at the destination already. */
  published: z.object({ objects: z.int(), of: z.int() }).optional(),
  failure: failure.optional(),
  /** Temporary results are gone from then on. */
  purgeAt: z.int().optional(),
  purged: z.boolean().optional(),
  deletedAt: z.int().optional(),
  /** Index keys. */
  ownerPk: z.string().optional(),
  ownerSk: z.string().optional(),
  statePk: z.string().optional(),
  stateSk: z.string().optional(),
  duePk: z.string().optional(),
  dueSk: z.string().optional(),
});
export type JobItem = z.infer<typeof jobItem>;

/** dataSource, normalised from the wire. `s3` without a secret reads with the deployment's own rights. */
export const dataSource = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("s3"),
    bucket: z.string(),
    name: z.string(),
    region: z.string().optional(),
    descriptor: z.string(),
  }),
  z.object({
    kind: z.literal("file"),
    name: z.string(),
    descriptor: z.string(),
    /** Set when uploads were declared: then the source is everything under the job's upload prefix. */
    folder: z.boolean(),
    uploaded: z.boolean(),
  }),
  z.object({ kind: z.literal("bypass"), descriptor: z.string() }),
]);
export type DataSource = z.infer<typeof dataSource>;

export const dataDestination = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("s3"),
    bucket: z.string(),
    name: z.string(),
    region: z.string().optional(),
    descriptor: z.string(),
  }),
  z.object({ kind: z.literal("bucket"), descriptor: z.string() }),
  z.object({ kind: z.literal("bypass"), descriptor: z.string() }),
]);
export type DataDestination = z.infer<typeof dataDestination>;

/** config, parsed: numbers, with every default filled in. Sizes in bytes, 0 = unset; times in seconds unless named ms. */
export const jobConfig = z.object({
  minChunkSize: z.int().min(0),
  maxChunkSize: z.int().min(0),
  replicationFactor: z.int().min(0),
  partitioningSettings: z.record(z.string(), z.unknown()),
  taskTimeout: z.int().min(1).max(840),
  jobTimeout: z.int().min(1),
  isTestJob: z.boolean(),
  maxTaskRetries: z.int().min(0).max(20),
  maxConcurrency: z.int().min(1).nullable(),
  retryBackoff: z.object({ initialMs: z.int().min(0), rate: z.number().min(1), maxMs: z.int().min(0) }),
  toleratedFailurePercentage: z.number().min(0).max(100),
  failFast: z.boolean(),
  overwrite: z.boolean(),
  gracePeriod: z.int().min(0),
});
export type JobConfig = z.infer<typeof jobConfig>;

export const params = z.object({
  partitioner: z.record(z.string(), z.unknown()),
  app: z.record(z.string(), z.unknown()),
  assembler: z.record(z.string(), z.unknown()),
});
export type Params = z.infer<typeof params>;

export const specItem = z.object({
  pk: z.string(),
  sk: z.literal("SPEC"),
  owner: z.string(),
  templateId: z.string(),
  name: z.string(),
  description: z.string(),
  tags: z.record(z.string(), z.string()),
  /** "EXECUTION_PRIORITY_UNDEFINED" or 0–100. */
  priority: z.union([z.string(), z.number()]),
  /** RFC 3339 UTC. */
  startAt: z.string().optional(),
  regions: z.object({ whitelist: z.array(z.string()), blacklist: z.array(z.string()) }).nullable(),
  dataSource: dataSource.nullable(),
  dataDestination: dataDestination.nullable(),
  params,
  config: jobConfig,
  /** Names of the template's blocks, resolved at create; versions are pinned by `run`. */
  blocks: z.object({ app: z.string(), partitioner: z.string(), assembler: z.string() }),
  versions: z.object({ app: blockVersion, partitioner: blockVersion, assembler: blockVersion }).optional(),
  /** Pinned by `run`: how the input is read, and how results are written. */
  input: inputFormat.optional(),
  resultFormat: z.enum(RESULT_FORMATS).optional(),
  /** The app's declared task time, seconds: sizes the batches. */
  taskSeconds: z.number().positive().optional(),
  idempotencyKey: z.string().optional(),
  /** Rises with every edit, so that `run` accepts just what it has checked. */
  edits: z.int().min(0).optional(),
});
export type SpecItem = z.infer<typeof specItem>;

/** A timeline row. `who` is an owner, or the part of the engine that did it ("workflow", "sweeper"). */
export const eventItem = z.object({
  pk: z.string(),
  sk: z.string(),
  id: z.string(),
  at: z.int(),
  who: z.string(),
  what: z.string(),
  run: z.int(),
  from: z.enum(JOB_STATES).optional(),
  to: z.enum(JOB_STATES).optional(),
  why: z.string().optional(),
  /** Seconds since the epoch: DynamoDB's time to live. */
  expires: z.int(),
  /** Index keys; rows of version 0.1.0 have none. */
  ownerPk: z.string().optional(),
  ownerSk: z.string().optional(),
});
export type EventItem = z.infer<typeof eventItem>;
