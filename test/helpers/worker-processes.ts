/**
 * The processes that an emulator runs app λ in, for tests that kill them. Both emulators give a Lambda's process the
 * variables that AWS gives it, so it is known by them: the deployment's bucket without its table (only app λ has it so), the
 * emulator's own endpoint, and the log stream, which is the worker id that attempts tell.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { signal } from "../../scripts/lib/processes.ts";

export interface WorkerProcess {
  readonly pid: number;
  /** As in `attempts[].worker` of a task, and in `worker` of a claim's index. */
  readonly worker: string;
}

/** Those that live now: warm ones and busy ones. */
export function workerProcesses(stack: { readonly endpoint: string; readonly bucket: string }): WorkerProcess[] {
  return environments().flatMap(({ pid, variables }) => {
    const isOurs =
      variables.get("JOBJOB_BUCKET") === stack.bucket &&
      !variables.has("JOBJOB_TABLE") &&
      portOf(variables.get("AWS_ENDPOINT_URL")) === portOf(stack.endpoint);
    return isOurs ? [{ pid, worker: variables.get("AWS_LAMBDA_LOG_STREAM_NAME") ?? "" }] : [];
  });
}

/** SIGKILL. Answers whether the process was still there. */
export const killWorker = ({ pid }: WorkerProcess): boolean => signal(pid, "SIGKILL");

const portOf = (url: string | undefined): string | undefined => (url === undefined ? undefined : new URL(url).port);

interface Environment {
  readonly pid: number;
  readonly variables: ReadonlyMap<string, string>;
}

function environments(): Environment[] {
  return process.platform === "linux" ? fromProc() : fromPs();
}

function fromProc(): Environment[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [{ pid: Number(name), variables: parse(readFileSync(`/proc/${name}/environ`, "utf8").split("\0")) }];
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? "";
      if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) return []; // gone, or somebody else's
      throw error;
    }
  });
}

/** `ps` puts the environment behind the command, words apart; none of the variables looked at holds a space. */
function fromPs(): Environment[] {
  const text = execFileSync("ps", ["-axww", "-E", "-o", "pid=,command="], { encoding: "utf8" });
  return text.split("\n").flatMap((line) => {
    const [pid, ...words] = line.trim().split(/\s+/);
    return pid ? [{ pid: Number(pid), variables: parse(words) }] : [];
  });
}

const parse = (pairs: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    pairs.flatMap((pair): [string, string][] => {
      const at = pair.indexOf("=");
      return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)]] : [];
    }),
  );
