/**
 * Answers of the API, strict: every key is always there, null when unset; times are RFC 3339 UTC; states carry their
 * prefix. Written by: core/job/wire.ts and its neighbours. Read by: client/, cli/, tests.
 */
import * as z from "zod";
import { configRecord } from "./config.ts";
import { LOG_LEVELS } from "./logs.ts";
import { sourceRecord } from "./source.ts";

const time = z.string().nullable();
const count = z.int().min(0);
const free = z.record(z.string(), z.unknown());
export const paramsRecord = z.strictObject({ partitioner: free, app: free, assembler: free });
const version = z.strictObject({ name: z.string(), version: z.string(), revision: z.int() });

export const templateRecord = z.strictObject({
  id: z.string(),
  description: z.string(),
  app: z.string(),
  partitioner: z.string(),
  assembler: z.string(),
  dataSource: sourceRecord.nullable(),
  dataDestination: sourceRecord.nullable(),
  params: paramsRecord,
  config: configRecord,
  owner: z.string(),
  userName: z.string(),
  isPublic: z.boolean(),
  createdAt: time,
  updatedAt: time,
});
export type TemplateRecord = z.infer<typeof templateRecord>;

export const progressRecord = z.strictObject({
  total: count,
  queued: count,
  active: count,
  completed: count,
  partial: count,
  softFailed: count,
  failed: count,
  skipped: count,
  canceled: count,
  paused: count,
  /** `processed + skipped / total`, and the failed ones when there are any. */
  text: z.string(),
});
export type ProgressRecord = z.infer<typeof progressRecord>;

/** US dollars by kind, and their sum. */
export const costRecord = z.strictObject({
  usd: z.number(),
  appUsd: z.number(),
  workflowUsd: z.number(),
  functionsUsd: z.number(),
  tableUsd: z.number(),
  storageUsd: z.number(),
});
export type CostRecord = z.infer<typeof costRecord>;

export const jobRecord = z.strictObject({
  id: z.string(),
  templateId: z.string(),
  name: z.string(),
  description: z.string(),
  config: configRecord,
  priority: z.union([z.string(), z.number()]),
  startAt: time,
  submittedAt: time,
  startedAt: time,
  endedAt: time,
  completedAt: time,
  deadline: z.null(),
  regions: z.strictObject({ whitelist: z.array(z.string()), blacklist: z.array(z.string()) }).nullable(),
  /** `JOB_STATE_…` */
  state: z.string(),
  dataSource: sourceRecord.nullable(),
  params: paramsRecord,
  dataDestination: sourceRecord.nullable(),
  /** Seconds from submitted to ended (or until now), without pauses. */
  duration: z.number().nullable(),
  deletedAt: time,
  createdAt: z.string(),
  paymentAmount: z.number(),
  numUnitsEstimation: z.string().nullable(),
  numChunks: z.int().nullable(),
  errorMessage: z.string().nullable(),
  /** State → latest time it was entered. */
  stateTimestamps: z.record(z.string(), z.string()),
  appId: z.string(),
  templateInfo: templateRecord.nullable(),
  owner: z.string(),
  run: z.int(),
  tags: z.record(z.string(), z.string()),
  versions: z.strictObject({ app: version, partitioner: version, assembler: version }).nullable(),
  maxAttempts: z.int(),
  /** The true state, also where `state` is sent in ByteNite's words. */
  outcome: z.string(),
  incomplete: z.strictObject({ tasks: count, items: count }).nullable(),
  waitingFor: z.string().nullable(),
  failure: z
    .strictObject({
      step: z.string(),
      code: z.string(),
      message: z.string(),
      retryable: z.boolean(),
      details: free.nullable(),
    })
    .nullable(),
  progress: progressRecord,
  stats: z.strictObject({
    downloadBytes: z.number(),
    uploadBytes: z.number(),
    downloadMs: z.number(),
    processMs: z.number(),
    uploadMs: z.number(),
    restarts: count,
  }),
  /** Measured so far, over all runs: counted claims, times and bytes at list prices; null before the first run. */
  cost: costRecord.nullable(),
  /** What one run without retries would cost if tasks took what the app declares; null before the tasks are known. */
  estimatedCost: costRecord.nullable(),
});
export type JobRecord = z.infer<typeof jobRecord>;

/** The job's state and the tasks' counts in another system's words. */
const viewRecord = z.strictObject({ state: z.string(), tasks: z.record(z.string(), count) });

