/** The four jobs: what a user would type, and what must come out. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DraftOptions } from "../cli/draft.ts";
import { birdstrikesByState } from "./expected/birdstrikes.ts";
import { checksumsOf } from "./expected/checksums.ts";
import { differenceOfRecords } from "./expected/same-records.ts";
import { zipcodesOfCalifornia } from "./expected/zipcodes.ts";

export interface DemoJob {
  readonly title: string;
  /** A file or a folder. */
  readonly input: string;
  readonly options: DraftOptions & { readonly template: string };
  readonly output: string;
  readonly leastChunks: number;
  /** @returns null when the output is right, else what is wrong with it */
  readonly difference: (output: string) => Promise<string | null>;
}

/** The data folder of the vega-datasets package. */
export const dataFolder = (): string =>
  join(dirname(dirname(fileURLToPath(import.meta.resolve("vega-datasets")))), "data");

export function demoJobs(quotedCsv: string, data = dataFolder()): readonly DemoJob[] {
  const [birds, zips] = [join(data, "birdstrikes.csv"), join(data, "zipcodes.csv")];
  return [
    {
      title: "(a) bird strikes by state: group-by over chunks, reduced to one table",
      input: birds,
      options: {
        template: "csv-group-by",
        chunks: 16,
        param: ['app.by=["Origin State"]', 'app.aggregates=["count","sum(Cost Total $)"]'],
      },
      output: "birdstrikes-by-state.csv",
      leastChunks: 8,
      difference: async (output) => differenceOfText(output, await birdstrikesByState(birds)),
    },
    {
      title: "(b) zip codes of California: select, merged in the order of the input",
      input: zips,
      options: {
        template: "csv-select",
        chunks: 24,
        param: ['app.where={"state":"CA"}', 'app.columns=["zip_code","city","county"]'],
      },
      output: "zipcodes-ca.csv",
      leastChunks: 16,
      difference: async (output) => differenceOfText(output, await zipcodesOfCalifornia(zips)),
    },
    {
      title: "(c) checksums of a folder: a task per file",
      input: data,
      options: { template: "checksum-objects", param: ["partitioner.objectsPerChunk=1"] },
      output: "checksums.ndjson",
      leastChunks: 2,
      difference: async (output) => differenceOfText(output, await checksumsOf(data)),
    },
    {
      title: "(d) 20 MB of CSV with quoted newlines: split safely, put together again",
      input: quotedCsv,
      options: { template: "csv-select", chunks: 24 },
      output: "quoted.csv",
      leastChunks: 16,
      difference: (output) => differenceOfRecords(output, quotedCsv),
    },
  ];
}

async function differenceOfText(file: string, expected: string): Promise<string | null> {
  const text = await readFile(file, "utf8");
  if (text === expected) return null;
  const [lines, wanted] = [text.split("\n"), expected.split("\n")];
  const at = wanted.findIndex((line, i) => line !== lines[i]);
  if (at < 0) return `has ${lines.length} lines and should have ${wanted.length}`;
  return `line ${at + 1} is ${JSON.stringify(lines[at])} and should be ${JSON.stringify(wanted[at])}`;
}
