/**
 * npm run bench [-- SUITE…]: measures the suites named, or all of them. Prints each figure with its baseline and bar beside
 * it, writes all to bench/results.json, and exits 1 when a bar is broken or a suite breaks off. AWS_ENDPOINT_URL names the
 * emulator (the npm script starts a private one when it is unset).
 */
import { join } from "node:path";
import type { Figure, Suite } from "./lib/figure.ts";
import { isGood, type SuiteResult, tableOf, writeResults } from "./lib/report.ts";
import { api } from "./suites/api.ts";
import { coldStart } from "./suites/cold-start.ts";
import { control } from "./suites/control.ts";
import { endToEnd } from "./suites/end-to-end.ts";
import { gigabyte } from "./suites/gigabyte.ts";
import { merging } from "./suites/merging.ts";
import { orchestration } from "./suites/orchestration.ts";
import { scale } from "./suites/scale.ts";
import { splitting } from "./suites/splitting.ts";

const SUITES: readonly Suite[] = [
  orchestration,
  splitting,
  merging,
  endToEnd,
  gigabyte,
  control,
  api,
  coldStart,
  scale,
];
const RESULTS = join(import.meta.dirname, "results.json");

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`There is no suite ${unknown.join(", ")}. The suites:`);
  for (const { name, what } of SUITES) console.error(`  ${name.padEnd(12)} ${what}`);
  process.exit(2);
}

const results: SuiteResult[] = [];
for (const suite of SUITES) {
  if (wanted.length > 0 && !wanted.includes(suite.name)) continue;
  const began = performance.now();
  console.error(`${suite.name}: ${suite.what}`);
  let figures: readonly Figure[] = [];
  let failure: { readonly error: string } | undefined;
  try {
    figures = await suite.run((line) => console.error(`  ${line}`));
  } catch (error) {
    // One suite that breaks off must not cost the figures of the others; it fails the bench at the end.
    if (error instanceof Error) console.error(error.stack);
    failure = { error: error instanceof Error ? error.message : String(error) };
  }
  const result = { suite: suite.name, seconds: (performance.now() - began) / 1_000, figures, ...failure };
  results.push(result);
  console.log(tableOf(result));
  await writeResults(RESULTS, results);
}
const good = isGood(results);
console.log(good ? "bench: all bars are kept" : "bench: a bar is broken");
// Kept-alive connections to the emulator would hold the process for a while.
process.exit(good ? 0 : 1);
