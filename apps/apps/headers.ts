import { formatCsvRecord } from "../../core/records/index.ts";
import { parseParams } from "../../runtime/node/params.ts";
import { CHECKSUM_COLUMNS } from "./checksum/info.ts";
import { selectParams } from "./select/info.ts";

/**
 * The header line (with "\n") that an app's csv output has even without a single task, as for a source of nothing but a
 * header; null when only records could tell.
 */
export function headerOf(appName: string, params: unknown, inputColumns: readonly string[] | null): string | null {
  const columns =
    appName === "checksum"
      ? CHECKSUM_COLUMNS
      : appName === "select"
        ? (parseParams(selectParams, params).columns ?? inputColumns)
        : null;
  return columns === null || columns.length === 0 ? null : `${formatCsvRecord(columns)}\n`;
}
