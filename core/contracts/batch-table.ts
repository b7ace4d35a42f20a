/**
 * The batch table: how a job's tasks lie in batches. Written by the first plan of a generation, named on the job item by the
 * transition to PARTITIONED, and reused by every later round and run.
 */
import * as z from "zod";
import { batchPlace } from "./workflow.ts";

export const batchTable = z.object({
  v: z.literal(1),
  tasks: z.int().min(0),
  batchSize: z.int().min(1),
  gates: z.int().min(1).max(32),
  batches: z.array(batchPlace),
});
export type BatchTable = z.infer<typeof batchTable>;
