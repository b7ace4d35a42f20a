import Table from "cli-table3";
import type { Terminal } from "./terminal.ts";

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
  middle: "  ",
};

export interface Column {
  readonly name: string;
  readonly right?: boolean;
}

/** Columns without lines; widths count what is seen, not colour codes. */
export function printTable(
  { out, paint }: Terminal,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): void {
  const table = new Table({
    head: columns.map(({ name }) => paint("bold", name)),
    chars: NO_LINES,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
    colAligns: columns.map(({ right }) => (right ? "right" : "left")),
  });
  for (const row of rows) table.push(row.map(oneLine));
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
