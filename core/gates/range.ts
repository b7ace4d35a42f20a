import { MAX_GATES } from "../batches/sizing.ts";
import type { JobItem } from "../contracts/job-items.ts";
import type { GateRange } from "./fence.ts";

/**
 * Every gate that the job may have in its storage generation. A plan that died before its transition left gates that the job
 * doesn't name yet: then all there can be are looked at.
 */
export const gateRangeOf = (job: JobItem): GateRange => ({
  jobId: job.id,
  generation: job.generation,
  gates: job.gates ?? (job.chunks === undefined ? 0 : MAX_GATES),
});
