/** What a cold start loads: every deployed bundle, as the CDK code builds it, beside a function that does nothing. */
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import * as esbuild from "esbuild";
import { bundle, FORMAT } from "../../cdk/bundle.ts";
import { ROOT } from "../../scripts/lib/paths.ts";
import { atMost, type Figure, type Suite } from "../lib/figure.ts";
import { timingOf } from "../lib/timer.ts";

const FOLDER = join(ROOT, "build", "bench", "cold-start");
const ROUNDS = 7;
const KIB = 1_024;
const LIMITS_KIB = { api: 550, others: 500 };

export const coldStart: Suite = {
  name: "cold-start",
  what: "import time and size of every function's bundle, beside an empty handler's",
  async run(say) {
    const files = await bundles();
    const empty = await emptyBundle();
    // Another file of a function's folder is for its worker threads, and imported by none else.
    const functions = [...files].filter(([name]) => !name.includes("/"));
    const times = new Map<string, number[]>([empty, ...functions.map(([, path]) => path)].map((path) => [path, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      // The first round fills the system's cache of files, and isn't counted.
      for (const [path, found] of times) {
        const ms = await importTime(path);
        if (round > 0) found.push(ms);
      }
      say(`round ${round} of ${ROUNDS}`);
    }
    const of = (path: string) => timingOf(times.get(path) ?? []);
    const nothing = of(empty);
    const figures: Figure[] = [];
    for (const [name, path] of functions) {
      const { median, spread } = of(path);
      const baseline = { name: "ms of an empty handler", value: nothing.median, spread: nothing.spread };
      figures.push({ name: `${name}: import`, value: median, unit: "ms", spread, baseline });
    }
    for (const [name, path] of files) {
      const bar = atMost(name === "api" ? LIMITS_KIB.api : LIMITS_KIB.others);
      const baseline = { name: "KiB of an empty handler", value: (await stat(empty)).size / KIB };
      figures.push({ name: `${name}: size`, value: (await stat(path)).size / KIB, unit: "KiB", baseline, bar });
    }
    return figures;
  },
};

/** Paths by name: the function's, or for a further file of its folder `app/thread`. */
async function bundles(): Promise<ReadonlyMap<string, string>> {
  const { outputs } = await bundle(ROOT, { outdir: join(FOLDER, "lambdas") });
  const entries = Object.keys(outputs).map((path): [string, string] => {
    const [folder = "", file = ""] = path.split("/").slice(-2);
    return [file === "index.mjs" ? folder : `${folder}/${file.replace(/\.mjs$/, "")}`, join(ROOT, path)];
  });
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function emptyBundle(): Promise<string> {
  const outfile = join(FOLDER, "empty", "index.mjs");
  const contents = "export const handler = async () => ({});";
  await esbuild.build({ ...FORMAT, stdin: { contents, resolveDir: ROOT }, outfile, minify: true });
  return outfile;
}

const IMPORT = `
const began = performance.now();
await import(process.argv[1]);
process.stdout.write(String(performance.now() - began));
process.exit();
`;

/** Milliseconds that a fresh process takes for it: reading, compiling, and running what stands at the top. */
async function importTime(path: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", IMPORT, path]);
  const ms = Number(stdout);
  if (!(ms > 0)) throw new Error(`The import of ${path} printed ${JSON.stringify(stdout)}.`);
  return ms;
}
