import { type ChildProcess, spawn } from "node:child_process";
import { family, listProcesses, signal } from "./processes.ts";

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds until the command and its children are killed. @default no limit */
  readonly timeoutMs?: number;
  /** "inherit" shows the output as it comes, "capture" keeps it for the answer. @default "capture" */
  readonly output?: "inherit" | "capture";
}

export interface RunResult {
  /** Exit code; 128 + number for a signal, as shells count; 124 for a timeout, as `timeout` does. */
  readonly code: number;
  readonly timedOut: boolean;
  /** stdout and stderr in the order they came; empty with output "inherit". */
  readonly text: string;
}

const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Runs a command to its end. Never rejects for the command's own failure: look at `code`. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const inherit = options.output === "inherit";
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: inherit ? "inherit" : ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const pieces: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (piece: string) => pieces.push(piece));
  }
  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          killFamily(child);
        }, options.timeoutMs);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exit, name) => resolve(exit ?? 128 + (name ? (SIGNAL_NUMBERS[name] ?? 0) : 0)));
    });
    return { code: timedOut ? 124 : code, timedOut, text: pieces.join("") };
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

const running = new Set<ChildProcess>();

function killFamily(child: ChildProcess): void {
  if (child.pid === undefined) return;
  for (const row of family(child.pid, listProcesses())) signal(row.pid, "SIGKILL");
}

/**
 * On Ctrl-C, a hang-up or SIGTERM: passes the signal to the commands that `run` has under way, calls `cleanUp` once
 * and exits with the shell's code for the signal. A second signal exits at once.
 */
export function onInterrupt(cleanUp: () => Promise<void>): void {
  let asked = false;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      const code = 128 + (SIGNAL_NUMBERS[name] ?? 0);
      if (asked) process.exit(code);
      asked = true;
      for (const child of running) child.kill(name);
      cleanUp().then(
        () => process.exit(code),
        (error: unknown) => {
          console.error(`clean-up failed: ${error instanceof Error ? error.message : String(error)}`);
          process.exit(code);
        },
      );
    });
  }
}
