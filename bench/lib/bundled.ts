import { join } from "node:path";
import * as esbuild from "esbuild";
import { FORMAT } from "../../cdk/bundle.ts";
import { ROOT } from "../../scripts/lib/paths.ts";

/** Bundles a file of bench/measured as the functions are bundled: what tsx makes of TypeScript is slower. @returns the bundle's path */
export async function bundled(name: string): Promise<string> {
  const outfile = join(ROOT, "build", "bench", `${name}.mjs`);
  await esbuild.build({
    ...FORMAT,
    absWorkingDir: ROOT,
    entryPoints: [join("bench", "measured", `${name}.ts`)],
    outfile,
    minify: true,
  });
  return outfile;
}
