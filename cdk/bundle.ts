import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as esbuild from "esbuild";
import { diet } from "./bundle-diet.ts";
import { FUNCTION_NAMES, type FunctionName } from "./function-table.ts";

/** More files that a function's folder holds: app λ starts its tasks' worker threads from one. */
const EXTRA_ENTRIES: Partial<Record<FunctionName, readonly string[]>> = { app: ["thread"] };

/** What every bundle of ours is made with; the test of the SDK's diet uses the same. */
export const FORMAT = {
  bundle: true,
  platform: "node",
  format: "esm",
  // Emulators run the functions on the machine's own Node, and we support 20; AWS's is newer.
  target: "node20",
  mainFields: ["module", "main"],
  // Dependencies in CommonJS call require, which an ES module hasn't got.
  banner: { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' },
  plugins: [diet()],
  legalComments: "none",
  logLevel: "warning",
} as const satisfies esbuild.BuildOptions;

export interface BundleResult {
  /** Folder of a function's bundle. */
  readonly codeOf: (name: FunctionName) => string;
  /** What went into each output file, and its size in bytes, by path relative to the root. */
  readonly outputs: esbuild.Metafile["outputs"];
}

/**
 * Bundles every function into `<root>/build/lambdas/<name>/index.mjs`, in one run of esbuild (`outdir` is somewhere else in tests): a few seconds, no network, no
 * Docker. The SDK goes in too: the runtime's own version changes under our feet, and loads slower than a tree-shaken one.
 *
 * @throws Error naming every entry that is missing.
 */
export async function bundle(
  root: string,
  options: { readonly outdir?: string; readonly names?: readonly FunctionName[] } = {},
): Promise<BundleResult> {
  const { outdir = join(root, "build", "lambdas"), names = FUNCTION_NAMES } = options;
  const entries = names.flatMap((name) => ["index", ...(EXTRA_ENTRIES[name] ?? [])].map((file) => `${name}/${file}`));
  const missing = entries.filter((entry) => !existsSync(join(root, "lambdas", `${entry}.ts`)));
  if (missing.length > 0) {
    throw new Error(`These Lambda entries are missing: ${missing.map((entry) => `lambdas/${entry}.ts`).join(", ")}.`);
  }
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await esbuild.build({
    ...FORMAT,
    absWorkingDir: root,
    entryPoints: Object.fromEntries(entries.map((entry) => [entry, join("lambdas", `${entry}.ts`)])),
    outdir,
    outExtension: { ".js": ".mjs" },
    minify: true,
    metafile: true,
  });
  return { codeOf: (name) => join(outdir, name), outputs: metafile.outputs };
}
