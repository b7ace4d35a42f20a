/** (b) The zip codes of California. */
import { columnIndex, readRows, writeRow } from "./rows.ts";

export async function zipcodesOfCalifornia(file: string): Promise<string> {
  const [header = [], ...rows] = await readRows(file);
  const state = columnIndex(header, "state");
  const wanted = ["zip_code", "city", "county"];
  const at = wanted.map((name) => columnIndex(header, name));
  const found = rows.filter((row) => row[state] === "CA").map((row) => at.map((i) => row[i] ?? ""));
  return [wanted, ...found].map(writeRow).join("");
}
