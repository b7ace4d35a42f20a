/**
 * The emulator's figures from runs of a few sizes. What a run shows directly is taken as it is (the time around the tasks, a
 * task of a worker that is alone); the five that only show together (a child, a task, a first call, how much runs side by side) are those with which the
 * model reproduces the calibration runs best. The sizes it is to predict are not among them.
 */
import { type EmulatorFigures, emulatorPlatform } from "./emulator-platform.ts";
import { runJob } from "./run-job.ts";
import type { Workload } from "./workload.ts";

export interface MeasuredRun {
  readonly work: Workload;
  /** From submit to COMPLETE, and of it in the phase PARTITIONED. */
  readonly seconds: number;
  readonly partitioned: number;
}

/** Where the search begins, and the bounds it keeps to: seconds, processors. */
const SEARCHED = {
  map: { from: 0.2, least: 0, most: 2 },
  firstCall: { from: 0.2, least: 0, most: 3 },
  child: { from: 0.1, least: 0.005, most: 2 },
  task: { from: 0.000_5, least: 0.000_01, most: 0.02 },
  processors: { from: 1.5, least: 0.5, most: 64 },
} as const;
type Name = keyof typeof SEARCHED;
const NAMES = Object.keys(SEARCHED) as Name[];

/** @param coldTask seconds, see EmulatorFigures
 * @param children that the emulator's Map runs at once @throws RangeError for fewer than two runs */
export function calibrate(runs: readonly MeasuredRun[], coldTask: number, children: number): EmulatorFigures {
  const around = lineThrough(runs.map(({ work, seconds, partitioned }) => [work.tasks, seconds - partitioned]));
  const best = minimise((guess) => sumOfErrors(runs, { around, coldTask, ...guess }, children));
  return { around, coldTask, ...best };
}

type Guess = Readonly<Record<Name, number>>;

/** Squares of the logarithms of model / measured: a tenth too short counts as much as a tenth too long, at any size. */
function sumOfErrors(runs: readonly MeasuredRun[], figures: EmulatorFigures, children: number): number {
  const platform = emulatorPlatform(figures, children);
  let sum = 0;
  for (const { work, seconds } of runs) sum += Math.log(runJob(work, platform).seconds / seconds) ** 2;
  return sum;
}

/** Rounds of the search: more don't find anything better, for the error is flat where it ends. */
const MOST_ROUNDS = 150;

/** Coordinate by coordinate, each up or down by a factor that shrinks when neither helps: enough for five numbers. */
function minimise(error: (guess: Guess) => number): Guess {
  const guess = Object.fromEntries(NAMES.map((name) => [name, SEARCHED[name].from])) as Record<Name, number>;
  let least = error(guess);
  let factor = 2;
  for (let round = 0; round < MOST_ROUNDS && factor > 1.005; round++) {
    let better = false;
    for (const name of NAMES) {
      const { least: low, most } = SEARCHED[name];
      for (const times of [factor, 1 / factor]) {
        const tried = { ...guess, [name]: Math.min(most, Math.max(low, guess[name] * times)) };
        const sum = error(tried);
        if (sum < least) {
          least = sum;
          guess[name] = tried[name];
          better = true;
        }
      }
    }
    if (!better) factor = Math.sqrt(factor);
  }
  return guess;
}

/** Least squares; neither number is under 0. */
function lineThrough(points: readonly (readonly [x: number, y: number])[]): { fixed: number; perTask: number } {
  if (points.length < 2) throw new RangeError("a line needs two points");
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(([at]) => at));
  const y = mean(points.map(([, value]) => value));
  const rise = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  const run = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  const perTask = run > 0 ? Math.max(0, rise / run) : 0;
  return { fixed: Math.max(0, y - perTask * x), perTask };
}
