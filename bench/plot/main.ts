/**
 * npm run bench:report [-- RESULTS.json]: writes the tables between the marks of docs/performance.md, and the charts beside it, from
 * bench/results.json as the last bench left it (or another file like it). The words around them are written by hand.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runMain, ToolingError } from "../../scripts/lib/tooling-error.ts";
import { limitsOf, simulate } from "../scale/binding.ts";
import { readInputs } from "../scale/inputs.ts";
import { RESULTS, readResults } from "../scale/read-results.ts";
import { scenarios } from "../scale/scenarios.ts";
import { fillBlocks } from "./blocks.ts";
import { chartSvg } from "./chart.ts";
import { charts } from "./charts.ts";
import { blockOf } from "./tables.ts";

const DOCS = join(import.meta.dirname, "..", "..", "docs");
const PAGE = join(DOCS, "performance.md");
const IMAGES = join(DOCS, "img");

await runMain(async () => {
  const path = process.argv[2] ?? RESULTS;
  const results = await readResults(path);
  if (!results) throw new ToolingError(`There is no ${path} yet: run \`npm run bench\` first.`);
  const { inputs } = readInputs(results.suites);
  const told = scenarios(inputs).map((scenario) => {
    console.error(`model: ${scenario.id}`);
    return {
      scenario,
      limits: limitsOf(scenario.account),
      simulated: simulate(scenario.work, scenario.account, inputs),
    };
  });
  const material = { results, told };
  const page = fillBlocks(await readFile(PAGE, "utf8"), (name) => blockOf(name, material));
  await mkdir(IMAGES, { recursive: true });
  for (const [name, chart] of charts(material)) await writeFile(join(IMAGES, name), chartSvg(chart));
  await writeFile(PAGE, page);
  console.error("docs/performance.md and docs/img are written");
  return 0;
});
