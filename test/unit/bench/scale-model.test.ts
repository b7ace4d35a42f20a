import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { awsPlatform, taskSeconds } from "../../../bench/scale/aws-platform.ts";
import { simulate } from "../../../bench/scale/binding.ts";
import { calibrate } from "../../../bench/scale/calibrate.ts";
import { type EmulatorFigures, emulatorPlatform } from "../../../bench/scale/emulator-platform.ts";
import { INPUTS, readInputs } from "../../../bench/scale/inputs.ts";
import { CALIBRATION, numbersJob, PREDICTED } from "../../../bench/scale/jobs.ts";
import { AWS, awsLimits } from "../../../bench/scale/limits.ts";
import { RULES } from "../../../bench/scale/rules.ts";
import { runJob } from "../../../bench/scale/run-job.ts";
import { batchesOf, type Workload } from "../../../bench/scale/workload.ts";
import { estimate } from "../../../core/cost/index.ts";

const { inputs } = readInputs([]);
const seconds = (tasks: number, workers: number, taskTime = 1): Workload => ({
  name: "test",
  tasks,
  declaredSeconds: taskTime,
  workers,
  task: { seconds: taskTime, bytes: 0, objects: 0 },
  source: { kind: "none" },
  outputBytes: 0,
});
const onAws = (work: Workload, changed = {}) => runJob(work, awsPlatform(awsLimits(changed), inputs));

it.each(Object.entries(RULES))(
  "the rule %s stands in the source as the model has it",
  async (_, { value, file, line }) => {
    const source = await readFile(file, "utf8");

    expect(source).toContain(line);
    const product = /[=:] ([\d_. *]+)[;,]$/.exec(line)?.[1]?.split("*");
    expect(product?.reduce((of, factor) => of * Number(factor.replaceAll("_", "")), 1)).toBe(value);
  },
);

describe("the model of AWS", () => {
  it("starts no more than 100 children a second", () => {
    const { tasks, batches } = onAws(seconds(1_000_000, 10_000, 0.01), { lambdaConcurrency: 100_000 });

    expect(tasks.to - tasks.from).toBeGreaterThan((batches.count - 1) / AWS.childStarts.value);
  });

  it("runs as many children at once as there are workers, and never more", () => {
    const { used, tasks } = onAws(seconds(20_000, 50));

    const levels = used.children.levels(tasks.from, tasks.to, 100);

    expect(Math.max(...levels)).toBeCloseTo(50, 1);
    expect(levels.every((level) => level <= 50.001)).toBe(true);
  });

  it("takes at least as long as the work divided by the workers", () => {
    const { tasks, batches } = onAws(seconds(18_000, 50));

    expect(batches.count).toBe(100);
    expect(tasks.to - tasks.from).toBeGreaterThan(18_000 / 50);
    expect(tasks.to - tasks.from).toBeLessThan((18_000 / 50) * 1.05);
  });

  it("is slowed down by a lack of anything that is scarce", () => {
    const work: Workload = {
      ...seconds(50_000, 500, 0.05),
      task: { seconds: 0.05, bytes: 66_000, objects: 1 },
      source: { kind: "objects", count: 50_000, probed: false, prefixes: 1 },
    };
    const free = onAws(work).seconds;

    for (const scarce of [
      { childStarts: 0.1 },
      { lambdaConcurrency: 5 },
      { lambdaScaling: 0.05, lambdaScalingBurst: 1 },
      { transitions: 1 },
      { s3Gets: 100 },
      { s3Puts: 0.5 },
      { tableWrites: 2 },
      { partitionWrites: 1 },
      { transactionLatency: 20 },
      { coldStart: 200 },
      { network: 0.01 },
    ]) {
      expect(onAws(work, scarce).seconds, JSON.stringify(scarce)).toBeGreaterThan(free * 1.2);
    }
  });

  it("costs what the cost model estimates, within 5 %, where tasks last as long as they were declared to", () => {
    const work = seconds(1_000_000, 500);

    const { cost } = onAws(work);

    const expected = estimate({ tasks: work.tasks, taskSeconds: 1, workers: 500, bytes: 0 }).cost;
    expect(cost.usd / expected.usd).toBeGreaterThan(0.95);
    expect(cost.usd / expected.usd).toBeLessThan(1.05);
    expect(cost.workflowUsd).toBe(expected.workflowUsd);
    expect(cost.tableUsd).toBe(expected.tableUsd);
  });

  it("bills the workers for what they wait for", () => {
    const work: Workload = {
      ...seconds(50_000, 500, 0.05),
      task: { seconds: 0.01, bytes: 66_000, objects: 1 },
      source: { kind: "objects", count: 50_000, probed: false, prefixes: 1 },
    };

    expect(onAws(work, { s3Gets: 500 }).cost.appUsd).toBeGreaterThan(3 * onAws(work).cost.appUsd);
  });

  it("bills the one function that scans", () => {
    const file = { kind: "file", bytes: 100e9 } as const;
    const cost = (scanned: boolean) => onAws({ ...seconds(1_500, 50), source: { ...file, scanned } }).cost;

    // 100 GB at 78 MB/s on 1.769 GB.
    expect(cost(true).functionsUsd - cost(false).functionsUsd).toBeCloseTo((100e9 / 78e6) * 1.769 * 0.0000133334, 2);
  });

  it("two transactions meet in a gate more often when there are fewer gates", () => {
    const many = onAws(seconds(200_000, 1_000, 0.1));
    const slow = onAws(seconds(200_000, 1_000, 0.1), { transactionLatency: 0.5 });

    expect(many.transactions).toBe(2 * many.batches.count);
    expect(slow.conflicts).toBeGreaterThan(many.conflicts);
  });

  it("gives the same twice", () => {
    const work = seconds(100_000, 500);

    expect(onAws(work).seconds).toBe(onAws(work).seconds);
  });

  it.each([
    ["a processor that is slower than the network", { seconds: 3, bytes: 64e6, objects: 0 }, 3],
    ["a generator", { seconds: 0.5, bytes: 0, objects: 0 }, 0.5],
    ["a window of 4 MiB after the other", { seconds: 0, bytes: 4 * 2 ** 20, objects: 0 }, 0.1 + (4 * 2 ** 20) / 78e6],
    ["eight small objects at once", { seconds: 0, bytes: 0, objects: 80 }, 1],
  ] as const)("a task takes what is slower, its data or its work: %s", (_, task, expected) => {
    expect(taskSeconds(task, awsLimits())).toBeCloseTo(expected, 6);
  });
});

