/** Ready templates: every job can be made from one of these, with params of its own. */
import type { TemplateInfo } from "../core/contracts/blocks.ts";

const template = (
  id: string,
  description: string,
  [partitioner, app, assembler]: readonly [partitioner: string, app: string, assembler: string],
  params: TemplateInfo["params"] = {},
): TemplateInfo => ({ id, description, app, partitioner, assembler, params });

export const templates: readonly TemplateInfo[] = [
  template(
    "csv-group-by",
    'Groups the rows of CSV files by one or more columns: params.app {by, aggregates: ["count", "sum(amount)", …]}. Sums are exact.',
    ["csv", "group-by", "reduce"],
  ),
  template(
    "csv-select",
    'Keeps the rows of CSV files that meet a condition, and of each the named columns: params.app {where: {"state": "CA"}, columns}. One CSV, one header.',
    ["csv", "select", "csv"],
  ),
  template(
    "csv-split",
    "Cuts CSV files into smaller ones, each with the header; config.maxChunkSize or chunks says how large.",
    ["csv", "select", "passthrough"],
  ),
  template(
    "csv-to-ndjson",
    "Turns CSV files into NDJSON, one object a row; params.app {where, columns} as in csv-select.",
    ["csv", "select", "ndjson"],
  ),
  template(
    "csv-to-json",
    "Turns CSV files into one JSON array of objects; params.app {where, columns} as in csv-select.",
    ["csv", "select", "json"],
  ),
  template(
    "ndjson-select",
    "Keeps the records of NDJSON files that meet a condition, and of each the named members: params.app {where, columns}.",
    ["ndjson", "select", "ndjson"],
  ),
  template(
    "ndjson-group-by",
    "Groups the records of NDJSON files by one or more members: params.app {by, aggregates}.",
    ["ndjson", "group-by", "reduce"],
  ),
  template("ndjson-to-csv", "Turns NDJSON files into one CSV; params.app {columns} names the members to keep.", [
    "ndjson",
    "select",
    "csv",
  ]),
  template("word-count", "Counts the words of text files: a CSV word,count sorted by word.", [
    "lines",
    "word-count",
    "reduce",
  ]),
  template("checksum-objects", "SHA-256 of every object of a source: NDJSON of {key, size, sha256}, sorted by key.", [
    "objects",
    "checksum",
    "ndjson",
  ]),
  template("copy", "Copies every object of a source to the destination, each under <number>_<its name>.", [
    "objects",
    "passthrough",
    "passthrough",
  ]),
  template(
    "zip-objects",
    "Packs all objects of a source into one zip archive (stored), each under <number>_<its name>.",
    ["objects", "passthrough", "zip"],
  ),
  template("join", "Joins all objects of a source into one, in byte order of their keys.", [
    "passthrough",
    "passthrough",
    "concat",
  ]),
  template(
    "split-lines",
    "Cuts text files into smaller ones, never within a line; config.maxChunkSize or params.partitioner.chunks says how large.",
    ["lines", "passthrough", "passthrough"],
  ),
  template(
    "split-bytes",
    "Cuts objects into pieces of a fixed size (the last may be smaller); config.maxChunkSize says how large.",
    ["bytes", "passthrough", "passthrough"],
  ),
  template(
    "replicas",
    "A job without data: params.partitioner {replicas} chunks (config.replicationFactor by default), their numbers one a line.",
    ["replicate-fanout", "passthrough", "concat"],
  ),
  template("numbers", 'A job without data: numbers or frames by params.partitioner {"range": "1-240"}, one a line.', [
    "range",
    "passthrough",
    "concat",
  ]),
];

export const findTemplate = (id: string): TemplateInfo | undefined => templates.find((info) => info.id === id);
