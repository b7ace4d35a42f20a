/**
 * The model of a job at AWS's scale: first held against runs on the emulator that it wasn't fitted on, then asked how long
 * and how much the jobs take that nobody here can run.
 */

import { theStack } from "../lib/deployed.ts";
import { atMost, type Figure, type Suite } from "../lib/figure.ts";
import { simulate } from "../scale/binding.ts";
import { calibrate } from "../scale/calibrate.ts";
import { type EmulatorFigures, emulatorPlatform } from "../scale/emulator-platform.ts";
import { INPUTS, type InputName, type Inputs, readInputs } from "../scale/inputs.ts";
import { CALIBRATION, EMULATOR_CHILDREN, PREDICTED } from "../scale/jobs.ts";
import { AWS_SAMPLE } from "../scale/limits.ts";
import { measureSizes, measureWorkers, type SizeMeasured, type WorkerRates } from "../scale/measure.ts";
import { readResults } from "../scale/read-results.ts";
import { runJob } from "../scale/run-job.ts";
import { type Scenario, scenarios } from "../scale/scenarios.ts";
import { assumedTimes } from "../scale/sensitivity.ts";

type Say = (line: string) => void;

/** Per cent that the model may be off. */
const OFF = 20;

export const scale: Suite = {
  name: "scale",
  what: "the model of a job, beside runs of 1,000 and 10,000 tasks; then 1 TB, 558,000 objects, 10 million tasks",
  async run(say) {
    const stack = await theStack(say);
    const sizes = await measureSizes(stack, [...CALIBRATION, ...PREDICTED], say);
    const alone = workerAlone(sizes);
    const known = sizes.slice(0, CALIBRATION.length);
    const figures = calibrate(known, alone.taskMs / 1_000, EMULATOR_CHILDREN);
    say(`emulator: ${JSON.stringify(figures)}`);
    const rates = await measureWorkers(stack, alone.batchMs, say);
    const measured = [
      ...sizeFigures(sizes, figures),
      ...inputFigures(alone, rates, figures),
      ...emulatorFigures(figures),
    ];
    const { inputs, recorded } = readInputs([
      { suite: "scale", figures: measured },
      ...((await readResults())?.suites ?? []),
    ]);
    sayInputs(inputs, recorded, say);
    return [...measured, ...scenarios(inputs).flatMap((scenario) => scenarioFigures(scenario, inputs, say))];
  },
};

const text = (count: number): string => count.toLocaleString("en-US");

interface Alone {
  readonly taskMs: number;
  readonly batchMs: number;
}

/** From the two jobs of one batch: what a task adds to the worker's time, and what is left without tasks. */
function workerAlone(sizes: readonly SizeMeasured[]): Alone {
  const [few, many] = sizes;
  if (!few || !many) throw new Error("Two jobs of one batch are the first that are measured.");
  const taskMs = (many.workerMs.median - few.workerMs.median) / (many.work.tasks - few.work.tasks);
  if (!(taskMs > 0)) throw new Error(`${many.work.tasks} tasks took a worker no longer than ${few.work.tasks}.`);
  return { taskMs, batchMs: Math.max(1, few.workerMs.median - taskMs * few.work.tasks) };
}

/** Every size with the model beside it; a bar for those that it wasn't fitted on. */
function sizeFigures(sizes: readonly SizeMeasured[], figures: EmulatorFigures): Figure[] {
  const platform = emulatorPlatform(figures, EMULATOR_CHILDREN);
  return sizes.flatMap(({ work, seconds, spread }, i): Figure[] => {
    const model = runJob(work, platform).seconds;
    const how = work.workers === 1 ? ", one batch" : "";
    const name = `${text(work.tasks)} tasks on the emulator${how}`;
    const figure = { name, value: seconds, unit: "s", spread, baseline: { name: "s by the model", value: model } };
    if (i < CALIBRATION.length) return [figure];
    const off = Math.abs(model / seconds - 1) * 100;
    const held = { name: `${text(work.tasks)} tasks: the model is off by`, value: off, unit: "%", bar: atMost(OFF) };
    return [figure, { ...held, baseline: { name: "s measured", value: seconds, spread } }];
  });
}

