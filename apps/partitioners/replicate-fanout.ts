import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { replicasParams } from "../../core/partition/params.ts";

const named = (name: string): PartitionerInfo => ({
  kind: "partitioner",
  name,
  version: "1.0",
  description:
    "n chunks (params.partitioner.replicas, else config.replicationFactor), each with the whole source or without any.",
  params: replicasParams,
  cuts: "nothing",
  inputFormat: () => ({ format: "bytes" }),
});

export const replicateFanout = named("replicate-fanout");
/** The name that ByteNite's older templates use. */
export const fanoutReplica = named("fanout-replica");
