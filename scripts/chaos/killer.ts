/** SIGKILL for processes of app λ that are at work, at random moments. */
import { setTimeout as sleep } from "node:timers/promises";
import { busiestWorker, killWorker, type WorkerProcess } from "../../test/helpers/worker-processes.ts";
import type { Random } from "./random.ts";

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
      const victim = await busiestWorker(stack);
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
