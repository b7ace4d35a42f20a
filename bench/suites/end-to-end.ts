/** Submit to COMPLETE with tasks that do next to nothing, beside what else runs many small things on one machine. */
import { ToolingError } from "../../scripts/lib/tooling-error.ts";
import { type Deployed, theStack } from "../lib/deployed.ts";
import { atMost, atMostTimes, type Figure, type Suite } from "../lib/figure.ts";
import { parallelVersion, timeParallel } from "../lib/gnu-parallel.ts";
import { installLithops, timeLithops } from "../lib/lithops.ts";
import { checkNumbers, type NumberJob, runNumbers } from "../lib/number-job.ts";
import { PHASES } from "../lib/run-phases.ts";
import { timingOf } from "../lib/timer.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const COUNTS = [1, 100, 1_000, 10_000, 100_000] as const;
/** Whose phases are told: what the scale model must reproduce, and where most is to be gained. */
const IN_DETAIL: readonly number[] = [1_000, 10_000, 100_000];
const MANY = 10_000;
const MOST = 100_000;
/** What takes long is run with fewer, and scaled: each starts a process per task, so the time is proportional. */
const FEW = 200;

type Say = (line: string) => void;

export const endToEnd: Suite = {
  name: "end-to-end",
  what: `submit to COMPLETE: jobs of 1 to ${text(MOST)} tiny tasks, beside GNU parallel and Lithops`,
  async run(say) {
    const baselines = await findBaselines(say);
    const stack = await theStack(say);
    const times = new Times();
    const jobs: NumberJob[] = [];
    const checks: Figure[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      // What came between has cooled the functions down.
      times.add("cold", await runAndRemove(stack, 1, say));
      for (const count of COUNTS) {
        const job = await runNumbers(stack, count, say);
        say(`round ${round}: ${wall(count)} ${job.seconds.toFixed(2)} s`);
        jobs.push(job);
        if (count === MOST && round === ROUNDS) checks.push(...(await checkNumbers(stack, job)));
        await stack.client.delete(job.id);
      }
      for (const { name, scale, run } of baselines) {
        const seconds = await run();
        say(`round ${round}: ${name}: ${seconds.toFixed(1)} s${scale === 1 ? "" : `, and ${scale} times that`}`);
        times.add(name, seconds * scale);
      }
    }
    for (const { tasks, seconds } of jobs) times.add(wall(tasks), seconds);
    return [
      times.figure("1 task, functions cold: wall time", "cold"),
      ...COUNTS.map((count) => times.figure(wall(count), wall(count))),
      ...besides(times),
      marginal(jobs),
      ...COUNTS.filter((count) => IN_DETAIL.includes(count)).flatMap((count) => detail(jobs, count)),
      ...checks,
    ];
  },
};

function text(count: number): string {
  return count.toLocaleString("en-US");
}

const wall = (count: number): string => `${text(count)} ${count === 1 ? "task" : "tasks"}: wall time`;

async function runAndRemove(stack: Deployed, count: number, say: Say): Promise<number> {
  const { id, seconds } = await runNumbers(stack, count, say);
  await stack.client.delete(id);
  return seconds;
}

/** Seconds by name, one a round. */
class Times {
  readonly #by = new Map<string, number[]>();

  add(name: string, seconds: number): void {
    this.#by.set(name, [...(this.#by.get(name) ?? []), seconds]);
  }

  figure(name: string, of: string): Figure {
    const { median, spread } = timingOf(this.#by.get(of) ?? []);
    return { name, value: median, unit: "s", spread };
  }

  /** None when it was never measured: its bar is broken then. */
  baseline(of: string): Pick<Figure, "baseline"> {
    const times = this.#by.get(of);
    if (!times) return {};
    const { median, spread } = timingOf(times);
    return { baseline: { name: `s by ${of}`, value: median, spread } };
  }
}

const TRUE = `GNU parallel running /bin/true ${text(MANY)} times`;
const NODE = "GNU parallel starting Node as often";
const LITHOPS = "Lithops 3.8 on localhost as it comes";
const POOLED = "Lithops 3.8 on localhost in its pool of processes";

interface Baseline {
  readonly name: string;
  /** What the time is to be multiplied by for as many as ours. */
  readonly scale: number;
  readonly run: () => Promise<number>;
}

/** Those that are there; what is missing is said, and breaks its bar. */
async function findBaselines(say: Say): Promise<readonly Baseline[]> {
  const found: Baseline[] = [];
  const version = await parallelVersion();
  if (version === undefined) say("GNU parallel is missing, so its bars fail. Get it: apt-get install parallel");
  else {
    say(`GNU parallel ${version}`);
    found.push({ name: TRUE, scale: 1, run: () => timeParallel(MANY, "/bin/true") });
    const node = `${process.execPath} -e 0`;
    found.push({ name: NODE, scale: MANY / FEW, run: () => timeParallel(FEW, node) });
  }
  try {
    const python = await installLithops(say);
    found.push({ name: LITHOPS, scale: MANY / FEW, run: () => timeLithops(python, FEW, "default") });
    found.push({ name: POOLED, scale: MANY / FEW, run: () => timeLithops(python, FEW, "pooled") });
  } catch (error) {
    if (!(error instanceof ToolingError)) throw error;
    say(`Lithops is missing, so its bars fail. ${error.message}`);
  }
  return found;
}

function besides(times: Times): readonly Figure[] {
  const beside = (other: string, bar?: Figure["bar"]): Figure => ({
    ...times.figure(`${text(MANY)} tasks beside ${other}`, wall(MANY)),
    ...times.baseline(other),
    ...(bar ? { bar } : {}),
  });
  return [beside(TRUE, atMostTimes(0.5)), beside(NODE), beside(LITHOPS, atMostTimes(0.01)), beside(POOLED)];
}

/** What each task adds when there are many already. */
function marginal(jobs: readonly NumberJob[]): Figure {
  const many = jobs.filter(({ tasks }) => tasks === MANY);
  const most = jobs.filter(({ tasks }) => tasks === MOST);
  const ms = most.map(({ seconds }, i) => ((seconds - (many[i]?.seconds ?? Number.NaN)) * 1_000) / (MOST - MANY));
  const { median, spread } = timingOf(ms);
  const name = `from ${text(MANY)} to ${text(MOST)} tasks: wall time of each`;
  return { name, value: median, unit: "ms", spread, bar: atMost(1) };
}

/** Where the time of jobs of one size goes; the phases follow each other without gaps. */
function detail(jobs: readonly NumberJob[], count: number): readonly Figure[] {
  const ofCount = jobs.filter(({ tasks }) => tasks === count);
  const figure = (
    name: string,
    unit: string,
    of: (job: NumberJob) => number,
    baseline?: Figure["baseline"],
  ): Figure => {
    const { median, spread } = timingOf(ofCount.map(of));
    return { name: `${text(count)} tasks: ${name}`, value: median, unit, spread, ...(baseline ? { baseline } : {}) };
  };
  const thousands = count / 1_000;
  const inApp = timingOf(ofCount.map(({ appSeconds }) => (appSeconds * 1_000) / thousands));
  return [
    ...PHASES.map((phase) => figure(phase, "s", ({ phases }) => phases[phase])),
    { name: `${text(count)} tasks: batches`, value: ofCount[0]?.claims ?? Number.NaN, unit: "" },
    figure("a worker's time per 1,000", "ms", ({ workerSeconds }) => (workerSeconds * 1_000) / thousands, {
      name: "ms of it in the app",
      value: inApp.median,
      spread: inApp.spread,
    }),
  ];
}
