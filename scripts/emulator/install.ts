import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { STATE_DIRECTORY } from "../lib/paths.ts";
import { type RunResult, run } from "../lib/run.ts";
import { ToolingError } from "../lib/tooling-error.ts";

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");
const VENV = join(STATE_DIRECTORY, "emulator", "venv");
const STAMP = join(VENV, "installed");
const LOCK = join(STATE_DIRECTORY, "emulator", "install.lock");
/** 90 MB from the package index: half a minute on a good line, minutes on a bad one. */
const INSTALL_TIMEOUT_MS = 10 * 60_000;

/**
 * The Python of the emulator's own environment, which it builds at first use from requirements.txt (versions and
 * hashes pinned). A changed requirements.txt builds it anew.
 *
 * @throws ToolingError when no Python ≥ 3.10 is found or the packages can't be installed
 */
export async function installEmulator(say: (line: string) => void): Promise<string> {
  const python = join(VENV, "bin", "python");
  const wanted = createHash("sha256")
    .update(await readFile(REQUIREMENTS))
    .digest("hex");
  if (await isInstalled(wanted)) return python;
  await withLock(async () => {
    if (await isInstalled(wanted)) return;
    say("emulator: installing (once, 90 MB)");
    const base = await findPython();
    await rm(VENV, { recursive: true, force: true });
    await expectSuccess(
      run(base, ["-m", "venv", VENV], { timeoutMs: INSTALL_TIMEOUT_MS }),
      `${base} -m venv`,
      VENV_HINT,
    );
    const pip = ["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS];
    await expectSuccess(run(python, pip, { timeoutMs: INSTALL_TIMEOUT_MS }), "pip install", PIP_HINT);
    await writeFile(`${STAMP}.new`, wanted);
    await rename(`${STAMP}.new`, STAMP);
  });
  return python;
}

const VENV_HINT = "On Debian and Ubuntu the package python3-venv is needed.";
const PIP_HINT = "Check the network (pip must reach its package index), then run the same command again.";

async function isInstalled(wanted: string): Promise<boolean> {
  return existsSync(STAMP) && (await readFile(STAMP, "utf8")) === wanted;
}

async function expectSuccess(pending: Promise<RunResult>, what: string, hint: string): Promise<void> {
  const result = await pending;
  if (result.code === 0) return;
  const why = result.timedOut
    ? "took more than 10 minutes"
    : `failed:\n${result.text.trim().split("\n").slice(-15).join("\n")}`;
  throw new ToolingError(`emulator: ${what} ${why}\n${hint}`);
}

/** The first Python ≥ 3.10 on the path. A version manager's shim that exists but doesn't run counts as absent. */
async function findPython(): Promise<string> {
  const names = [process.env.JOBJOB_PYTHON, "python3", ...[10, 11, 12, 13, 14].map((n) => `python3.${n}`).reverse()];
  for (const name of names) {
    if (!name) continue;
    const check = "import sys; sys.exit(sys.version_info < (3, 10))";
    const found = await run(name, ["-c", check], { timeoutMs: 20_000 }).catch(() => undefined);
    if (found?.code === 0) return name;
  }
  throw new ToolingError(
    "emulator: needs Python 3.10 or newer, and found none as python3 or python3.10 to python3.14.\n" +
      "Install one (https://www.python.org/downloads/), or name it in JOBJOB_PYTHON, or set AWS_ENDPOINT_URL to an emulator that already runs.",
  );
}

/** Two first runs at once must not build the same environment. A lock older than any install is a dead one's. */
async function withLock(work: () => Promise<void>): Promise<void> {
  await mkdir(join(STATE_DIRECTORY, "emulator"), { recursive: true });
  for (;;) {
    try {
      await writeFile(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const holder = Number(await readFile(LOCK, "utf8").catch(() => "0"));
      if (holder > 0 && !isAlive(holder)) await rm(LOCK, { force: true });
      else await sleep(500);
    }
  }
  try {
    await work();
  } finally {
    await rm(LOCK, { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
