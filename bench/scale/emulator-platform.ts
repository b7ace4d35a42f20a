/**
 * The emulator: one machine whose processors everything shares, the service itself included; nothing else is scarce but the
 * Map's fixed number of children. Its figures are measured, see calibrate.ts.
 */
import type { Platform } from "./platform.ts";

/** Seconds of a processor, but for `processors`. */
export interface EmulatorFigures {
  /** Outside of the phase PARTITIONED: of any job, and of each task. */
  readonly around: { readonly fixed: number; readonly perTask: number };
  /** In it: between the children and the steps beside them. */
  readonly map: number;
  /** What a worker's first call of a job takes longer: its thread starts. */
  readonly firstCall: number;
  /** A task of a worker's first call, before its code is warm; and of any later one. */
  readonly coldTask: number;
  readonly task: number;
  /** A child: claim, commit and transitions, and the worker's call beside its tasks. */
  readonly child: number;
  /** Processors' worth that children get in all when there are several. */
  readonly processors: number;
}

export function emulatorPlatform(figures: EmulatorFigures, children: number): Platform {
  const { around, map, firstCall, child, coldTask, task, processors } = figures;
  const unbounded = Number.POSITIVE_INFINITY;
  return {
    name: "emulator",
    scarce: {
      childStarts: unbounded,
      mapConcurrency: children,
      transitions: unbounded,
      lambdaConcurrency: unbounded,
      lambdaScaling: unbounded,
      lambdaScalingBurst: unbounded,
      s3Gets: unbounded,
      s3Puts: unbounded,
      tableWrites: unbounded,
      partitionWrites: unbounded,
      processors,
    },
    transitionLatency: 0,
    invokeLatency: 0,
    coldStart: 0,
    firstCall: (tasks) => firstCall + tasks * (coldTask - task),
    transactionLatency: 0,
    childTimes: (_, tasks) => ({ claim: 0, app: { waits: 0, works: child + tasks * task, around: child }, commit: 0 }),
    stages: (work) => ({
      before: [{ name: "map", seconds: map }],
      after: [{ name: "steps", seconds: around.fixed + work.tasks * around.perTask }],
    }),
  };
}
