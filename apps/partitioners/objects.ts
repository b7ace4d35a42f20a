import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { objectsParams } from "../../core/partition/params.ts";

export const objects: PartitionerInfo = {
  kind: "partitioner",
  name: "objects",
  version: "1.0",
  description: "Sets of whole objects below a prefix, by count or bytes, with include and exclude globs.",
  params: objectsParams,
  cuts: "objects",
  inputFormat: () => ({ format: "bytes" }),
};
