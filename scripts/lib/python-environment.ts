import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type RunResult, run } from "./run.ts";
import { ToolingError } from "./tooling-error.ts";

/** A minute on a good line, minutes on a bad one. */
const INSTALL_TIMEOUT_MS = 10 * 60_000;

export interface PythonPackages {
  /** What it is for, as the first word of each line that is said about it. */
  readonly name: string;
  /** What goes over the line, for people: "90 MB". */
  readonly size: string;
  /** A file of versions and hashes. */
  readonly requirements: string;
  /** Folder that holds the environment (`venv`) and the lock of those who build it. */
  readonly home: string;
  /** What else helps who has no Python, as the end of a sentence that begins "Install one, or …". */
  readonly otherwise?: string;
}

/**
 * The Python of an environment of its own, which is built at first use from a requirements file (versions and hashes pinned).
 * A changed file builds it anew.
 *
 * @throws ToolingError when no Python ≥ 3.10 is found or the packages can't be installed
 */
export async function pythonEnvironment(packages: PythonPackages, say: (line: string) => void): Promise<string> {
  const { name, size, requirements, home, otherwise } = packages;
  const venv = join(home, "venv");
  const stamp = join(venv, "installed");
  const python = join(venv, "bin", "python");
  const wanted = createHash("sha256")
    .update(await readFile(requirements))
    .digest("hex");
  if (await isInstalled(stamp, wanted)) return python;
  await withLock(home, async () => {
    if (await isInstalled(stamp, wanted)) return;
    say(`${name}: installing (once, ${size})`);
    const base = await findPython(name, otherwise);
    await rm(venv, { recursive: true, force: true });
    const limit = { timeoutMs: INSTALL_TIMEOUT_MS };
    await expectSuccess(name, run(base, ["-m", "venv", venv], limit), `${base} -m venv`, VENV_HINT);
    const pip = ["-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", requirements];
    await expectSuccess(name, run(python, pip, limit), "pip install", PIP_HINT);
    await writeFile(`${stamp}.new`, wanted);
    await rename(`${stamp}.new`, stamp);
  });
  return python;
}

const VENV_HINT = "On Debian and Ubuntu the package python3-venv is needed.";
const PIP_HINT = "Check the network (pip must reach its package index), then run the same command again.";

async function isInstalled(stamp: string, wanted: string): Promise<boolean> {
  return existsSync(stamp) && (await readFile(stamp, "utf8")) === wanted;
}

async function expectSuccess(name: string, pending: Promise<RunResult>, what: string, hint: string): Promise<void> {
  const result = await pending;
  if (result.code === 0) return;
  const why = result.timedOut
    ? "took more than 10 minutes"
    : `failed:\n${result.text.trim().split("\n").slice(-15).join("\n")}`;
  throw new ToolingError(`${name}: ${what} ${why}\n${hint}`);
}

/** The first Python ≥ 3.10 on the path. A version manager's shim that exists but doesn't run counts as absent. */
async function findPython(what: string, otherwise: string | undefined): Promise<string> {
  const names = [process.env.JOBJOB_PYTHON, "python3", ...[10, 11, 12, 13, 14].map((n) => `python3.${n}`).reverse()];
  for (const name of names) {
    if (!name) continue;
    const check = "import sys; sys.exit(sys.version_info < (3, 10))";
    const found = await run(name, ["-c", check], { timeoutMs: 20_000 }).catch(() => undefined);
    if (found?.code === 0) return name;
  }
  throw new ToolingError(
    `${what}: needs Python 3.10 or newer, and found none as python3 or python3.10 to python3.14.\n` +
      `Install one (https://www.python.org/downloads/), or name it in JOBJOB_PYTHON${otherwise ? `, or ${otherwise}` : ""}.`,
  );
}

/** Two first runs at once must not build the same environment. A lock older than any install is a dead one's. */
async function withLock(home: string, work: () => Promise<void>): Promise<void> {
  const lock = join(home, "install.lock");
  await mkdir(home, { recursive: true });
  for (;;) {
    try {
      await writeFile(lock, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      const holder = Number(await readFile(lock, "utf8").catch(() => "0"));
      if (holder > 0 && !isAlive(holder)) await rm(lock, { force: true });
      else await sleep(500);
    }
  }
  try {
    await work();
  } finally {
    await rm(lock, { force: true });
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
