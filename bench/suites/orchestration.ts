/**
 * What a task costs beside its own work: counted on the wire of the deployed stack, at several batch sizes, beside the usual
 * pattern (one Map child per task that keeps the task's row), deployed and counted the same way.
 */
import { type Usage, usageOf, type Work, type WorkInput } from "../../core/cost/index.ts";
import { type Deployed, theStack } from "../lib/deployed.ts";
import { atLeast, atMost, type Figure, type Suite } from "../lib/figure.ts";
import { COUNTED, type Counts, type Measured, MeteredStack } from "../lib/metered.ts";
import {
  HINT_SECONDS,
  linesDraft,
  linesInput,
  millionUsd,
  NO_COUNTS,
  numbersDraft,
  perTask,
  putLines,
  UNIT_OF,
  workOf,
  worstDifference,
} from "../lib/orchestrated.ts";
import { Pattern } from "../lib/pattern.ts";
import { workerTotals } from "../lib/worker-reports.ts";

/** Tasks in a batch, and how many batches more the larger of two jobs has: what they add is what a further task costs. */
const SIZES: readonly (readonly [size: number, more: number])[] = [
  [1, 240],
  [10, 100],
  [100, 24],
  [180, 20],
  [1_000, 16],
];
/** What JobJob itself chooses for tasks of a second. */
const CHOSEN = 180;
/** One gate's worth. */
const FEW = 4;
const MILLION_BAR = 1.25;
const TIMES_BAR = 40;
const PATTERN_TASKS = [20, 220] as const;
/** What a batch is sized for (core/batches/sizing.ts): tasks that take this share of it make batches of the size wanted. */
const TARGET_SECONDS = 180;
const NO_INPUT: WorkInput = { from: "nothing" };

export const orchestration: Suite = {
  name: "orchestration",
  what: "transitions, calls, units and requests per task, counted on the wire, beside one child per task",
  async run(say) {
    const stack = await theStack(say);
    const pattern = await patternCounts(stack, say);
    const metered = await MeteredStack.on(stack);
    try {
      return await new Measurement(stack, metered, pattern, say).run();
    } finally {
      await metered.close();
    }
  },
};

/** Of one further task of the usual pattern. */
async function patternCounts({ endpoint, objects }: Deployed, say: (line: string) => void): Promise<Counts> {
  const pattern = await Pattern.deploy(endpoint, objects, say);
  try {
    const [few, many] = [await pattern.run(PATTERN_TASKS[0]), await pattern.run(PATTERN_TASKS[1])];
    return perTask(few, many, PATTERN_TASKS[1] - PATTERN_TASKS[0]);
  } finally {
    await pattern.close();
  }
}

/** @param workers processes that ran the batches */
type Model = (measured: Measured, workers: number) => Work;

/** A job's counts, and what the model says. */
interface Counted extends Measured {
  readonly batches: number;
  readonly modelled: Usage;
}

/** Two jobs of the same batches: what the larger has more, and what both have. */
interface Pair {
  readonly size: number;
  readonly few: Counted;
  readonly many: Counted;
}

class Measurement {
  readonly #stack: Deployed;
  readonly #metered: MeteredStack;
  readonly #pattern: Counts;
  readonly #say: (line: string) => void;
  /** Differences between the counts and the cost model, in percent. */
  readonly #differences: { readonly job: string; readonly percent: number }[] = [];

  constructor(stack: Deployed, metered: MeteredStack, pattern: Counts, say: (line: string) => void) {
    this.#stack = stack;
    this.#metered = metered;
    this.#pattern = pattern;
    this.#say = say;
  }

