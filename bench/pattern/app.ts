/** Synthesises the pattern's stack; the bench runs this through the CDK CLI. */
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import * as esbuild from "esbuild";
import { PATTERN_STACK } from "./names.ts";
import { PatternStack } from "./stack.ts";

const code = join(import.meta.dirname, "..", "..", "build", "pattern");
await esbuild.build({
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  entryPoints: { index: join(import.meta.dirname, "task.ts") },
  outdir: code,
  minify: true,
  logLevel: "warning",
});
new PatternStack(new App(), PATTERN_STACK, code);
