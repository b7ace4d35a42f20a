import { PermanentError } from "../../../runtime/node/contract.ts";

export function needsFormat(app: string, format: string): PermanentError {
  return new PermanentError(
    `${app} works on records of CSV or NDJSON, and these chunks are ${format}; choose the partitioner csv or ndjson.`,
    { code: "INPUT_FORMAT" },
  );
}
