/** Reading and writing CSV the plain way: the whole file in memory, one thread, nothing of JobJob. */
import { readFile } from "node:fs/promises";
import { parse } from "csv-parse/sync";

/** Every record, the header first. */
export async function readRows(file: string): Promise<string[][]> {
  return parse(await readFile(file), { bom: true, relax_column_count: false });
}

/** A record of `rows` by the names of its first one. @throws Error for a column that isn't there */
export function columnIndex(header: readonly string[], name: string): number {
  const at = header.indexOf(name);
  if (at < 0) throw new Error(`there is no column ${name} in ${header.join(",")}`);
  return at;
}

/** Quotes only where they are needed. */
export const writeRow = (row: readonly string[]): string =>
  `${row.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",")}\n`;

export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
