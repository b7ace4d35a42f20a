/**
 * What a task costs beside its own work: counted on the wire of the deployed stack, at several batch sizes, beside the usual
 * pattern (one Map child per task that keeps the task's row), deployed and counted the same way.
 */
import { usageOf, type Work, type WorkInput } from "../../core/cost/index.ts";
import { type Deployed, theStack } from "../lib/deployed.ts";
import { atMost, type Figure, type Suite } from "../lib/figure.ts";
import { type Counts, type Measured, MeteredStack } from "../lib/metered.ts";
import {
  linesDraft,
  linesInput,
  numbersDraft,
  objectsDraft,
  perTask,
  putCsv,
  putLines,
  putObjects,
  splitDraft,
  workOf,
  worstDifference,
} from "../lib/orchestrated.ts";
import {
  CHOSEN,
  type Counted,
  fixedFigures,
  furtherFigures,
  type Pair,
  patternFigures,
  sizeFigures,
} from "../lib/orchestration-figures.ts";
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
/** One gate's worth. */
const FEW = 4;
const PATTERN_TASKS = [20, 220] as const;
/** What a batch is sized for (core/batches/sizing.ts): tasks that take this share of it make batches of the size wanted. */
const TARGET_SECONDS = 180;
/** Of what is timed. */
const ROUNDS = 3;
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
    const figures: Figure[] = [...patternFigures(this.#pattern)];
    const pairs: Pair[] = [];
    for (const [size, more] of SIZES) {
      const pair = await this.#numbersPair(size, more);
      pairs.push(pair);
      // Counts are the same each time; the time around the tasks is the machine's.
      const again: Pair[] = [];
      for (let i = 1; size === CHOSEN && i < ROUNDS; i++) again.push(await this.#numbersPair(size, more));
      figures.push(...sizeFigures(pair, [pair, ...again], this.#pattern));
    }
    const [ones] = pairs;
    const largest = pairs.at(-1);
    if (!ones || !largest) throw new Error("There is no batch size to measure.");
    const lines = await this.#linesPair(largest.size);
    await this.#otherShapes();
    return [
      ...figures,
      ...furtherFigures("range", largest),
      ...furtherFigures("byte", lines),
      ...fixedFigures(ones, await this.#numbers(1, 128)),
      this.#agreement(),
    ];
  }

  async #numbersPair(size: number, more: number): Promise<Pair> {
    const few = await this.#numbers(size, FEW);
    return { size, few, many: await this.#numbers(size, FEW + more) };
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

  /** Jobs that only the model is held against: whole objects in, and many objects out to a bucket of the user's. */
  async #otherShapes(): Promise<void> {
    const { objects, inputBucket: bucket } = this.#stack;
    const folder = { bucket, key: "orchestration-objects/" };
    await putObjects(objects, folder, 60);
    await this.#job("60 objects, 20 a batch", objectsDraft(folder), 20, (measured, workers) =>
      workOf(measured, workers, { from: "objects", objects: 60 }),
    );
    const source = { bucket, key: "orchestration.csv" };
    const bytes = await putCsv(objects, source, 2_000);
    const draft = splitDraft(source, 20, { bucket, key: "orchestration-split/" });
    const results = { objects: 20, bytes: 0 };
    await this.#job("CSV into 20 delivered files, 5 a batch", draft, 5, (measured, workers) =>
      workOf(measured, workers, { from: "bytes", bytes, sources: 1, scanned: true }, { results, delivered: true }),
    );
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
