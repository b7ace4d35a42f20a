/**
 * Every function with its size, its variables and its rights, as one table: the whole of "who may do what" is on this page,
 * the construct in job-function.ts makes roles of it, and a test compares it with the template.
 */
import type { ENVIRONMENT } from "../core/contracts/environment.ts";

/** Those that Lambda doesn't set itself. */
type Variable = Exclude<keyof typeof ENVIRONMENT, "memory" | "logStream">;

/**
 * S3 on objects; `HeadObject` is GetObject, CreateMultipartUpload and UploadPart are PutObject. A write with If-Match needs
 * GetObject too. Source: "Required permissions for Amazon S3 API operations".
 */
export type ObjectAction = "GetObject" | "PutObject" | "DeleteObject" | "AbortMultipartUpload";
/** S3 on a bucket. Without ListBucket a missing object answers 403 instead of 404. */
export type BucketAction = "ListBucket" | "ListBucketMultipartUploads";
/** A transaction needs the right of each of its writes. Query is granted on the indexes too. */
export type TableAction =
  | "GetItem"
  | "BatchGetItem"
  | "Query"
  | "PutItem"
  | "UpdateItem"
  | "DeleteItem"
  | "ConditionCheckItem";
export type WorkflowAction = "StartExecution" | "StopExecution" | "DescribeExecution";

export interface FunctionSpec {
  readonly description: string;
  /** MiB; 1,769 make one whole vCPU, less makes a share of one. */
  readonly memory: number;
  /** Seconds. */
  readonly timeout: number;
  readonly variables: readonly Variable[];
  readonly table?: readonly TableAction[];
  /**
   * On `o/*` of the own bucket, and on the bucket; `writes` bounds all but reading to narrower keys. `logs`: on `l/*`, what
   * apps printed.
   */
  readonly own?: {
    readonly objects: readonly ObjectAction[];
    readonly bucket?: readonly BucketAction[];
    readonly writes?: string;
    readonly logs?: readonly ObjectAction[];
  };
  /** On the buckets that the deployment was granted (context key `grantedBuckets`). */
  readonly granted?: { readonly objects: readonly ObjectAction[]; readonly bucket?: readonly BucketAction[] };
  readonly workflow?: readonly WorkflowAction[];
  readonly secrets?: readonly ("adminKey" | "tokenKey")[];
  /** Reads the table's stream and puts events on the deployment's bus. */
  readonly publishes?: boolean;
  /** May invoke sweep λ (asynchronously) for one job. */
  readonly nudges?: boolean;
  /** Part of the path of every batch: may get reserved concurrency. */
  readonly control?: boolean;
}

/** What every step needs: the two homes of facts and bytes. */
const PLACES = ["bucket", "table"] as const satisfies readonly Variable[];
/** Resumable steps work until their budget is used up, with limits that tests make tiny. */
const BUDGET = ["stepBudgetMs", "partLimit", "partBytes"] as const satisfies readonly Variable[];
/** A state's transition: the job item's update and its timeline row. */
const TRANSITION = ["GetItem", "PutItem", "UpdateItem"] as const satisfies readonly TableAction[];
const READ_SOURCE = { objects: ["GetObject"], bucket: ["ListBucket"] } as const;
const SCRATCH = { objects: ["GetObject", "PutObject"], bucket: ["ListBucket"] } as const;
/** Objects made of parts, given up when something goes wrong. */
const PARTS = { objects: ["GetObject", "PutObject", "AbortMultipartUpload"], bucket: ["ListBucket"] } as const;
/** What a claim may write (core/keys/object-keys.ts, resultPrefix). */
const RESULT_KEYS = "o/*/jobs/*/results/*";
/** A delivery may go to the own bucket, beside the records of its uploads, which go when they are done with. */
const DELIVERY = {
  objects: ["GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload"],
  bucket: ["ListBucket", "ListBucketMultipartUploads"],
} as const;
/** To end the uploads of a job: those of a crash before their ids were on record are looked for. */
const END_UPLOADS = { objects: ["AbortMultipartUpload"], bucket: ["ListBucketMultipartUploads"] } as const;
const END_OWN_UPLOADS = {
  objects: ["GetObject", "DeleteObject", "AbortMultipartUpload"],
  bucket: ["ListBucket", "ListBucketMultipartUploads"],
} as const;

