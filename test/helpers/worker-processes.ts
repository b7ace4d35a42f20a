/**
 * The processes that an emulator runs app λ in, for tests that kill them. Both emulators give a Lambda's process the
 * variables that AWS gives it, so it is known by them: the deployment's bucket without its table (only app λ has it so), the
 * emulator's own endpoint, and the log stream, which is the worker id that attempts tell.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { signal } from "../../scripts/lib/processes.ts";

export interface WorkerProcess {
  readonly pid: number;
  /** As in `attempts[].worker` of a task, and in `worker` of a claim's index. */
  readonly worker: string;
}

export interface DeployedStack {
  readonly endpoint: string;
  readonly bucket: string;
}

/** Idle processes burn nothing; one at work burns most of this. */
const SAMPLE_MS = 60;

/** Those that live now: warm ones and busy ones. */
export function workerProcesses(stack: DeployedStack): WorkerProcess[] {
  return environments().flatMap(({ pid, variables }) => {
    const isOurs =
      variables.get("JOBJOB_BUCKET") === stack.bucket &&
      !variables.has("JOBJOB_TABLE") &&
      portOf(variables.get("AWS_ENDPOINT_URL")) === portOf(stack.endpoint);
    return isOurs ? [{ pid, worker: variables.get("AWS_LAMBDA_LOG_STREAM_NAME") ?? "" }] : [];
  });
}

/** The one that used most of the processor within a moment; none when all of them idle. */
export async function busiestWorker(stack: DeployedStack): Promise<WorkerProcess | undefined> {
  const workers = workerProcesses(stack);
  const before = workers.map(({ pid }) => cpuTime(pid));
  await sleep(SAMPLE_MS);
  const used = workers.map((worker, i) => ({ worker, cpu: (cpuTime(worker.pid) ?? 0) - (before[i] ?? Infinity) }));
  const [first] = used.sort((a, b) => b.cpu - a.cpu);
  return first && first.cpu > 0 ? first.worker : undefined;
}

/** Processor time so far, in whatever unit the system counts; undefined when the process is gone. */
function cpuTime(pid: number): number | undefined {
  try {
    if (process.platform === "linux") {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(fields[11]) + Number(fields[12]); // utime and stime, in ticks
    }
    const text = execFileSync("ps", ["-o", "cputime=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return text.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  } catch {
    return undefined; // it ended between the list and this look
  }
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