export const jobAnswer = z.strictObject({
  job: jobRecord,
  templateInfo: templateRecord.nullable(),
  /** Only with `?view=`. */
  view: viewRecord.optional(),
  /** Only of `wait`: whether the state is another than at the begin of the call. */
  changed: z.boolean().optional(),
});
export type JobAnswer = z.infer<typeof jobAnswer>;

export const paginationRecord = z.strictObject({
  /** null when it would have to be counted (lists with filters). */
  total: z.number().nullable(),
  offset: z.number(),
  hasPrevious: z.boolean(),
  hasNext: z.boolean(),
  cursor: z.string().nullable(),
});
export type PaginationRecord = z.infer<typeof paginationRecord>;
const listedJob = jobRecord.extend({
  /** Only with `?view=`. */
  view: viewRecord.optional(),
});
export type ListedJob = z.infer<typeof listedJob>;
export const jobsAnswer = z.strictObject({ data: z.array(listedJob), pagination: paginationRecord });
export type JobsAnswer = z.infer<typeof jobsAnswer>;

export const genericAnswer = z.strictObject({
  ok: z.literal(true),
  requestId: z.string(),
  message: z.string(),
  error: z.null(),
});
export type GenericAnswer = z.infer<typeof genericAnswer>;

export const errorAnswer = z.strictObject({
  /** gRPC status number. */
  code: z.int(),
  /** Stable name, as JOB_NOT_EDITABLE. */
  reason: z.string(),
  message: z.string(),
  requestId: z.string(),
  details: z.array(z.strictObject({ "@type": z.string(), path: z.string(), problem: z.string() })),
});
export type ErrorAnswer = z.infer<typeof errorAnswer>;

export const actionsAnswer = z.strictObject({
  /** How many jobs were acted on, or with `dryRun` would be; which ones stand in `ids`. */
  ok: count,
  ids: z.array(z.string()),
  /** The others that were named or matched: the reason's stable name and its message. */
  skipped: z.array(z.strictObject({ id: z.string(), code: z.string(), why: z.string() })),
  dryRun: z.boolean(),
  /** There is more: the same request with this cursor goes on. */
  cursor: z.string().nullable(),
});
export type ActionsAnswer = z.infer<typeof actionsAnswer>;

export const resultsAnswer = z.strictObject({
  results: z.array(
    z.strictObject({
      name: z.string(),
      link: z.string(),
      size: z.number(),
      checksum: z.string().nullable(),
      /** With `?partial=true`: the task it is of, and the header `Range` that the link wants (null: none). */
      task: z.int().exactOptional(),
      range: z.string().nullable().exactOptional(),
    }),
  ),
  /** More than 1,000: the next page, for `?page=`. */
  nextPage: z.int().nullable(),
});
export type ResultsAnswer = z.infer<typeof resultsAnswer>;

export const uploadsAnswer = z.strictObject({
  uploads: z.array(
    z.strictObject({
      name: z.string(),
      /** One PUT of the whole file; null when it goes in parts. */
      url: z.string().nullable(),
      uploadId: z.string().nullable(),
      /** Every part but the last has exactly so many bytes. */
      partSize: z.number().nullable(),
      parts: z.array(z.strictObject({ partNumber: z.int(), url: z.string() })),
    }),
  ),
});
export type UploadsAnswer = z.infer<typeof uploadsAnswer>;

