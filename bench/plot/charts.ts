/** The charts of docs/performance.md. */
import { MAX_BATCH } from "../../core/batches/sizing.ts";
import { measured, PRICES } from "../../core/cost/index.ts";
import { type EmulatorFigures, emulatorPlatform } from "../scale/emulator-platform.ts";
import { EMULATOR_CHILDREN, numbersJob } from "../scale/jobs.ts";
import type { Results } from "../scale/read-results.ts";
import { runJob } from "../scale/run-job.ts";
import { DRAWN } from "../scale/scenarios.ts";
import type { Chart, Series } from "./chart.ts";
import type { Material, Told } from "./tables.ts";

/** File name → chart. Those whose figures were never measured are left out. */
export function charts({ results, told }: Material): ReadonlyMap<string, Chart> {
  const all: (readonly [string, Chart | undefined])[] = [
    ["time-over-tasks.svg", timeChart(results)],
    ["cost-over-batch-size.svg", costChart(results)],
    ["concurrency.svg", concurrencyChart(told)],
    ["utilisation.svg", utilisationChart(told)],
  ];
  return new Map(all.flatMap(([name, chart]) => (chart ? [[name, chart] as const] : [])));
}

const figuresOf = (results: Results, suite: string) => results.suites.find((one) => one.suite === suite)?.figures ?? [];

/** Submit to COMPLETE on the emulator: the model's line through what it wasn't all fitted on. */
function timeChart(results: Results): Chart | undefined {
  const figures = figuresOf(results, "scale");
  const fitted = emulatorFigures(results);
  if (!fitted) return undefined;
  const platform = emulatorPlatform(fitted, EMULATOR_CHILDREN);
  const sizes = Array.from({ length: 41 }, (_, i) => Math.round(10 ** (2 + (3 * i) / 40)));
  const points = (isPredicted: boolean): (readonly [number, number])[] =>
    figures.flatMap(({ name, value }) => {
      const tasks = /^([\d,]+) tasks on the emulator$/.exec(name)?.[1];
      if (tasks === undefined) return [];
      const held = figures.some((figure) => figure.name === `${tasks} tasks: the model is off by`);
      return held === isPredicted ? [[Number(tasks.replaceAll(",", "")), value] as const] : [];
    });
  const others = figuresOf(results, "end-to-end").flatMap(({ name, value }) => {
    const tasks = /^([\d,]+) tasks: wall time$/.exec(name)?.[1];
    return tasks === undefined ? [] : [[Number(tasks.replaceAll(",", "")), value] as const];
  });
  const series: Series[] = [
    { name: "model", kind: "line", points: sizes.map((tasks) => [tasks, runJob(numbersJob(tasks), platform).seconds]) },
    { name: "measured, to predict", kind: "points", points: points(true) },
    { name: "measured, to calibrate on", kind: "points", points: points(false) },
    { name: "suite end-to-end", kind: "points", points: others.filter(([tasks]) => tasks >= 100) },
  ];
  return {
    title: "Tiny tasks on the emulator, submit to COMPLETE",
    x: { label: "tasks", kind: "log" },
    y: { label: "seconds", kind: "log" },
    series: series.filter((one) => one.points.length > 0),
  };
}

const EMULATOR = {
  map: "emulator: the Map beside its children",
  firstCall: "emulator: a worker's first call, more",
  child: "emulator: a child beside its tasks",
  task: "emulator: a task of a warm worker",
  processors: "emulator: processors' worth that children share",
} as const;

/** As the suite wrote them down. */
function emulatorFigures(results: Results): EmulatorFigures | undefined {
  const find = (name: string) => figuresOf(results, "scale").find((figure) => figure.name === name)?.value;
  const [fixed, perTask, coldTask, map, firstCall, child, task, processors] = [
    "emulator: around the tasks",
    "a task in the steps around the tasks",
    "a tiny task in a worker that is alone",
    ...Object.values(EMULATOR),
  ].map(find);
  if (fixed === undefined || perTask === undefined || coldTask === undefined) return undefined;
  if (map === undefined || firstCall === undefined || child === undefined) return undefined;
  if (task === undefined || processors === undefined) return undefined;
  return {
    around: { fixed, perTask: perTask / 1_000 },
    coldTask: coldTask / 1_000,
    map,
    firstCall,
    child,
    task: task / 1_000,
    processors,
  };
}

