/** AWS: its limits and latencies (limits.ts), our measured figures (inputs.ts), JobJob's rules (rules.ts). */
import type { Inputs } from "./inputs.ts";
import type { Limits } from "./limits.ts";
import type { ChildTimes, Platform, Stage } from "./platform.ts";
import { KEYS_PER_LIST, RULES, WORKER_PUTS } from "./rules.ts";
import { type Batches, getsOf, type TaskWork, type Workload } from "./workload.ts";

const MB = 1e6;
const MIB = 1024 * 1024;
/** What assemble copies with one call, at most, and streams, at least (core/merge/plan-parts.ts, core/steps/context.ts). */
const COPY_BYTES = 1024 * MIB;
const PART_BYTES = 5 * MIB;
/** GB of the functions (cdk/function-table.ts). */
const GB = { prepare: 1, partition: 1.769, assemble: 1.769 } as const;
/** Of what a task adds to the steps around the tasks: partition writes its line, assemble reads its result. */
const PARTITIONS_SHARE = 0.25;
/** Calls of a step whatever the job: its claim, job and spec, its transition; cursor or list, what it wrote, hint. */
const STEP_TABLE_CALLS = 6;
const STEP_OBJECT_CALLS = 3;
/** S3 calls of a worker that wait for each other: work spec, chunk lines, rows of sources; then pack and index. */
const WORKER_READS = 3;

export function awsPlatform(limits: Limits, inputs: Inputs): Platform {
  const scarce = { ...limits, processors: Number.POSITIVE_INFINITY };
  const { transitionLatency, invokeLatency, coldStart, tableLatency, transactionLatency, s3FirstByte } = limits;
  const batchSeconds = inputs.batch / 1_000;
  return {
    name: "aws",
    scarce,
    transitionLatency,
    invokeLatency,
    coldStart,
    // Its thread's start is part of `batch`, which was measured at a worker's first call: every call is charged with it.
    firstCall: () => 0,
    transactionLatency,
    childTimes: (work, tasks): ChildTimes => ({
      claim: tableLatency,
      app: {
        waits: (WORKER_READS + WORKER_PUTS) * s3FirstByte,
        works: batchSeconds + tasks * taskSeconds(work.task, limits),
        around: batchSeconds,
      },
      commit: s3FirstByte + tableLatency,
    }),
    stages: (work, batches) => stagesOf(work, batches, limits, inputs),
  };
}

/** What a step does that grows with the job: seconds, and the GB of its function. */
interface Growing {
  readonly extra?: number;
  readonly gb?: number;
}

/** Reading and computing overlap: the slower of the two counts. */
export function taskSeconds(task: TaskWork, limits: Pick<Limits, "s3FirstByte" | "network">): number {
  const perSecond = limits.network * MB;
  const gets = getsOf(task);
  if (gets === 0) return task.seconds;
  const transfer = task.bytes / perSecond;
  const inFlight = task.objects > 0 ? RULES.readersAhead.value : 1;
  return Math.max(task.seconds, transfer, (gets * limits.s3FirstByte + transfer) / inFlight);
}

function stagesOf(work: Workload, batches: Batches, limits: Limits, inputs: Inputs) {
  const { transitionLatency, invokeLatency, coldStart, tableLatency, s3FirstByte } = limits;
  const base =
    2 * transitionLatency +
    invokeLatency +
    coldStart +
    STEP_TABLE_CALLS * tableLatency +
    STEP_OBJECT_CALLS * s3FirstByte;
  const step = (name: string, more: Growing = {}): Stage => {
    const { extra = 0, gb = 0 } = more;
    return { name, seconds: base + extra, growing: extra, gbSeconds: extra * gb };
  };
  const before = [
    step("prepare", prepareWork(work, limits)),
    step("partition", partitionWork(work, limits, inputs)),
    step("plan"),
    { name: "map", seconds: limits.mapOverhead },
  ];
  const after = [
    step("settle"),
    step("assemble", assembleWork(work, batches, limits, inputs)),
    step("deliver"),
    step("publish"),
    step("finish"),
  ];
  return { before, after };
}

function prepareWork({ source }: Workload, { s3FirstByte }: Limits) {
  if (source.kind !== "objects") return {};
  const lists = Math.ceil(source.count / KEYS_PER_LIST);
  const probes = source.probed ? source.count : 0;
  const extra = (lists + probes / RULES.probes.value) * s3FirstByte;
  return { extra, gb: GB.prepare };
}

function partitionWork(work: Workload, { network }: Limits, inputs: Inputs) {
  const { source, tasks } = work;
  const scanned = source.kind === "file" && source.scanned ? source.bytes : 0;
  const extra =
    scanned / (Math.min(network, inputs.scanRate) * MB) + (PARTITIONS_SHARE * tasks * inputs.around) / 1_000;
  return { extra, gb: GB.partition };
}

/** Reads every batch's item and index, in order and a few ahead; copies what is big inside S3, streams the rest. */
function assembleWork(work: Workload, batches: Batches, limits: Limits, inputs: Inputs) {
  const { s3FirstByte, tableLatency, s3Copy, network } = limits;
  const { outputBytes, tasks } = work;
  const reads = (batches.count * s3FirstByte) / (1 + RULES.batchesAhead.value);
  const items = (batches.count / RULES.batchesPerRead.value) * tableLatency;
  const pack = outputBytes / Math.max(1, batches.count);
  const isCopied = pack > 2 * PART_BYTES;
  const part = isCopied ? Math.min(pack, COPY_BYTES) : PART_BYTES;
  const parts = Math.ceil(outputBytes / part);
  const partSeconds = isCopied ? s3FirstByte + part / (s3Copy * MB) : 2 * (s3FirstByte + part / (network * MB));
  const moved = (parts * partSeconds) / RULES.partsAtOnce.value;
  const extra = reads + items + moved + ((1 - PARTITIONS_SHARE) * tasks * inputs.around) / 1_000;
  return { extra, gb: GB.assemble };
}