export const attemptRecord = z.strictObject({
  /** COMPLETED, PARTIAL, SKIPPED, SOFT_FAILED or FAILED. */
  outcome: z.string(),
  error: z.strictObject({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
  startedAt: time,
  endedAt: time,
  ms: z.number().nullable(),
  bytesIn: z.number().nullable(),
  bytesOut: z.number().nullable(),
  worker: z.string().nullable(),
  requestId: z.string().nullable(),
  /** Bytes of resident memory of the worker at its highest, when the attempt's claim ended. */
  maxRss: z.number().nullable(),
  /** Path of the API that lists what this attempt printed, with links. */
  logLink: z.string().nullable(),
});
export type AttemptRecord = z.infer<typeof attemptRecord>;

export const taskRecord = z.strictObject({
  jobId: z.string(),
  ordinal: z.int().min(0),
  /** Without a prefix: QUEUED, ACTIVE, COMPLETED, … */
  state: z.string(),
  /** Attempts made so far; those whose story is kept stand in `attempts`, the latest last. */
  attempt: z.int().min(0),
  attempts: z.array(attemptRecord),
  error: z.strictObject({ code: z.string(), message: z.string(), retryable: z.boolean() }).nullable(),
  startedAt: time,
  endedAt: time,
  ms: z.number().nullable(),
  bytesIn: z.number().nullable(),
  bytesOut: z.number().nullable(),
  rejected: count,
  rejections: z.array(z.strictObject({ item: z.string(), reason: z.string() })),
  chunk: z
    .strictObject({
      sources: z.array(z.strictObject({ bucket: z.string(), key: z.string(), size: z.number() })),
      /** Bytes [from, to) of the one source. */
      from: z.number().nullable(),
      to: z.number().nullable(),
      exact: z.boolean(),
      objects: z.number().nullable(),
      numbers: z.string().nullable(),
      replica: z.number().nullable(),
    })
    .nullable(),
  /** Path of the API for the logs of all attempts; null before the first one. */
  logLink: z.string().nullable(),
  /** Only with `?view=`: the state in another system's word. */
  view: z.string().optional(),
});
export type TaskRecord = z.infer<typeof taskRecord>;
export const tasksAnswer = z.strictObject({ data: z.array(taskRecord), pagination: paginationRecord });
export type TasksAnswer = z.infer<typeof tasksAnswer>;

export const eventRecord = z.strictObject({
  id: z.string(),
  at: z.string(),
  who: z.string(),
  what: z.string(),
  run: z.int(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  why: z.string().nullable(),
});
export type EventRecord = z.infer<typeof eventRecord>;
/** A line of the stream of all the owner's events: `event` is `job.` and the row's `what`, as job.state. */
export const eventLine = z.strictObject({
  result: z.strictObject({ event: z.string(), data: eventRecord.extend({ jobId: z.string() }) }),
});
export type EventLine = z.infer<typeof eventLine>;
export const eventsAnswer = z.strictObject({ data: z.array(eventRecord), pagination: paginationRecord });
export type EventsAnswer = z.infer<typeof eventsAnswer>;

export const estimationAnswer = z.strictObject({
  estimation: z.strictObject({
    /** ByteChips: hours of 1 vCPU + 1 GiB, rounded up. */
    totalEstimation: z.string(),
    chunks: z.number(),
    /** False when `chunks` is extrapolated from a part of the input. */
    exact: z.boolean(),
    /** What workers would be handed: neighbouring tasks, a batch each. */
    batches: z.int(),
    taskSeconds: z.number(),
    usd: z.number(),
    cost: costRecord,
  }),
});
export type EstimationAnswer = z.infer<typeof estimationAnswer>;

export const apiKeyRecord = z.strictObject({
  id: z.string(),
  name: z.string(),
  issuedAt: z.string(),
  expiresAt: time,
  userId: z.string(),
  revoked: z.boolean(),
  fingerprint: z.string(),
});
export type ApiKeyRecord = z.infer<typeof apiKeyRecord>;
export const ownerRecord = z.strictObject({ id: z.string(), name: z.string(), createdAt: z.string() });
export type OwnerRecord = z.infer<typeof ownerRecord>;
export const userRecord = z.strictObject({
  id: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  isAdmin: z.boolean(),
  createdAt: z.string(),
});
export type UserRecord = z.infer<typeof userRecord>;

export const logRecord = z.strictObject({
  log: z.string(),
  timestamp: z.string(),
  level: z.enum(LOG_LEVELS),
  /** The app's or engine's name; "runtime" for what JobJob itself has to say of a task. */
  container: z.string(),
  /** Which attempt of the task, and in which claim's hand; null for engines. A claim that was superseded keeps its log. */
  attempt: z.int().nullable(),
  claim: z.int().nullable(),
});
export type LogRecord = z.infer<typeof logRecord>;

export const logsAnswer = z.strictObject({
  partitioner: z.array(logRecord),
  assembler: z.array(logRecord),
  /** By task's number. */
  taskrunner: z.record(z.string(), z.strictObject({ logs: z.array(logRecord) })),
});
export type LogsAnswer = z.infer<typeof logsAnswer>;

/** One claim's log, an object that only grows. */
export const logPart = z.strictObject({
  /** Of the job's chunks: a requeue with repartition begins the next one, and its logs. */
  generation: z.int(),
  batch: z.int(),
  claim: z.int(),
  /** Number of the batch's first task: a line's `o` counts from it. */
  first: z.int(),
  /** Bytes, now. */
  size: z.int(),
  updatedAt: z.string().nullable(),
  /** A plain GET of JSON lines (core/contracts/task-log.ts), for an hour at most; it takes Range. */
  link: z.string(),
});
export type LogPart = z.infer<typeof logPart>;
export const logPartsAnswer = z.strictObject({ data: z.array(logPart), pagination: paginationRecord });
export type LogPartsAnswer = z.infer<typeof logPartsAnswer>;
