import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { linesParams } from "../../core/partition/params.ts";

/** `lines` and `ndjson` differ only in what a reader makes of a line. */
const lineBased = (name: "lines" | "ndjson", description: string): PartitionerInfo => ({
  kind: "partitioner",
  name,
  version: "1.0",
  description,
  params: linesParams,
  cuts: "records",
  inputFormat: (params) => {
    const { maxRecordBytes } = linesParams.parse(params);
    return { format: name, ...(maxRecordBytes === undefined ? {} : { maxRecordBytes }) };
  },
});

export const lines = lineBased("lines", "Byte ranges that end at a line's end; gzip is unpacked first.");
export const ndjson = lineBased("ndjson", "Byte ranges of whole JSON lines; gzip is unpacked first.");
