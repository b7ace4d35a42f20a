/** Jobs of tiny tasks as the model sees them: those that are measured on the emulator. */
import type { Workload } from "./workload.ts";

/** The app of `numbers` declares this (apps/apps/passthrough/info.ts). */
const DECLARED_SECONDS = 0.2;
/** maxWorkers of the bench's deployment (bench/lib/deployed.ts). */
export const MAX_WORKERS = 8;
/** Children that its Map runs at once (scripts/deploy/deploy-stack.ts, the emulator's own context). */
export const EMULATOR_CHILDREN = 4;

/** A job of tiny tasks, as the model sees it. @param workers maxConcurrency of the job; 1 makes few and big batches */
export const numbersJob = (tasks: number, workers = MAX_WORKERS): Workload => ({
  name: "numbers",
  tasks,
  declaredSeconds: DECLARED_SECONDS,
  workers: Math.min(workers, MAX_WORKERS),
  task: { seconds: 0, bytes: 0, objects: 0 },
  source: { kind: "none" },
  outputBytes: 0,
});

/** To calibrate on: one batch alone, small and big; few small ones; several; many. Neither of the sizes to predict. */
export const CALIBRATION = [
  numbersJob(100, 1),
  numbersJob(900, 1),
  numbersJob(600),
  numbersJob(4_000),
  numbersJob(20_000),
] as const;
/** To predict. */
export const PREDICTED = [numbersJob(1_000), numbersJob(10_000)] as const;
