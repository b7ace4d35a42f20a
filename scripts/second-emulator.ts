/**
 * tsx scripts/second-emulator.ts FOLDER: runs the layers that need an emulator on LocalStack, set up and started by
 * FOLDER's setup.sh and start.sh (no Docker). An install that fails is reported and skipped; a failing test fails.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { emulatorEnvironment } from "./lib/aws-environment.ts";
import { LAYERS } from "./lib/layers.ts";
import { ROOT } from "./lib/paths.ts";
import { terminateFamily } from "./lib/processes.ts";
import { onInterrupt, run } from "./lib/run.ts";
import { runMain } from "./lib/tooling-error.ts";

const SETUP_TIMEOUT_MS = 15 * 60_000;
const READY_TIMEOUT_MS = 300_000;
/** It stops in about 10 s when asked. */
const STOP_GRACE_MS = 20_000;

interface Running {
  readonly endpoint: string;
  readonly child: ChildProcess;
  readonly directory: string;
}

/** Installs into the user's cache, once per version of the scripts. Not into the checkout: Lambda code unpacked below
 * our package.json would be ES modules and find our node_modules. Answers the folder, or why there is none. */
async function install(scripts: string): Promise<{ folder: string } | { problem: string }> {
  const hash = createHash("sha256");
  for (const file of ["setup.sh", "constraints.txt"]) hash.update(await readFile(join(scripts, file)));
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
  const folder = join(cache, "jobjob", `localstack-${hash.digest("hex").slice(0, 12)}`);
  const stamp = join(folder, "installed");
  if (existsSync(stamp)) return { folder };
  console.log("second emulator: installing LocalStack (once, about a minute)");
  await mkdir(folder, { recursive: true });
  const result = await run("bash", [join(scripts, "setup.sh"), folder], { timeoutMs: SETUP_TIMEOUT_MS });
  if (result.code !== 0)
    return { problem: result.timedOut ? "the setup took more than 15 minutes" : lastLines(result.text) };
  await writeFile(stamp, "");
  return { folder };
}

/** Starts in a folder of its own (links to the installed parts), so that two runs don't share temporary files. */
async function start(scripts: string, installed: string): Promise<Running> {
  const directory = await mkdtemp(join(tmpdir(), "jobjob-localstack-"));
  for (const part of ["venv", "dynamodb-lib"]) await symlink(join(installed, part), join(directory, part));
  const port = await freePort();
  const log = openSync(join(directory, "log"), "w");
  // Lambdas inherit this environment; nothing of ours may reach them.
  const { AWS_ENDPOINT_URL: _endpoint, NODE_OPTIONS: _options, ...environment } = process.env;
  const args = [join(scripts, "start.sh"), directory, String(port)];
  const child = spawn("bash", args, { cwd: directory, detached: true, env: environment, stdio: ["ignore", log, log] });
  closeSync(log);
  return { endpoint: `http://127.0.0.1:${port}`, child, directory };
}

async function becomesReady({ endpoint, child }: Running): Promise<boolean> {
  for (
    const deadline = Date.now() + READY_TIMEOUT_MS;
    Date.now() < deadline && child.exitCode === null;
    await sleep(250)
  ) {
    const answer = await fetch(`${endpoint}/_localstack/health`, { signal: AbortSignal.timeout(5_000) }).catch(
      () => undefined,
    );
    if (answer?.ok) return true;
  }
  return false;
}

async function stop({ child, directory }: Running): Promise<void> {
  if (child.pid !== undefined) await terminateFamily(child.pid, STOP_GRACE_MS);
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return address !== null && typeof address === "object" ? address.port : 0;
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-8).join("\n");
}

function skip(reason: string): number {
  console.log(`second emulator: SKIPPED: ${reason}\n0 passed, 0 failed`);
  return 0;
}

await runMain(async () => {
  const scripts = process.argv[2];
  if (scripts === undefined || !existsSync(join(scripts, "setup.sh"))) return skip("its scripts are not here");
  const layers: string[] = [];
  for (const layer of LAYERS) if (layer.needsEmulator && (await layer.skip()) === undefined) layers.push(layer.name);
  if (layers.length === 0) return skip("there are no tests for an emulator yet");
  const installed = await install(scripts);
  if ("problem" in installed) return skip(`LocalStack can't be installed:\n${installed.problem}`);
  const running = await start(scripts, installed.folder);
  onInterrupt(() => stop(running));
  try {
    if (!(await becomesReady(running))) {
      return skip(`LocalStack doesn't come up:\n${lastLines(await readFile(join(running.directory, "log"), "utf8"))}`);
    }
    console.log(`second emulator: LocalStack on ${running.endpoint}`);
    const tests = ["--import", "tsx", join(ROOT, "scripts", "test.ts"), ...layers];
    return (
      await run(process.execPath, tests, { cwd: ROOT, env: emulatorEnvironment(running.endpoint), output: "inherit" })
    ).code;
  } finally {
    await stop(running);
  }
});
