import type { PartitionerInfo } from "../../core/contracts/blocks.ts";
import { csvParams } from "../../core/partition/params.ts";

export const csv: PartitionerInfo = {
  kind: "partitioner",
  name: "csv",
  version: "1.0",
  description:
    "Byte ranges of whole CSV records, quotes and newlines in quotes respected, the header kept apart; gzip is unpacked first.",
  params: csvParams,
  cuts: "records",
  inputFormat: (params) => {
    const { delimiter = ",", header = true, quotedNewlines = "auto", maxRecordBytes } = csvParams.parse(params);
    return {
      format: "csv",
      delimiter,
      header,
      quotedNewlines,
      ...(maxRecordBytes === undefined ? {} : { maxRecordBytes }),
    };
  },
};
