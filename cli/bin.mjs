#!/usr/bin/env node
/** The `jobjob` command. Installs the dependencies of a fresh clone, then loads the TypeScript behind it. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

// The AWS SDK's notice about the end of Node 20 would stand in front of every output.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
if (!existsSync(at("../node_modules/tsx"))) {
  const installed = spawnSync(process.execPath, [at("../scripts/bootstrap.mjs")], { stdio: ["ignore", 2, 2] });
  if (installed.status !== 0) process.exit(4);
}
const { register } = await import("tsx/esm/api");
register();
const { main } = await import("./main.ts");
await main();
