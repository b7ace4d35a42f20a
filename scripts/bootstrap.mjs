/**
 * node scripts/bootstrap.mjs [SCRIPT ARGS…]: installs the dependencies when they are missing or older than the
 * lockfile, then runs a TypeScript file with tsx. Plain JavaScript without dependencies, so that `npm test` and
 * `npm run demo` work on a fresh clone.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lockfile = join(root, "package-lock.json");
const installed = join(root, "node_modules", ".package-lock.json");
const stamp = join(root, "node_modules", ".jobjob-lockfile");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `JobJob needs Node.js 20.19 or newer; this is ${process.version}. Install a newer one and run the command again.`,
  );
  process.exit(1);
}

const hash = createHash("sha256").update(readFileSync(lockfile)).digest("hex");
if (!isInstalled()) {
  console.error("installing dependencies (npm ci)");
  const npm = process.env.npm_execpath;
  const [command, args] = npm ? [process.execPath, [npm, "ci"]] : ["npm", ["ci"]];
  const result = spawnSync(command, [...args, "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (result.status !== 0) {
    console.error("npm ci failed (its own message is above). Check the network, then run the same command again.");
    process.exit(1);
  }
  writeFileSync(stamp, hash);
}

const [script, ...args] = process.argv.slice(2);
if (script !== undefined) {
  const child = spawn(process.execPath, ["--import", "tsx", join(root, script), ...args], {
    cwd: root,
    stdio: "inherit",
    // The AWS SDK's notice about the end of Node 20 would stand in front of every output.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: "true", ...process.env },
  });
  // Ctrl-C reaches the whole foreground group by itself, so only a signal sent to this process alone is passed on.
  process.on("SIGINT", () => {});
  for (const name of ["SIGTERM", "SIGHUP"]) process.on(name, () => child.kill(name));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}

/** The stamp settles it; without one (somebody ran npm install by hand) npm's own record must not be older. */
function isInstalled() {
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === hash) return true;
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs;
}
