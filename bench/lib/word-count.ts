import type { Data } from "./data.ts";

/** The words of ASCII text, counted by the plainest loop there is: the CSV that the template word-count must give. */
export function wordCountOf(data: Data): string {
  const counts = new Map<string, number>();
  let rest = "";
  for (const block of data.blocks()) {
    const words = (rest + block.toString("latin1")).split(/[ \n]/);
    rest = words.pop() ?? "";
    for (const word of words) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  if (rest !== "") counts.set(rest, (counts.get(rest) ?? 0) + 1);
  const rows = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, count]) => `${word},${count}\n`);
  return `word,count\n${rows.join("")}`;
}
