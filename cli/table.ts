import Table from "cli-table3";
import { seenWidth, type Terminal } from "./terminal.ts";

const NO_LINES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
};

export interface Column {
  readonly name: string;
  readonly right?: boolean;
}

/** Text that is wrapped to less than this reads worse than what the terminal makes of a long line. */
const LEAST_TEXT = 24;

/**
 * Columns without lines; widths count what is seen, not colour codes. On a terminal that is too narrow the gaps shrink to
 * one blank, and a last column of text is wrapped.
 */
export function printTable(
  { out, paint, isLive, columns: space }: Terminal,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): void {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = columns.map(({ name }, i) => Math.max(name.length, ...cells.map((row) => seenWidth(row[i] ?? ""))));
  const wide = widths.reduce((sum, width) => sum + width, 0);
  const gap = isLive && wide + 2 * (columns.length - 1) > space ? 1 : 2;
  const left = space - (wide - (widths.at(-1) ?? 0)) - gap * (columns.length - 1);
  const wraps = isLive && left >= LEAST_TEXT && left < (widths.at(-1) ?? 0);
  const table = new Table({
    head: columns.map(({ name }) => paint("bold", name)),
    chars: { ...NO_LINES, middle: " ".repeat(gap) },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colAligns: columns.map(({ right }) => (right ? "right" : "left")),
    ...(wraps ? { wordWrap: true, colWidths: [...columns.slice(1).map(() => null), left] } : {}),
  });
  for (const row of cells) table.push(row);
  for (const line of table.toString().split("\n")) out(line.trimEnd());
}

/** A name or message may hold newlines and worse; a table has one line a row. Colour codes of ours stay. */
const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  text.replace(/[\u0000-\u001a\u001c-\u001f\u007f]+/g, " ").replace(/\u001b(?!\[[0-9;]*m)/g, " ");

/** `name  value` lines; null leaves a line out. */
export function printPairs({ out, paint }: Terminal, pairs: readonly (readonly [string, string | null])[]): void {
  const shown = pairs.filter((pair): pair is readonly [string, string] => pair[1] !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  for (const [name, value] of shown) out(`${paint("dim", name.padEnd(width))}  ${value}`);
}