function inputFigures({ taskMs, batchMs }: Alone, rates: WorkerRates, { around }: EmulatorFigures): Figure[] {
  const input = (name: InputName, value: number, spread?: number): Figure => ({
    name: INPUTS[name].figure,
    value,
    unit: INPUTS[name].unit,
    ...(spread === undefined ? {} : { spread }),
  });
  return [
    input("tinyTask", taskMs),
    input("batch", batchMs),
    input("smallObject", rates.object.median, rates.object.spread),
    input("linesRate", rates.lines.median, rates.lines.spread),
    input("ndjsonRate", rates.ndjson.median, rates.ndjson.spread),
    input("csvRate", rates.csv.median, rates.csv.spread),
    input("around", around.perTask * 1_000),
  ];
}

/** What the fit found: to be looked at, not to be proud of. */
function emulatorFigures({ around, map, firstCall, child, task, processors }: EmulatorFigures): Figure[] {
  return [
    { name: "emulator: around the tasks", value: around.fixed, unit: "s" },
    { name: "emulator: the Map beside its children", value: map, unit: "s" },
    { name: "emulator: a child beside its tasks", value: child, unit: "s" },
    { name: "emulator: a worker's first call, more", value: firstCall, unit: "s" },
    { name: "emulator: a task of a warm worker", value: task * 1_000, unit: "ms" },
    { name: "emulator: processors' worth that children share", value: processors, unit: "" },
  ];
}

function sayInputs(inputs: Inputs, recorded: readonly InputName[], say: Say): void {
  for (const [name, { what, unit, suite, figure }] of Object.entries(INPUTS)) {
    const value = inputs[name as InputName];
    const from = recorded.includes(name as InputName)
      ? "recorded earlier: the results hold no such figure"
      : `${suite}: ${figure}`;
    say(`${what}: ${value.toPrecision(3)} ${unit} (${from})`);
  }
}

function scenarioFigures({ id, account, work }: Scenario, inputs: Inputs, say: Say): Figure[] {
  const { outcome, freed, peaks } = simulate(work, account, inputs);
  const { seconds, cost, batches, stages } = outcome;
  say(`${id}: ${seconds.toFixed(0)} s, $${cost.usd.toFixed(3)}, ${text(batches.count)} batches of ${batches.size}`);
  say(`  ${stages.map(({ name, from, to }) => `${name} ${(to - from).toFixed(1)} s`).join(", ")}`);
  say(
    `  in use at most: ${Object.entries(peaks)
      .map(([name, share]) => `${name} ${(share * 100).toFixed(0)} %`)
      .join(", ")}`,
  );
  const isSample = work.source.kind === "objects";
  const [least = 0, most = 0] = AWS_SAMPLE.seconds;
  const [fast, slow] = assumedTimes(work, account, inputs);
  return [
    {
      name: `${id}: time`,
      value: seconds,
      unit: "s",
      spread: (slow - fast) / seconds,
      ...(isSample
        ? { baseline: { name: `s, ${least} to ${most}: AWS's own sample, as published`, value: (least + most) / 2 } }
        : {}),
    },
    {
      name: `${id}: cost`,
      value: cost.usd,
      unit: "$",
      ...(isSample ? { baseline: { name: "$, about: AWS's own sample, as published", value: AWS_SAMPLE.usd } } : {}),
    },
    ...freed.slice(0, 2).map((one) => ({
      name: `${id}: with ten times the ${one.limit.replaceAll("`", "")}`,
      value: one.seconds,
      unit: "s",
      baseline: { name: "s as it is", value: seconds },
    })),
  ];
}