/**
 * Resumable steps stop near 12 minutes of Lambda's 15 (`stepBudgetMs`): what is left is for the call under way and for
 * saving the cursor.
 */
const RESUMABLE = 900;

/** The functions of JobWorkflow that make transitions of the job, in the order of the flow. */
export const STEPS = {
  prepare: {
    description: "resolves the source, stages what can't be read in place",
    memory: 1_024, // staging is a copy in blocks of 8 MiB; the network gives 78 MB/s at any size
    timeout: RESUMABLE,
    variables: [...PLACES, ...BUDGET, "grantedBuckets"],
    table: TRANSITION,
    own: PARTS,
    granted: READ_SOURCE,
  },
  partition: {
    description: "splits the source into virtual chunks",
    memory: 1_769, // the CSV scan is CPU bound: one whole vCPU reads as fast as the network gives
    timeout: RESUMABLE,
    variables: [...PLACES, ...BUDGET, "grantedBuckets"],
    table: ["GetItem", "UpdateItem"], // no transition: it works in PARTITIONING
    own: PARTS,
    granted: READ_SOURCE,
  },
  plan: {
    description: "fences the gates, writes the manifest of unfinished batches, opens the gates",
    memory: 1_769, // reads and writes up to 32 gates and all batches side by side
    timeout: RESUMABLE,
    variables: [...PLACES, ...BUDGET, "maxWorkers", "grantedBuckets"],
    table: ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem"],
    own: SCRATCH,
  },
  settle: {
    description: "closes the gates and decides where the run goes",
    memory: 1_769, // reads all claim indexes of a job whose edges must be compared
    timeout: RESUMABLE,
    variables: [...PLACES, ...BUDGET],
    table: ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem"],
    own: READ_SOURCE,
  },
  assemble: {
    description: "merges the results into the output",
    memory: 1_769, // several parts of 8 MiB under way, CRCs and reductions want a whole vCPU
    timeout: RESUMABLE,
    variables: [...PLACES, ...BUDGET],
    table: ["GetItem", "BatchGetItem", "PutItem", "UpdateItem"],
    own: { ...PARTS, objects: [...PARTS.objects, "DeleteObject"] }, // gives up a broken report, removes its intermediates
  },
  deliver: {
    description: "copies the output to the destination as uploads that nobody sees yet",
    memory: 1_024, // UploadPartCopy moves no bytes through the function
    timeout: RESUMABLE,
    variables: [...PLACES, ...BUDGET, "grantedBuckets"],
    table: TRANSITION,
    own: DELIVERY,
    granted: {
      ...END_UPLOADS,
      objects: [...END_UPLOADS.objects, "PutObject"],
      bucket: [...END_UPLOADS.bucket, "ListBucket"],
    },
  },
  publish: {
    description: "completes the destination's uploads under its claim",
    memory: 1_024,
    // Abort waits this out before it says what was published: so it is short.
    timeout: 60,
    variables: [...PLACES, "publishBudgetMs", "partLimit", "partBytes", "grantedBuckets"],
    table: ["GetItem", "UpdateItem"], // no transition: it works in DOWNLOADING
    own: DELIVERY,
    granted: DELIVERY, // it alone may delete at a destination: what earlier runs of the job published and none lists any more
  },
  finish: {
    description: "makes the job COMPLETE",
    memory: 512,
    timeout: 60,
    variables: PLACES,
    table: TRANSITION,
  },
  fail: {
    description: "closes the gates and makes the job FAILED with its reason",
    memory: 512,
    timeout: 60,
    variables: PLACES,
    table: TRANSITION,
    own: END_OWN_UPLOADS,
    granted: END_UPLOADS,
  },
} as const satisfies Record<string, FunctionSpec>;

