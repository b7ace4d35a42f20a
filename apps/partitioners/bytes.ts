import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { bytesParams } from "../../core/partition/params.ts";

export const bytes: PartitionerInfo = {
  kind: "partitioner",
  name: "bytes",
  version: "1.0",
  description: "Byte ranges of equal length, whatever they hold.",
  params: bytesParams,
  cuts: "bytes",
  inputFormat: () => ({ format: "bytes" }),
};
