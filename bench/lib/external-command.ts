/** Programs of others that the bench runs for comparison: each in a process group and a home of its own, nothing of it left. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { family, listProcesses, signal } from "../../scripts/lib/processes.ts";

export interface ExternalCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Text on its standard input. @default none */
  readonly input?: string;
  /** A folder that is first on its PATH. */
  readonly path?: string;
  /** Arguments of a run before it in the same home, which isn't timed: for what a program finds out once. */
  readonly warmUp?: readonly string[];
}

export interface ExternalResult {
  readonly seconds: number;
  readonly output: string;
}

/** Homes in use, each with the command that runs in it. */
const homes = new Map<string, number | undefined>();
let isWatching = false;

/**
 * Runs a command to its end. HOME and the folder for temporary files are fresh and go with it, as does every process that it
 * leaves, also when the bench is interrupted: its group is its own, so that Ctrl-C ends it through us and not half of it.
 * @throws Error when it can't be started or doesn't exit with 0
 */
export async function runExternal(external: ExternalCommand): Promise<ExternalResult> {
  const home = mkdtempSync(join(tmpdir(), "jobjob-bench-"));
  watch();
  homes.set(home, undefined);
  try {
    if (external.warmUp) await once({ ...external, args: external.warmUp, input: "" }, home);
    const began = performance.now();
    const output = await once(external, home);
    return { seconds: (performance.now() - began) / 1_000, output };
  } finally {
    leave(home);
  }
}

async function once({ command, args, input = "", path }: ExternalCommand, home: string): Promise<string> {
  const child = spawn(command, args, {
    cwd: home,
    detached: true,
    env: {
      PATH: [...(path === undefined ? [] : [path]), dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: home,
      TMPDIR: home,
      LANG: "C.UTF-8",
    },
    stdio: ["pipe", "pipe", "pipe"],
  });
  homes.set(home, child.pid);
  const output: string[] = [];
  const errors: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => output.push(text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => errors.push(text));
  // A command that ends without having read its input: its exit code says what that was.
  child.stdin.once("error", () => child.stdin.destroy());
  child.stdin.end(input);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit) => resolve(exit ?? -1));
    });
    if (code === 0) return output.join("");
    const tail = [...output, ...errors].join("").trim().split("\n").slice(-15).join("\n");
    throw new Error(`${command} ended with ${code}:\n${tail}`);
  } finally {
    // At once: later its id may be another's.
    endProcesses(home);
    homes.set(home, undefined);
  }
}

/** The command that runs in the home, its family, and what left that: a session of its own, known by the folder it was given. */
function endProcesses(home: string): void {
  const rows = listProcesses();
  const pid = homes.get(home);
  const members = pid === undefined ? [] : family(pid, rows);
  for (const row of [...members, ...rows.filter(({ command }) => command.includes(home))]) signal(row.pid, "SIGKILL");
}

/** Without waiting for anything: it is also done while the process exits. */
function leave(home: string): void {
  endProcesses(home);
  homes.delete(home);
  rmSync(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

function watch(): void {
  if (isWatching) return;
  isWatching = true;
  process.once("exit", () => {
    for (const home of homes.keys()) leave(home);
  });
  // A handler of ours keeps the signal from ending the process before "exit" has cleaned up.
  for (const [name, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
    process.on(name, () => process.exit(code));
  }
}