  async run(): Promise<readonly Figure[]> {
    const figures: Figure[] = [...this.#patternFigures()];
    const pairs: Pair[] = [];
    for (const [size, more] of SIZES) {
      const few = await this.#numbers(size, FEW);
      const pair = { size, few, many: await this.#numbers(size, FEW + more) };
      pairs.push(pair);
      figures.push(...this.#sizeFigures(pair));
    }
    const [ones] = pairs;
    const largest = pairs.at(-1);
    if (!ones || !largest) throw new Error("There is no batch size to measure.");
    const lines = await this.#linesPair(largest.size);
    return [
      ...figures,
      ...this.#furtherFigures("range", largest),
      ...this.#furtherFigures("byte", lines),
      ...this.#fixedFigures(ones, await this.#numbers(1, 128)),
      this.#agreement(),
    ];
  }

  async #numbers(size: number, batches: number): Promise<Counted> {
    const name = `${size * batches} numbers, ${size} a batch`;
    return this.#job(name, numbersDraft(size * batches), size, (measured, workers) =>
      workOf(measured, workers, NO_INPUT),
    );
  }

  async #linesPair(size: number): Promise<Pair> {
    const { objects, inputBucket } = this.#stack;
    const jobs: Counted[] = [];
    for (const batches of [FEW, 3 * FEW]) {
      const source = { bucket: inputBucket, key: `orchestration-${batches}.txt` };
      await putLines(objects, source, size * batches);
      const model: Model = (measured, workers) =>
        workOf(measured, workers, linesInput(size * batches), { results: { objects: 1, bytes: 0, reduced: true } });
      jobs.push(await this.#job(`${size * batches} lines, ${size} a batch`, linesDraft(source), size, model));
    }
    const [few, many] = jobs;
    if (!few || !many) throw new Error("Two jobs make a pair.");
    return { size, few, many };
  }

  async #job(name: string, draft: Parameters<MeteredStack["run"]>[0], size: number, model: Model): Promise<Counted> {
    const measured = await this.#metered.run(draft, TARGET_SECONDS / size);
    const { batchSize, batches = 0 } = measured.job;
    if (batchSize !== size || measured.children !== batches) {
      throw new Error(`${name}: ${batches} batches of ${batchSize} and ${measured.children} children.`);
    }
    // How many processes shared the batches is the emulator's doing; their reports tell.
    const { workers } = await workerTotals(this.#stack.objects, this.#stack.bucket, measured.job);
    const modelled = usageOf(model(measured, workers));
    const { percent, text } = worstDifference(measured, modelled);
    this.#differences.push({ job: name, percent });
    this.#say(`${name}: ${text}`);
    return { ...measured, batches, modelled };
  }

  #patternFigures(): readonly Figure[] {
    return COUNTED.filter((name) => this.#pattern[name] > 0).map((name) => ({
      name: `one child per task: ${UNIT_OF[name]}`,
      value: this.#pattern[name] * 1_000,
      unit: "per 1,000 tasks",
    }));
  }

  #sizeFigures({ size, few, many }: Pair): readonly Figure[] {
    const tasks = size * (many.batches - few.batches);
    const counted = perTask(few, many, tasks);
    const modelled = perTask(few.modelled, many.modelled, tasks);
    const prefix = `${size.toLocaleString("en-US")} ${size === 1 ? "task" : "tasks"} a batch`;
    const around = {
      appGbSeconds: (many.appGbSeconds - few.appGbSeconds) / tasks,
      controlGbSeconds: (many.controlGbSeconds - few.controlGbSeconds) / tasks,
    };
    const usd = millionUsd(counted, few, around);
    const patternUsd = millionUsd(this.#pattern, NO_COUNTS, { appGbSeconds: 0, controlGbSeconds: 0 });
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
        value: usd.all,
        unit: "$ a million",
        baseline: { name: "one child per task", value: patternUsd.all },
        ...(isChosen ? { bar: atMost(MILLION_BAR) } : {}),
      },
      { name: `${prefix}: of it GB-s around the tasks, by the emulator's clock`, value: usd.around, unit: "$" },
      {
        name: `${prefix}: times cheaper than one child per task`,
        value: patternUsd.all / usd.all,
        unit: "×",
        ...(isChosen ? { bar: atLeast(TIMES_BAR) } : {}),
      },
    ];
  }

  /** What 1,000 further tasks of a batch's size take. */
  #furtherFigures(kind: string, { size, few, many }: Pair): readonly Figure[] {
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
  #fixedFigures({ few, many }: Pair, between: Counted): readonly Figure[] {
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

  #agreement(): Figure {
    const worst = this.#differences.reduce((a, b) => (b.percent > a.percent ? b : a));
    return {
      name: `largest difference between counts and cost model (${worst.job})`,
      value: worst.percent,
      unit: "%",
      bar: atMost(5),
    };
  }
}
