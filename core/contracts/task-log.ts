/**
 * The log of one claim in S3 (JSON lines): a head, then what its tasks printed, in the order it came. It only ever grows: a
 * reader that knows how many bytes it has read goes on from there. Written by: app λ. Read, as untrusted input, by: the logs
 * API, and by the CLI through signed links.
 */
import * as z from "zod";

/** As written; a reader may meet any of the API's (core/contracts/api/logs.ts). */
export const TASK_LOG_LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] as const;
export type TaskLogLevel = (typeof TASK_LOG_LEVELS)[number];

export const taskLogHead = z.object({
  v: z.literal(1),
  batch: z.int().min(0),
  claim: z.int().min(1),
  run: z.int().min(1),
  /** Ordinal of the batch's first task: a line's `o` counts from it. */
  first: z.int().min(0),
  /** The execution environment and the invocation. */
  worker: z.string(),
  requestId: z.string(),
});
export type TaskLogHead = z.infer<typeof taskLogHead>;

export const taskLogLine = z.object({
  /** Ordinal relative to the batch's first; attempt, from 1. */
  o: z.int().min(0),
  n: z.int().min(1),
  /** Milliseconds since the epoch, by the worker's clock. */
  t: z.int().min(0).max(8.64e15),
  l: z.enum(TASK_LOG_LEVELS),
  m: z.string(),
  /** 1: a note of the runtime, not the app's own words. */
  r: z.literal(1).optional(),
});
export type TaskLogLine = z.infer<typeof taskLogLine>;

/** Bytes of the lines of one task, and of one claim's whole object. */
export const TASK_LOG_BYTES = 64 * 1024;
export const CLAIM_LOG_BYTES = 1024 * 1024;
/** Characters of one line; a longer one is cut. */
export const LOG_LINE_CHARS = 16 * 1024;
