/** What there is to know of the built-in assemblers without running them; their code is in engines.ts. */
import * as z from "zod";
import type { AssemblerInfo } from "../../core/contracts/blocks.ts";
import { fileName, namedOutput } from "./params.ts";

const REDUCE_FORMATS = ["csv", "ndjson", "json"] as const;

const zip = (name: string): AssemblerInfo => ({
  kind: "assembler",
  name,
  version: "1.0",
  description: "Every result as an entry of one zip archive (stored, not compressed), named <ordinal>_<name>.",
  params: namedOutput("output.zip"),
  takes: "input",
  outputName: "output.zip",
});

export const assemblers: readonly AssemblerInfo[] = [
  {
    kind: "assembler",
    name: "passthrough",
    version: "1.0",
    description: "Each result is a file of its own, named <ordinal>_<name>.",
    params: z.strictObject({}),
    takes: "input",
    outputName: null,
  },
  {
    kind: "assembler",
    name: "concat",
    version: "1.0",
    description: "The bytes of all results, one after the other, in task order.",
    params: namedOutput("output"),
    takes: "input",
    outputName: "output",
  },
  {
    kind: "assembler",
    name: "csv",
    version: "1.0",
    description: "All rows in task order, under one header.",
    params: namedOutput("output.csv"),
    takes: "csv",
    outputName: "output.csv",
  },
  {
    kind: "assembler",
    name: "ndjson",
    version: "1.0",
    description: "All records in task order, one JSON value per line.",
    params: namedOutput("output.ndjson"),
    takes: "ndjson",
    outputName: "output.ndjson",
  },
  {
    kind: "assembler",
    name: "json",
    version: "1.0",
    description: "All records in task order, as one JSON array.",
    params: namedOutput("output.json"),
    takes: "json",
    outputName: "output.json",
  },
  zip("zip"),
  zip("zipper"),
  {
    kind: "assembler",
    name: "reduce",
    version: "1.0",
    description: "Merges the accumulators of a reducer in a fixed tree and writes its result as csv, ndjson or json.",
    params: z
      .strictObject({ name: fileName.optional(), format: z.enum(REDUCE_FORMATS).default("csv") })
      .transform(({ name, format }) => ({ name: name ?? `output.${format}`, format })),
    takes: "accumulator",
    outputName: "output.csv",
  },
];
