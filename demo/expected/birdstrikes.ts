/** (a) Strikes and their cost by state of origin. */
import { byBytes, columnIndex, readRows, writeRow } from "./rows.ts";

export async function birdstrikesByState(file: string): Promise<string> {
  const [header = [], ...rows] = await readRows(file);
  const state = columnIndex(header, "Origin State");
  const cost = columnIndex(header, "Cost Total $");
  const counts = new Map<string, { count: number; sum: bigint }>();
  for (const row of rows) {
    const key = row[state] ?? "";
    const group = counts.get(key) ?? { count: 0, sum: 0n };
    group.count += 1;
    // The column holds whole dollars; BigInt refuses anything else.
    group.sum += BigInt(row[cost] ?? "");
    counts.set(key, group);
  }
  const sorted = [...counts].sort(([a], [b]) => byBytes(a, b));
  const lines = sorted.map(([key, { count, sum }]) => writeRow([key, String(count), String(sum)]));
  return writeRow(["Origin State", "count", "sum(Cost Total $)"]) + lines.join("");
}