const MILLION = 1_000_000;
/** Where it wasn't counted. Per task: start, one Lambda, Succeed; a request; one Put and two Updates. */
const USUAL_PATTERN_USD = MILLION * (3 * PRICES.transition + PRICES.request + 3 * PRICES.writeUnit);

/** All but the app's own seconds; JobJob's line is core/cost, which jobs are billed with. */
function costChart(results: Results): Chart {
  const sizes = Array.from({ length: 61 }, (_, i) => Math.round(MAX_BATCH ** (i / 60)));
  const cost = (size: number): number =>
    measured({ batches: MILLION / size, batchSize: size, claims: MILLION / size, workerMs: 0, bytes: 0, runs: 1 }).usd;
  const counted = figuresOf(results, "orchestration").flatMap(({ name, value, unit, baseline }) => {
    const size = /^([\d,]+) tasks? a batch: orchestration/.exec(name)?.[1];
    if (size === undefined || !unit.startsWith("$")) return [];
    return [{ size: Number(size.replaceAll(",", "")), usd: value, usual: baseline?.value ?? Number.NaN }];
  });
  const usual = counted.map((one) => one.usual).find((value) => Number.isFinite(value)) ?? USUAL_PATTERN_USD;
  const series: Series[] = [
    { name: "JobJob, the cost model", kind: "line", points: sizes.map((size) => [size, cost(size)]) },
    {
      name: "one child per task, three row writes",
      kind: "dashed",
      points: sizes.map((size) => [size, usual]),
    },
    { name: "JobJob, counted on the wire", kind: "points", points: counted.map(({ size, usd }) => [size, usd]) },
  ];
  return {
    title: "Dollars for a million tasks, all but the app's own seconds",
    x: { label: "tasks in a batch", kind: "log" },
    y: { label: "$ per million tasks", kind: "log" },
    series: series.filter((one) => one.points.length > 0),
  };
}

const PARTS = 240;

const levels = ({ simulated: { outcome } }: Told, name: keyof Told["simulated"]["outcome"]["used"], scale: number) =>
  outcome.used[name].levels(0, outcome.seconds, PARTS).map((level, i) => {
    const at = ((i + 0.5) * outcome.seconds) / PARTS;
    return [at, level * scale] as const;
  });

function concurrencyChart(told: readonly Told[]): Chart | undefined {
  const drawn = told.find(({ scenario }) => scenario.id === DRAWN);
  if (!drawn) return undefined;
  const { work } = drawn.simulated.outcome;
  const minutes = levels(drawn, "children", 1).map(([at, level]) => [at / 60, level] as const);
  return {
    title: `10 million tasks of one second, ${work.workers.toLocaleString("en-US")} workers allowed`,
    x: { label: "minutes since the submit", kind: "linear" },
    y: { label: "children at work", kind: "linear" },
    series: [{ name: "children (one Lambda each)", kind: "line", points: minutes }],
  };
}

/** Id of the job whose limits are drawn: the one that S3 itself holds back. */
const LIMITED = "558,000 objects";

function utilisationChart(told: readonly Told[]): Chart | undefined {
  const one = told.find(({ scenario }) => scenario.id === LIMITED);
  if (!one) return undefined;
  const { limits } = one;
  const share = (name: string, used: Parameters<typeof levels>[1], most: number): Series => ({
    name,
    kind: "line",
    points: levels(one, used, 100 / most),
  });
  return {
    title: "558,000 small objects: how much of each limit is in use",
    x: { label: "seconds since the submit", kind: "linear" },
    y: { label: "% of the limit", kind: "linear", to: 100 },
    series: [
      share("workers", "children", one.scenario.work.workers),
      share("S3 GETs of the prefix", "s3Gets", limits.s3Gets),
      share("child starts", "childStarts", limits.childStarts),
      share("table writes", "tableWrites", limits.tableWrites),
    ],
  };
}
