/** The page's generated blocks: between two marks each, everything else is written by hand and stays. */

const BLOCK = /(<!-- bench:begin ([^>]*?) -->\n)([\s\S]*?)(<!-- bench:end -->)/g;

/**
 * @param make the block of a name, in Markdown
 * @throws what `make` throws for a name that it doesn't know; RangeError for marks that don't match
 */
export function fillBlocks(page: string, make: (name: string) => string): string {
  const begins = page.match(/<!-- bench:begin /g)?.length ?? 0;
  const ends = page.match(/<!-- bench:end -->/g)?.length ?? 0;
  let filled = 0;
  const text = page.replace(BLOCK, (_, begin: string, name: string, _old: string, end: string) => {
    filled++;
    return `${begin}${make(name).trimEnd()}\n${end}`;
  });
  if (filled !== begins || filled !== ends) {
    throw new RangeError(`The page has ${begins} begins and ${ends} ends of blocks, and ${filled} of them match.`);
  }
  return text;
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}
