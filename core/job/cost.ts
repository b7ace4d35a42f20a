/** A job's cost on the wire: what the model expects of it, and what it has had, by the same model (core/cost). */
import type { CostRecord } from "../contracts/api/records.ts";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import { type JobShape, measured } from "../cost/index.ts";
import type { GateSum } from "../gates/gates.ts";
import type { Catalog } from "./catalog.ts";

interface Read {
  readonly bytes: number;
  /** Objects that the source is made of. */
  readonly sources: number;
}

type Finders = Pick<Catalog, "findPartitioner" | "findAssembler">;

/** @param read what the workers read, or will read */
export function shapeOf(catalog: Finders, spec: SpecItem, tasks: number, read: Read): JobShape {
  const { partitioner, assembler } = spec.blocks;
  const { takes, outputName } = catalog.findAssembler(assembler) ?? {};
  const cuts = catalog.findPartitioner(partitioner)?.cuts;
  return {
    bytes: read.bytes,
    ...(cuts === "objects" ? { objects: read.sources } : { sources: read.sources, scanned: partitioner === "csv" }),
    outputs: outputName === null ? tasks : 1,
    reduced: takes === "accumulator",
    delivered: spec.dataDestination?.kind === "s3",
  };
}

/** Measured so far; null before its first run. */
export function costOf(catalog: Finders, job: JobItem, spec: SpecItem, sum: GateSum): CostRecord | null {
  const { claims, downloadMs, processMs, uploadMs, uploadBytes } = sum.stats;
  const counted = { claims, workerMs: downloadMs + processMs + uploadMs, resultBytes: uploadBytes, runs: job.run };
  return job.run === 0 ? null : { ...measured({ ...common(catalog, job, spec, sum), ...counted }) };
}

/**
 * What the model expects of one run without retries, its tasks taking what the app declares; null before the tasks are known.
 * Bytes are as read so far: beside the app's time they weigh little.
 */
export function expectedCostOf(catalog: Finders, job: JobItem, spec: SpecItem, sum: GateSum): CostRecord | null {
  if (job.batches === undefined || spec.taskSeconds === undefined) return null;
  const workerMs = (job.tasks ?? 0) * spec.taskSeconds * 1_000;
  const expected = { claims: job.batches, workerMs, resultBytes: 0, runs: 1 };
  return { ...measured({ ...common(catalog, job, spec, sum), ...expected }) };
}

function common(catalog: Finders, job: JobItem, spec: SpecItem, { stats }: GateSum) {
  const { tasks = 0, batches = 0, batchSize = 1 } = job;
  // How many objects there were isn't on the job's items; a task has one at least.
  const sources = catalog.findPartitioner(spec.blocks.partitioner)?.cuts === "objects" ? tasks : 1;
  const workers = Math.min(spec.config.maxConcurrency ?? batches, batches);
  return { ...shapeOf(catalog, spec, tasks, { bytes: stats.downloadBytes, sources }), batches, batchSize, workers };
}
