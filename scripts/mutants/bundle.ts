import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { ROOT } from "../lib/paths.ts";
import type { Mutation } from "./table.ts";

/** @returns the file's text with the mutation made. @throws Error when the text isn't there exactly once */
export async function mutate({ name, file, find, replace }: Mutation): Promise<string> {
  const text = await readFile(join(ROOT, file), "utf8");
  const times = text.split(find).length - 1;
  if (times !== 1) {
    throw new Error(`${name}: its text stands ${times} times in ${file}, not once; the table must follow the code.`);
  }
  return text.replace(find, () => replace);
}

/** The simulation as one file, with the mutated text in place of the real one. */
export async function bundleTrial(outfile: string, mutation: Mutation, text: string): Promise<void> {
  const mutated = join(ROOT, mutation.file);
  let used = false;
  await build({
    entryPoints: [join(ROOT, "scripts/mutants/trial.ts")],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    mainFields: ["module", "main"],
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    logLevel: "error",
    plugins: [
      {
        name: "mutation",
        setup(bundler) {
          bundler.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            if (path !== mutated) return undefined;
            used = true;
            return { contents: text, loader: "ts" };
          });
        },
      },
    ],
  });
  if (!used) throw new Error(`${mutation.name}: the simulation doesn't use ${mutation.file}.`);
}
