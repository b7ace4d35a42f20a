import { MAX_GATES } from "../batches/sizing.ts";
import type { JobItem } from "../contracts/job-items.ts";
import type { Table } from "../ports/index.ts";
import { endRunOnGates, type GateRange } from "./fence.ts";

/**
 * Ends the job's run on its gates (see `endRunOnGates`). To be called before the transition that ends the run, and again
 * behind it when the job names no gates: a plan may have made some in between, and can make none any more.
 */
export const endRun = (table: Table, job: JobItem): Promise<void> => endRunOnGates(table, gateRangeOf(job), job.run);

export async function endUnnamedGates(table: Table, job: JobItem): Promise<void> {
  if (job.gates === undefined) await endRun(table, job);
}

/**
 * Every gate that the job may have in its storage generation. A plan that died before its transition left gates that the job
 * doesn't name yet: then all there can be are looked at.
 */
export const gateRangeOf = (job: JobItem): GateRange => ({
  jobId: job.id,
  generation: job.generation,
  gates: job.gates ?? (job.chunks === undefined ? 0 : MAX_GATES),
});
