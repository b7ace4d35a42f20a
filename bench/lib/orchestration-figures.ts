/** What the counts of the suite orchestration say, as figures: per task, per further 1,000, per batch, per job. */
import type { Usage } from "../../core/cost/index.ts";
import { atLeast, atMost, type Figure } from "./figure.ts";
import { COUNTED, type Counts, type Measured } from "./metered.ts";
import { HINT_SECONDS, millionUsd, NO_COUNTS, perTask, UNIT_OF } from "./orchestrated.ts";
import { type Timing, timingOf } from "./timer.ts";

/** What JobJob itself chooses for tasks of a second. */
export const CHOSEN = 180;
const MILLION_BAR = 1.25;
const TIMES_BAR = 40;

/** A job's counts, and what the model says. */
export interface Counted extends Measured {
  readonly batches: number;
  readonly modelled: Usage;
}

/** Two jobs of the same batches: what the larger has more, and what both have. */
export interface Pair {
  readonly size: number;
  readonly few: Counted;
  readonly many: Counted;
}

/** @param pattern what one of its tasks takes */
export function patternFigures(pattern: Counts): readonly Figure[] {
  return COUNTED.filter((name) => pattern[name] > 0).map((name) => ({
    name: `one child per task: ${UNIT_OF[name]}`,
    value: pattern[name] * 1_000,
    unit: "per 1,000 tasks",
  }));
}

/** @param rounds the pair, and others of the same jobs: of what is timed, the median counts */
export function sizeFigures({ size, few, many }: Pair, rounds: readonly Pair[], pattern: Counts): readonly Figure[] {
  const tasks = size * (many.batches - few.batches);
  const counted = perTask(few, many, tasks);
  const modelled = perTask(few.modelled, many.modelled, tasks);
  const prefix = `${size.toLocaleString("en-US")} ${size === 1 ? "task" : "tasks"} a batch`;
  const usd = timingOf(rounds.map((pair) => millionUsd(counted, few, aroundOf(pair)).all));
  const around = timingOf(rounds.map((pair) => millionUsd(counted, few, aroundOf(pair)).around));
  const spread = (timing: Timing) => (rounds.length > 1 ? { spread: timing.spread } : {});
  const patternUsd = millionUsd(pattern, NO_COUNTS, { appGbSeconds: 0, controlGbSeconds: 0 });
  const isChosen = size === CHOSEN;
  return [
    ...COUNTED.map((name) => ({
      name: `${prefix}: ${UNIT_OF[name]}`,
      value: (counted[name] + (name === "gets" ? 1 / HINT_SECONDS : 0)) * 1_000,
      unit: "per 1,000 tasks",
      baseline: {
        name: "by the cost model",
        value: (modelled[name] + (name === "gets" ? 1 / HINT_SECONDS : 0)) * 1_000,
      },
    })),
    {
      name: `${prefix}: orchestration of one-second tasks`,
      value: usd.median,
      ...spread(usd),
      unit: "$ a million",
      baseline: { name: "one child per task", value: patternUsd.all },
      ...(isChosen ? { bar: atMost(MILLION_BAR) } : {}),
    },
    {
      name: `${prefix}: of it GB-s around the tasks, by the emulator's clock`,
      value: around.median,
      ...spread(around),
      unit: "$",
    },
    {
      name: `${prefix}: times cheaper than one child per task`,
      value: patternUsd.all / usd.median,
      unit: "×",
      ...(isChosen ? { bar: atLeast(TIMES_BAR) } : {}),
    },
  ];
}

/** What 1,000 further tasks of a batch's size take. */
export function furtherFigures(kind: string, { size, few, many }: Pair): readonly Figure[] {
  const further = perTask(few, many, (size * (many.batches - few.batches)) / 1_000);
  return [
    {
      name: `1,000 further ${kind} chunks: S3 requests`,
      value: further.puts + further.gets,
      unit: "requests",
      bar: atMost(25),
    },
    { name: `1,000 further ${kind} chunks: write units`, value: further.writeUnits, unit: "units", bar: atMost(10) },
  ];
}

/** What a job takes whatever its size: at one gate, and at 32, where what the batches add is known from two such jobs. */
export function fixedFigures({ few, many }: Pair, between: Counted): readonly Figure[] {
  const each = perTask(between, many, many.batches - between.batches);
  const fixed = (counted: Counted, name: keyof Counts): number => counted[name] - counted.batches * each[name];
  return [
    { name: "fixed per job, 1 gate: write units", value: fixed(few, "writeUnits"), unit: "units", bar: atMost(150) },
    { name: `fixed per job, ${many.job.gates} gates: write units`, value: fixed(many, "writeUnits"), unit: "units" },
    {
      name: "fixed per job: state transitions",
      value: fixed(few, "transitions"),
      unit: "transitions",
      bar: atMost(40),
    },
    { name: "fixed per job: Lambda calls", value: fixed(few, "requests"), unit: "calls" },
    { name: "fixed per job, 1 gate: read units", value: fixed(few, "readUnits"), unit: "units" },
    { name: "fixed per job: S3 requests priced as PUT", value: fixed(few, "puts"), unit: "requests" },
    { name: "fixed per job: S3 requests priced as GET", value: fixed(few, "gets"), unit: "requests" },
    ...COUNTED.map((name) => ({ name: `a batch: ${UNIT_OF[name]}`, value: each[name], unit: "per batch" })),
  ];
}

/** GB-seconds of a further task beside its own work, by the emulator's clock. */
function aroundOf({ size, few, many }: Pair): Pick<Usage, "appGbSeconds" | "controlGbSeconds"> {
  const tasks = size * (many.batches - few.batches);
  return {
    appGbSeconds: (many.appGbSeconds - few.appGbSeconds) / tasks,
    controlGbSeconds: (many.controlGbSeconds - few.controlGbSeconds) / tasks,
  };
}
