import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { passthroughParams } from "../../core/partition/params.ts";

export const passthrough: PartitionerInfo = {
  kind: "partitioner",
  name: "passthrough",
  version: "1.0",
  description: "Each source object is one chunk, as it is; without a source there is one empty chunk.",
  params: passthroughParams,
  cuts: "bytes",
  inputFormat: () => ({ format: "bytes" }),
};
