/** What the fields of a job's config are for. Every field stands here, also the new ones: the type demands it. */
import type { JobConfig } from "../../core/contracts/job-items.ts";

type Field = Exclude<keyof JobConfig, "retryBackoff"> | `retryBackoff.${keyof JobConfig["retryBackoff"]}`;

export const CONFIG_NOTES: Readonly<Record<Field, string>> = {
  minChunkSize: "bytes of a chunk at least; 0 = unset",
  maxChunkSize: "bytes of a chunk at most; 0 = 64 MiB",
  replicationFactor: "chunks of `replicate-fanout`; 0 = unset",
  partitioningSettings: "defaults of params.partitioner",
  taskTimeout: "seconds of one attempt of a task, 1 to 840; 0 = the default",
  jobTimeout: "seconds of the whole job; accepted and shown, not enforced yet",
  isTestJob: "only the first chunk is worked on",
  maxTaskRetries: "attempts after the first one, 0 to 20",
  maxConcurrency: "workers at once; null = as many as the deployment allows (context key `maxWorkers`)",
  "retryBackoff.initialMs": "milliseconds before the second attempt",
  "retryBackoff.rate": "what the wait is multiplied with from attempt to attempt, 1 to 100",
  "retryBackoff.maxMs": "the longest wait in milliseconds",
  toleratedFailurePercentage: "percent of the tasks that may fail, 0 to 100",
  failFast: "stop handing out tasks as soon as the tolerance is broken",
  overwrite: "replace what exists at the destination",
  gracePeriod: "seconds to wait between run and start, at most 30 days",
};
