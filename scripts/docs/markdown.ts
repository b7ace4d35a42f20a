export type Row = readonly string[];

/** A table of Markdown; a `|` in a cell is text. */
export function table(head: Row, rows: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [head, head.map(() => "---"), ...rows].map(line).join("\n");
}

export const code = (text: string): string => `\`${text}\``;

/** Prose of the code's own tables: `<name>` is no HTML. */
export const text = (prose: string): string => prose.replaceAll("<", "\\<");