/** The functions of a batch's child, in the order of its loop; app λ is between them. */
export const CHILD_STEPS = {
  claim: {
    description: "takes what is due of a batch into a worker's hand",
    memory: 512, // one read and one transaction: it waits more than it computes
    timeout: 30,
    variables: PLACES,
    table: ["GetItem", "PutItem", "UpdateItem"],
    control: true,
  },
  commit: {
    description: "judges a worker's index and consumes its claim",
    memory: 512, // parses an index of up to 1,000 tasks
    timeout: 30,
    variables: [...PLACES, "sweepFunction"],
    table: ["GetItem", "BatchGetItem", "PutItem", "UpdateItem"],
    own: SCRATCH, // the control hint is written when failFast ends a job
    nudges: true,
    control: true,
  },
} as const satisfies Record<string, FunctionSpec>;

/** Built-in apps are trusted and share one role: S3, and nothing that holds facts. */
export const APPS = {
  app: {
    description: "runs the built-in apps on the tasks of a claim",
    memory: 1_769, // one vCPU for the task, and room for its heap cap beside two windows of 8 MiB
    timeout: 900, // the longest task (840 s) and what it takes to write its results
    variables: ["bucket", "grantedBuckets"],
    // Apps work on bytes of anybody's making: what the engine goes by (manifests, cursors, hints, outputs) is out of their reach.
    own: { ...PARTS, writes: RESULT_KEYS, logs: ["PutObject"] },
    granted: READ_SOURCE,
  },
} as const satisfies Record<string, FunctionSpec>;

export const FRONT = {
  api: {
    description: "serves the HTTP API",
    memory: 1_769, // cold starts are CPU bound, and a person waits for them
    timeout: 29, // API Gateway gives up after 29 s; the longest poll takes 25
    variables: [
      ...PLACES,
      "stateMachineArn",
      "sweepFunction",
      "grantedBuckets",
      "adminKeySecret",
      "tokenSecret",
      "tokenSeconds",
      "compat",
      "maxWorkers",
      "partLimit",
      "partBytes",
    ],
    table: ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "ConditionCheckItem"],
    own: { ...DELIVERY, logs: ["GetObject"] }, // an abort ends the job's uploads here and at its destination, and removes their records
    // Links act with the signer's rights; the destination is probed before a job starts.
    granted: { objects: PARTS.objects, bucket: DELIVERY.bucket },
    workflow: ["StartExecution", "StopExecution", "DescribeExecution"],
    secrets: ["adminKey", "tokenKey"],
    nudges: true,
  },
  authorizer: {
    description: "tells who calls from the access token",
    memory: 1_024, // on the path of every call, cold starts included
    timeout: 10,
    variables: ["table", "tokenSecret"],
    table: ["GetItem"],
    secrets: ["tokenKey"],
  },
} as const satisfies Record<string, FunctionSpec>;

export const OPERATIONS = {
  sweep: {
    description: "repairs what a crash left, purges what has expired",
    memory: 1_024,
    timeout: 300, // a purge deletes 1,000 objects a call; what is left over waits for the next minute
    variables: [...PLACES, "stateMachineArn", "grantedBuckets"],
    table: ["GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"],
    own: {
      ...END_OWN_UPLOADS,
      objects: [...END_OWN_UPLOADS.objects, "PutObject"], // the control hint of an abort that it ends
      logs: ["DeleteObject"],
    },
    // What an abort finds published at the destination is noted.
    granted: { ...END_UPLOADS, bucket: [...END_UPLOADS.bucket, "ListBucket"] },
    workflow: ["StartExecution", "StopExecution", "DescribeExecution"],
  },
  events: {
    description: "tells EventBridge of every change of a job's state",
    memory: 512, // waits more than it computes
    timeout: 60,
    variables: ["table", "eventBus"],
    table: ["BatchGetItem"],
    publishes: true,
  },
} as const satisfies Record<string, FunctionSpec>;

/** All of them by name; a name is also its folder in lambdas/ and in build/lambdas/. */
export const FUNCTIONS = { ...FRONT, ...STEPS, ...CHILD_STEPS, ...APPS, ...OPERATIONS };
export type FunctionName = keyof typeof FUNCTIONS;
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[];
