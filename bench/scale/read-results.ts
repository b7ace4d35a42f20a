import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Figure } from "../lib/figure.ts";

/** bench/results.json, as far as it is read again: by the model, for its inputs, and by the report. */
const number = z.number().nullable(); // JSON has no NaN and no infinity: what wasn't a number is null
const bar = z.object({
  rule: z.enum(["at most", "at least", "exactly"]),
  value: z.number(),
  isTimesBaseline: z.boolean().exactOptional(),
});
const figure = z
  .object({
    name: z.string(),
    value: number,
    unit: z.string(),
    spread: number.optional(),
    baseline: z.object({ name: z.string(), value: number, spread: number.optional() }).optional(),
    bar: bar.optional(),
  })
  .transform(
    ({ name, value, unit, spread, baseline, bar }): Figure => ({
      name,
      value: value ?? Number.NaN,
      unit,
      ...spreadOf(spread),
      ...(baseline
        ? { baseline: { name: baseline.name, value: baseline.value ?? Number.NaN, ...spreadOf(baseline.spread) } }
        : {}),
      ...(bar ? { bar } : {}),
    }),
  );
const spreadOf = (spread: number | null | undefined) => (typeof spread === "number" ? { spread } : {});

const results = z.object({
  at: z.string(),
  machine: z.object({ cpus: z.number(), model: z.string(), memoryBytes: z.number(), node: z.string() }),
  suites: z.array(
    z.object({ suite: z.string(), seconds: z.number(), figures: z.array(figure), error: z.string().exactOptional() }),
  ),
});
export type Results = z.infer<typeof results>;

export const RESULTS = join(import.meta.dirname, "..", "results.json");

/** @returns undefined when no bench has run yet @throws when the file isn't what the bench writes */
export async function readResults(path = RESULTS): Promise<Results | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  return results.parse(JSON.parse(text));
}
