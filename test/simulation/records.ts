/** The app's records and what it makes of them: the whole of it, so that an output can be told without running a job. */

/** What becomes of a task: `flaky` fails once, `bad` every time, `broken` for good at once, `deadly` kills its worker. */
export type Fate = "good" | "partial" | "skip" | "flaky" | "bad" | "broken" | "deadly";

/** Whether the task fails whatever is done, with so many attempts a run. */
export const isDoomed = (fate: Fate, attempts: number): boolean =>
  fate === "bad" || fate === "broken" || fate === "deadly" || (fate === "flaky" && attempts === 1);

type Spans = readonly (readonly [number, number] | readonly [number, number, number])[];
interface Chunk {
  readonly text: string;
  readonly from: number;
  readonly to: number;
  readonly exact: boolean;
}

/** A generator's numbers, or the lines of a chunk; an inexact chunk finds its own edges (architecture.md, Virtual chunks). */
export function chunkRecords(chunk: Spans | Chunk): readonly string[] {
  if ("text" in chunk) {
    const { text, from, to, exact } = chunk;
    const cut = exact ? text.slice(from, to) : text.slice(align(text, from), align(text, to));
    return cut.split("\n").filter((line) => line !== "");
  }
  return chunk.flatMap(([first, last, step = 1]) => {
    const numbers: string[] = [];
    for (let n = first; n <= last; n += step) numbers.push(`n${n}`);
    return numbers;
  });
}

/** The first offset from x on that a record ends in front of. */
function align(text: string, x: number): number {
  if (x <= 0) return 0;
  const newline = text.indexOf("\n", x - 1);
  return newline < 0 ? text.length : newline + 1;
}

/** A partial task rejects its first record. */
export function outputOf(records: readonly string[], fate: Fate): string {
  return records
    .slice(fate === "partial" ? 1 : 0)
    .map((record) => `${record.toUpperCase()}\n`)
    .join("");
}
