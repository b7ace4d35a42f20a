/** The tables of docs/performance.md, from what a bench has written and from the model. */
import { type Figure, verdict } from "../lib/figure.ts";
import { barText, readable, spreadText } from "../lib/report.ts";
import { ANSWERS, type Simulated } from "../scale/binding.ts";
import { INPUTS, type InputName, readInputs } from "../scale/inputs.ts";
import { AWS, type Fact, type Limits } from "../scale/limits.ts";
import type { Results } from "../scale/read-results.ts";
import type { Scenario } from "../scale/scenarios.ts";
import { markdownTable } from "./blocks.ts";

export interface Told {
  readonly scenario: Scenario;
  readonly limits: Limits;
  readonly simulated: Simulated;
}

/** All that the blocks are made of. */
export interface Material {
  readonly results: Results;
  readonly told: readonly Told[];
}

/** @throws RangeError for a block that nobody knows */
export function blockOf(name: string, { results, told }: Material): string {
  const suite = /^suite (.+)$/.exec(name)?.[1];
  if (suite !== undefined) return suiteTable(suite, results);
  const make = BLOCKS[name];
  if (!make)
    throw new RangeError(`There is no block "${name}"; the blocks: suite NAME, ${Object.keys(BLOCKS).join(", ")}.`);
  return make(results, told);
}

const BLOCKS: Readonly<Record<string, (results: Results, told: readonly Told[]) => string>> = {
  machine: machineLine,
  sizes: sizesTable,
  inputs: inputsTable,
  facts: factsTable,
  scenarios: (_, told) => scenariosTable(told),
  binding: (_, told) => bindingTable(told),
  answers: (_, told) => answersList(told),
  peaks: (_, told) => peaksTable(told),
};

const SIZE = /tasks on the emulator|tasks: the model is off/;
const text = (value: number): string => value.toLocaleString("en-US");

function machineLine({ at, machine }: Results): string {
  const memory = (machine.memoryBytes / 2 ** 30).toFixed(0);
  return `Measured on ${at.slice(0, 10)}: ${machine.cpus} processors (${machine.model}), ${memory} GiB, Node ${machine.node.replace("v", "")}.`;
}

/** Those with a bar; the rest, when there are any, folded. */
function suiteTable(name: string, results: Results): string {
  const suite = results.suites.find((one) => one.suite === name);
  if (!suite) return missing(name);
  const held = suite.figures.filter(({ bar }) => bar !== undefined);
  const others = suite.figures.filter(({ bar }) => bar === undefined);
  const folded = held.length > 0 && others.length > 0;
  const parts = [
    figuresTable(folded ? held : suite.figures),
    ...(folded ? [`<details><summary>All others: ${others.length}</summary>`, figuresTable(others), "</details>"] : []),
    ...(suite.error === undefined ? [] : [`The suite broke off: ${suite.error}`]),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

const missing = (suite: string): string => `The suite \`${suite}\` is not in the results that this page was made from.`;

function sizesTable(results: Results): string {
  const suite = results.suites.find((one) => one.suite === "scale");
  return suite ? figuresTable(suite.figures.filter(({ name }) => SIZE.test(name))) : missing("scale");
}

const figuresTable = (figures: readonly Figure[]): string =>
  figures.length === 0 ? "" : markdownTable(["", "measured", "beside it", "bar", ""], figures.map(rowOf));

function rowOf(figure: Figure): readonly string[] {
  const { name, value, unit, spread, baseline, bar } = figure;
  return [
    name,
    `${readable(value)} ${unit}${spreadText(spread)}`.trim(),
    baseline ? `${readable(baseline.value)}${spreadText(baseline.spread)} ${baseline.name}` : "",
    bar ? barText(figure, bar) : "",
    verdict(figure),
  ];
}

function inputsTable({ suites }: Results): string {
  const { inputs, recorded } = readInputs(suites);
  const rows = Object.entries(INPUTS).map(([name, { what, unit, suite, figure }]) => [
    what,
    `${readable(inputs[name as InputName])} ${unit}`,
    recorded.includes(name as InputName) ? "recorded earlier (bench/scale/inputs.ts)" : `suite \`${suite}\`: ${figure}`,
  ]);
  return markdownTable(["input", "value", "measured by"], rows);
}

function factsTable(): string {
  const rows = Object.values<Fact>(AWS).map(({ value, unit, source, assumed }) => [
    `${text(value)} ${unit}`,
    assumed ? `assumed: ${source}` : source,
  ]);
  return markdownTable(["value", "source"], rows);
}

/** 95 s, 3 min 20 s, 1 h 23 min. */
export function duration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const usd = (value: number): string => `$${value < 10 ? value.toFixed(2) : value.toFixed(0)}`;

function scenariosTable(told: readonly Told[]): string {
  const rows = told.map(({ scenario: { id, what, account }, simulated: { outcome } }) => {
    const { seconds, cost, batches, work, tasks } = outcome;
    return [
      `**${id}**: ${what}`,
      `${text(account.maxWorkers)} of ${text(account.lambdaConcurrency)}`,
      `${text(work.tasks)} in ${text(batches.count)} of ${text(batches.size)}`,
      duration(seconds),
      duration(tasks.to - tasks.from),
      usd(cost.usd),
      usd(cost.usd - cost.appUsd),
    ];
  });
  return markdownTable(
    [
      "job",
      "workers of Lambda's concurrency",
      "tasks in batches",
      "time",
      "of it, the tasks",
      "cost",
      "of it, all but the app",
    ],
    rows,
  );
}

const HELPED = 2;

function bindingTable(told: readonly Told[]): string {
  const rows = told.map(({ scenario: { id }, simulated: { outcome, freed } }) => [
    `**${id}**`,
    duration(outcome.seconds),
    ...Array.from({ length: HELPED }, (_, i) => {
      const one = freed[i];
      return one ? `${one.limit}: ${duration(one.seconds)}` : "";
    }),
  ]);
  return markdownTable(["job", "as it is", "with ten times as much, or as fast", "the next best"], rows);
}

/** Of the limits in the table above, each once. */
function answersList(told: readonly Told[]): string {
  const limits = new Set(told.flatMap(({ simulated: { freed } }) => freed.slice(0, HELPED).map(({ limit }) => limit)));
  return [...limits].map((limit) => `- **${limit}**: ${ANSWERS[limit]}.`).join("\n");
}

function peaksTable(told: readonly Told[]): string {
  const [first] = told;
  if (!first) return "";
  const names = Object.keys(first.simulated.peaks) as (keyof Simulated["peaks"])[];
  const rows = told.map(({ scenario: { id }, simulated: { peaks, outcome } }) => [
    `**${id}**`,
    ...names.map((name) => `${(peaks[name] * 100).toFixed(0)} %`),
    `${((100 * outcome.conflicts) / Math.max(1, outcome.transactions)).toFixed(1)} %`,
  ]);
  return markdownTable(["job", ...names.map((name) => PEAK_NAMES[name]), "met in a gate"], rows);
}

const PEAK_NAMES: Readonly<Record<keyof Simulated["peaks"], string>> = {
  workers: "workers",
  childStarts: "child starts",
  transitions: "transitions",
  lambdaConcurrency: "Lambda's concurrency",
  lambdaScaling: "Lambda's scaling",
  s3Gets: "S3 GETs",
  s3Puts: "S3 PUTs",
  tableWrites: "table writes",
  partitionWrites: "writes of a partition",
};
