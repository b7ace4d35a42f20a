import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import Table from "cli-table3";
import { type Bar, type Figure, ratioOf, verdict } from "./figure.ts";

export interface SuiteResult {
  readonly suite: string;
  readonly seconds: number;
  readonly figures: readonly Figure[];
  /** Why the suite broke off. */
  readonly error?: string;
}

/** The figures of one suite, as a table for people. */
export function tableOf({ suite, seconds, figures, error }: SuiteResult): string {
  const table = new Table({
    head: [suite, "measured", "beside it", "bar", ""],
    colAligns: ["left", "right", "left", "left", "left"],
    style: { head: [], border: [], compact: true },
  });
  for (const figure of figures) {
    const { name, value, unit, spread, baseline, bar } = figure;
    table.push([
      name,
      `${readable(value)} ${unit}${spreadOf(spread)}`,
      baseline ? `${readable(baseline.value)}${spreadOf(baseline.spread)} ${baseline.name}` : "",
      bar ? barText(figure, bar) : "",
      verdict(figure),
    ]);
  }
  const lines = [table.toString(), `${suite}: ${seconds.toFixed(1)} s`];
  if (error !== undefined) lines.push(`${suite}: FAILED: ${error}`);
  return lines.join("\n");
}

/** Every figure with its baseline, bar and verdict, and the machine it was measured on. */
export async function writeResults(path: string, results: readonly SuiteResult[]): Promise<void> {
  const file = {
    at: new Date().toISOString(),
    machine: { cpus: cpus().length, model: cpus()[0]?.model ?? "", memoryBytes: totalmem(), node: process.version },
    suites: results.map(({ figures, ...suite }) => ({
      ...suite,
      figures: figures.map((figure) => ({ ...figure, verdict: verdict(figure) })),
    })),
  };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(file, null, 2)}\n`);
}

/** Whether nothing broke off and every bar is kept. */
export const isGood = (results: readonly SuiteResult[]): boolean =>
  results.every(({ error, figures }) => error === undefined && figures.every((figure) => verdict(figure) !== "FAIL"));

function barText(figure: Figure, bar: Bar): string {
  const rule = `${bar.aim ? "aim: " : ""}${bar.rule} ${readable(bar.value)}`;
  return bar.isTimesBaseline ? `${rule} ×; is ${readable(ratioOf(figure))} ×` : rule;
}

const spreadOf = (spread: number | undefined): string =>
  spread === undefined ? "" : ` ± ${((spread * 100) / 2).toFixed(0)} %`;

function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 4;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}
