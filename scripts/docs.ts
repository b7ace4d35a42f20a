/** tsx scripts/docs.ts [--check]: writes the pages that are printed from the code's own tables, or says which are stale. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { blocksPage } from "./docs/blocks-page.ts";
import { eventsPage } from "./docs/events-page.ts";
import { statesPage } from "./docs/states-page.ts";
import { ROOT } from "./lib/paths.ts";

const PAGES: Readonly<Record<string, () => string>> = {
  "docs/guide/states.md": statesPage,
  "docs/guide/building-blocks.md": blocksPage,
  "docs/guide/events.md": eventsPage,
};

const check = process.argv.includes("--check");
for (const [path, make] of Object.entries(PAGES)) {
  const file = join(ROOT, path);
  const text = make();
  if (!check) await writeFile(file, text);
  else if ((await readFile(file, "utf8").catch(() => "")) !== text) {
    console.error(`${path} is stale; run: npx tsx scripts/docs.ts`);
    process.exitCode = 1;
  }
}
