/** The inner loops of partition, workers and merge, beside the plainest code that does the same. */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { csvData, type Data, linesData } from "../lib/data.ts";
import { atMost, type Bar, type Figure, type Suite } from "../lib/figure.ts";
import { spreadText, type Timing, timeSideBySide } from "../lib/timer.ts";

type Measured = typeof import("../measured/steps.ts");

const ROOT = join(import.meta.dirname, "..", "..");
const MIB = 1024 * 1024;
const TEXT_BYTES = 32 * MIB;
const CSV_BYTES = 8 * MIB;
const PARTS = 10_000;

export const steps: Suite = {
  name: "steps",
  what: "inner loops side by side with the plainest code that does the same",
  async run(say) {
    const code = await bundled();
    return [...(await lineFigures(code, say)), ...(await csvFigures(code, say)), ...(await mergeFigures(code, say))];
  },
};

async function bundled(): Promise<Measured> {
  const outfile = join(ROOT, "build", "bench", "steps.mjs");
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: [join("bench", "measured", "steps.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    minify: true,
    logLevel: "warning",
  });
  return (await import(pathToFileURL(outfile).href)) as Measured;
}

const wholeOf = (data: Data): Buffer => Buffer.concat([...data.blocks()]);

/** Both must have seen the same, or the ratio means nothing. */
function same(what: string, a: number, b: number): void {
  if (a !== b) throw new Error(`${what}: ${a} and ${b} differ; the two loops don't do the same.`);
}

async function lineFigures(code: Measured, say: (line: string) => void): Promise<Figure[]> {
  const data = wholeOf(linesData(TEXT_BYTES));
  same("lines", code.bareLines(data), code.scan(data, "lines"));
  same("characters", code.bareTexts(data), code.readTexts(data));
  const time = await timeSideBySide({
    bare: () => code.bareLines(data),
    scan: () => code.scan(data, "lines"),
    bareTexts: () => code.bareTexts(data),
    texts: () => code.readTexts(data),
  });
  return [
    ...rates(say, "line scan", data.length, time.scan, "a bare indexOf loop", time.bare),
    ...rates(say, "lines as text", data.length, time.texts, "a bare toString loop", time.bareTexts),
  ];
}

async function csvFigures(code: Measured, say: (line: string) => void): Promise<Figure[]> {
  const data = wholeOf(csvData(CSV_BYTES));
  same("fields", code.readRows(data), code.csvParse(data));
  same("bytes in chunks", code.exactChunks(data), data.length);
  const time = await timeSideBySide({
    bare: () => code.bareLines(data),
    scan: () => code.scan(data, "csv"),
    chunks: () => code.exactChunks(data),
    rows: () => code.readRows(data),
    parse: () => code.csvParse(data),
  });
  return [
    ...rates(say, "CSV record scan", data.length, time.scan, "a bare indexOf loop", time.bare),
    ...rates(say, "partition's CSV scan", data.length, time.chunks, "a bare indexOf loop", time.bare),
    ...rates(say, "CSV rows as fields", data.length, time.rows, "csv-parse", time.parse, atMost(1)),
  ];
}

async function mergeFigures(code: Measured, say: (line: string) => void): Promise<Figure[]> {
  const source = code.bigSegments(PARTS);
  same("parts", await code.plannedParts(source), PARTS);
  const time = await timeSideBySide({
    bare: () => code.bareSegments(source),
    plan: () => code.plannedParts(source),
  });
  say(`merge plan: ${spreadText(time.plan)}`);
  return [
    {
      name: `merge plan of ${PARTS.toLocaleString("en-US")} parts`,
      value: time.plan.median,
      unit: "ms",
      baseline: { name: "ms for going over its segments", value: time.bare.median },
    },
  ];
}

/** A rate, and the time as a ratio of what it is compared with. */
function rates(
  say: (line: string) => void,
  name: string,
  bytes: number,
  ours: Timing,
  other: string,
  theirs: Timing,
  bar?: Bar,
): Figure[] {
  say(`${name}: ${spreadText(ours)}; ${other}: ${spreadText(theirs)}`);
  const rate = ({ median }: Timing) => bytes / 1_000 / median;
  return [
    { name, value: rate(ours), unit: "MB/s", baseline: { name: `MB/s by ${other}`, value: rate(theirs) } },
    { name: `${name}, time`, value: ours.median / theirs.median, unit: `× ${other}`, ...(bar ? { bar } : {}) },
  ];
}
