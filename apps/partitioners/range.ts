import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { rangeParams } from "../../core/partition/params.ts";

export const range: PartitionerInfo = {
  kind: "partitioner",
  name: "range",
  version: "1.0",
  description: 'Numbers or frames, "1-240" or "1-10,20,30-40", by perChunk a chunk; needs no source.',
  params: rangeParams,
  cuts: "nothing",
  inputFormat: () => ({ format: "bytes" }),
};