describe("what binds", () => {
  const account = { lambdaConcurrency: 1_000, maxWorkers: 20 };

  it("is the workers, where tasks are long and workers few", () => {
    const { freed, peaks } = simulate(seconds(50_000, 20), account, inputs);

    expect(freed[0]?.limit).toBe("workers (`maxWorkers`)");
    expect(peaks.workers).toBeCloseTo(1, 1);
    expect(peaks.childStarts).toBeLessThan(0.5);
  });

  it("is the scan, where a CSV may hide newlines", () => {
    const work: Workload = { ...seconds(1_500, 20), source: { kind: "file", bytes: 100e9, scanned: true } };

    expect(simulate(work, account, inputs).freed[0]?.limit).toBe("reading (partition)");
  });

  it("is what S3 gives of a prefix, where objects are small and workers many", () => {
    const objects = { kind: "objects", count: 200_000, probed: false, prefixes: 1 } as const;
    const work: Workload = {
      ...seconds(200_000, 500, 0.5),
      task: { seconds: 0.001, bytes: 1_000, objects: 1 },
      source: objects,
    };
    const { freed, peaks } = simulate(work, account, inputs);

    expect(freed.map(({ limit }) => limit)).toContain("S3's GETs of a prefix");
    expect(peaks.s3Gets).toBeGreaterThan(0.9);
    expect(simulate({ ...work, source: { ...objects, prefixes: 10 } }, account, inputs).outcome.seconds).toBeLessThan(
      simulate(work, account, inputs).outcome.seconds,
    );
  });
});

describe("the emulator's figures", () => {
  const real: EmulatorFigures = {
    around: { fixed: 1.1, perTask: 0.000_05 },
    map: 0.25,
    firstCall: 0.22,
    coldTask: 0.000_5,
    child: 0.07,
    task: 0.000_2,
    processors: 1.6,
  };
  const measure = (work: Workload, noise = 1) => {
    const { seconds: all, tasks } = runJob(work, emulatorPlatform(real, 4));
    const around = real.around.fixed + work.tasks * real.around.perTask;
    return { work, seconds: all * noise, partitioned: (tasks.to - tasks.from + real.map) * noise, around };
  };

  it("are found again from runs of other sizes, well enough to predict", () => {
    const found = calibrate(
      CALIBRATION.map((work) => measure(work)),
      real.coldTask,
      4,
    );

    for (const work of PREDICTED) {
      const predicted = runJob(work, emulatorPlatform(found, 4)).seconds;
      expect(predicted / measure(work).seconds).toBeGreaterThan(0.95);
      expect(predicted / measure(work).seconds).toBeLessThan(1.05);
    }
  });

  it("stay useful when every run is off by a tenth, some up, some down", () => {
    const runs = CALIBRATION.map((work, i) => measure(work, i % 2 === 0 ? 1.1 : 0.9));

    const found = calibrate(runs, real.coldTask, 4);

    for (const work of PREDICTED) {
      const off = Math.abs(runJob(work, emulatorPlatform(found, 4)).seconds / measure(work).seconds - 1);
      expect(off).toBeLessThan(0.2);
    }
  });

  it("come from sizes that are not to be predicted", () => {
    const sizes = CALIBRATION.map(({ tasks }) => tasks);

    for (const { tasks } of PREDICTED) expect(sizes).not.toContain(tasks);
  });
});

it("batches are cut by the plan's own rule", () => {
  expect(batchesOf(numbersJob(10_000))).toEqual({ size: 900, count: 12, gates: 3 });
  expect(batchesOf(numbersJob(1_000))).toEqual({ size: 125, count: 8, gates: 2 });
});

describe("the inputs", () => {
  it("come from the results, and say which don't", () => {
    const figures = [{ name: INPUTS.linesRate.figure, value: 42 }];

    const read = readInputs([{ suite: INPUTS.linesRate.suite, figures }]);

    expect(read.inputs.linesRate).toBe(42);
    expect(read.recorded).not.toContain("linesRate");
    expect(read.recorded).toHaveLength(Object.keys(INPUTS).length - 1);
  });

  it("that aren't numbers count as not measured", () => {
    const figures = [{ name: INPUTS.linesRate.figure, value: Number.NaN }];

    expect(readInputs([{ suite: INPUTS.linesRate.suite, figures }]).recorded).toContain("linesRate");
  });
});
