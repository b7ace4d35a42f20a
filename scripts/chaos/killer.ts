/** SIGKILL for processes of app λ that are at work, at random moments. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { killWorker, type WorkerProcess, workerProcesses } from "../../test/helpers/worker-processes.ts";
import type { Random } from "./random.ts";

/** Idle processes burn nothing; one at work burns most of this. */
const SAMPLE_MS = 60;
const PAUSE_MS = { least: 150, most: 1_600 };

export interface KillerOptions {
  readonly stack: { readonly endpoint: string; readonly bucket: string };
  readonly random: Random;
  /** How many there may be by now: with too many, jobs die of it more than they live. */
  readonly allowed: () => number;
  /** Whether a job's tasks are running now. */
  readonly isTime: () => boolean;
  readonly onKill: (worker: WorkerProcess) => void;
}

/** Kills until told to stop. @returns how to */
export function startKiller({ stack, random, allowed, isTime, onKill }: KillerOptions): () => Promise<void> {
  let on = true;
  const run = async () => {
    for (let kills = 0; on; ) {
      await sleep(random.int(PAUSE_MS.least, PAUSE_MS.most));
      if (!on || kills >= allowed() || !isTime()) continue;
      const victim = await busiest(workerProcesses(stack));
      if (victim && killWorker(victim)) {
        kills++;
        onKill(victim);
      }
    }
  };
  const running = run();
  return async () => {
    on = false;
    await running;
  };
}

/** The process that used most of the processor within the sample; none when all of them idle. */
async function busiest(workers: readonly WorkerProcess[]): Promise<WorkerProcess | undefined> {
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
