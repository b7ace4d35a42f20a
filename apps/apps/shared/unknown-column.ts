import { PermanentError } from "../../../runtime/node/contract.ts";

/** Params name a column that the input hasn't. `path` says which param. */
export function unknownColumn(path: string, name: string, available: readonly string[]): PermanentError {
  const listed = available.slice(0, 50).map((column) => JSON.stringify(column));
  const more = available.length > 50 ? ` and ${available.length - 50} more` : "";
  return new PermanentError(
    `${path} names the column ${JSON.stringify(name)}, which the input hasn't. Its columns are: ${listed.join(", ")}${more}.`,
    { code: "UNKNOWN_COLUMN", details: { path, column: name, columns: available.slice(0, 200) } },
  );
}

/** Index of each named column. @throws PermanentError UNKNOWN_COLUMN */
export function columnIndexes(path: string, names: readonly string[], available: readonly string[]): number[] {
  return names.map((name) => {
    const index = available.indexOf(name);
    if (index < 0) throw unknownColumn(path, name, available);
    return index;
  });
}
