/** (d) Whether two CSV files hold the same records, whatever their quoting. */
import { readRows } from "./rows.ts";

/** @returns null when they do, else where they part */
export async function differenceOfRecords(file: string, expected: string): Promise<string | null> {
  const [rows, wanted] = [await readRows(file), await readRows(expected)];
  for (let i = 0; i < Math.max(rows.length, wanted.length); i++) {
    const [a, b] = [JSON.stringify(rows[i]), JSON.stringify(wanted[i])];
    if (a !== b) return `record ${i} is ${a?.slice(0, 200) ?? "missing"} and should be ${b?.slice(0, 200) ?? "none"}`;
  }
  return null;
}
