import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import Table from "cli-table3";
import * as z from "zod";
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
      `${readable(value)} ${unit}${spreadText(spread)}`,
      baseline ? `${readable(baseline.value)}${spreadText(baseline.spread)} ${baseline.name}` : "",
      bar ? barText(figure, bar) : "",
      verdict(figure),
    ]);
  }
  const lines = [table.toString(), `${suite}: ${seconds.toFixed(1)} s`];
  if (error !== undefined) lines.push(`${suite}: FAILED: ${error}`);
  return lines.join("\n");
}

/**
 * Every figure with its baseline, bar and verdict, and the machine it was measured on. Suites that are not of this run keep
 * what the same machine measured last: each carries its own time.
 */
export async function writeResults(path: string, results: readonly SuiteResult[]): Promise<void> {
  const at = new Date().toISOString();
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? "",
    memoryBytes: totalmem(),
    node: process.version,
  };
  const now = results.map(({ figures, ...suite }) => ({
    ...suite,
    at,
    figures: figures.map((figure) => ({ ...figure, verdict: verdict(figure) })),
  }));
  const before = await suitesBefore(path, machine);
  const kept = before.filter(({ suite }) => !results.some((result) => result.suite === suite));
  const file = { at, machine, suites: [...kept, ...now] };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(file, null, 2)}\n`);
}

const earlier = z.object({ machine: z.unknown(), suites: z.array(z.looseObject({ suite: z.string() })) });

async function suitesBefore(path: string, machine: object): Promise<z.infer<typeof earlier>["suites"]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  const file = earlier.parse(JSON.parse(text));
  return isDeepStrictEqual(file.machine, machine) ? file.suites : [];
}

/** Whether nothing broke off and every bar is kept. */
export const isGood = (results: readonly SuiteResult[]): boolean =>
  results.every(({ error, figures }) => error === undefined && figures.every((figure) => verdict(figure) !== "FAIL"));

export function barText(figure: Figure, bar: Bar): string {
  const rule = `${bar.rule} ${readable(bar.value)}`;
  return bar.isTimesBaseline ? `${rule} ×; is ${readable(ratioOf(figure))} ×` : rule;
}

export const spreadText = (spread: number | undefined): string =>
  spread === undefined ? "" : ` ± ${((spread * 100) / 2).toFixed(0)} %`;

export function readable(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 4;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}
