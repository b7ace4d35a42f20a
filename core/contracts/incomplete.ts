/**
 * The report of what tolerated failures left out of a job's output, beside its results: newline-delimited JSON, first one
 * `incompleteHead`, then one `incompleteTask` per task, in the order of their ordinals. Written by: assemble. Read by: users;
 * docs/guide/results.md documents it.
 */
import * as z from "zod";

const count = z.int().min(0);

export const incompleteHead = z.strictObject({
  report: z.literal("incomplete"),
  version: z.literal(1),
  jobId: z.string(),
  /** The run that merged. */
  run: z.int(),
  /** Of the job: all tasks, those that failed for good, those that rejected items. */
  tasks: z.strictObject({ total: count, failed: count, partial: count }),
});
export type IncompleteHead = z.infer<typeof incompleteHead>;

export const incompleteTask = z.strictObject({
  ordinal: count,
  state: z.enum(["FAILED", "PARTIAL"]),
  attempts: count,
  /** FAILED: the last attempt's; null when what its worker wrote is gone. */
  error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  /** PARTIAL: how many items were left out, and the first 100 of them. */
  rejected: count,
  items: z.array(z.strictObject({ item: z.string(), reason: z.string() })),
  /**
   * As in the tasks API: bytes [from, to) of the one source (records that begin there, when not exact), or whole objects, or
   * numbers ("1-10,20-30x2"), or a replica's number.
   */
  chunk: z
    .strictObject({
      sources: z.array(z.strictObject({ bucket: z.string(), key: z.string(), size: z.number() })),
      from: z.number().nullable(),
      to: z.number().nullable(),
      exact: z.boolean(),
      objects: z.number().nullable(),
      numbers: z.string().nullable(),
      replica: z.number().nullable(),
    })
    .nullable(),
});
export type IncompleteTask = z.infer<typeof incompleteTask>;
