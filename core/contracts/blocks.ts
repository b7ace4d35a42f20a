/**
 * What JobJob knows of a block (partitioner, app, assembler) without running it: enough to check params at edit and at
 * run, to choose formats, and to size batches. The built-in ones are listed in apps/catalog.ts.
 */
import type * as z from "zod";
import type { InputFormat } from "./parts.ts";
import type { ResultFormat } from "./worker.ts";

interface BlockInfo {
  /** [A-Za-z0-9_-]{1,64}. */
  readonly name: string;
  /** "major.minor". */
  readonly version: string;
  readonly description: string;
  /** Checks `params.<kind>`; its messages name the field and the remedy. Strict: unknown params are refused. */
  readonly params: z.ZodType<Record<string, unknown>>;
}

export interface PartitionerInfo extends BlockInfo {
  readonly kind: "partitioner";
  /** What it cuts: the bytes or records of each object, the set of objects, or nothing (generators). */
  readonly cuts: "bytes" | "records" | "objects" | "nothing";
  /** How the chunks' records are told apart, from params.partitioner merged over config.partitioningSettings. */
  inputFormat(params: Readonly<Record<string, unknown>>): InputFormat;
}

export interface AppInfo extends BlockInfo {
  readonly kind: "app";
  /** Declared seconds a typical task takes; sizes the batches until there are measurements. */
  readonly taskSeconds: number;
  /** Which chunks it can work on; another partitioner is refused at create and at run. */
  readonly accepts: readonly PartitionerInfo["cuts"][];
  /** `records` follow the assembler's format; `bytes` are merged as they are; an `accumulator` needs the `reduce` assembler. */
  readonly produces: "records" | "bytes" | "accumulator";
}

export interface AssemblerInfo extends BlockInfo {
  readonly kind: "assembler";
  /** The format in which results must be written for it; `input` = like the input (csv stays csv, ndjson stays ndjson). */
  readonly takes: ResultFormat | "input";
  /** One output file of this name (params.assembler.name wins), or null: as many as there are results. */
  readonly outputName: string | null;
}
export type Block = PartitionerInfo | AppInfo | AssemblerInfo;

/** A named combination that jobs are made from. */
export interface TemplateInfo {
  readonly id: string;
  readonly description: string;
  readonly app: string;
  readonly partitioner: string;
  readonly assembler: string;
  readonly params: { readonly partitioner?: object; readonly app?: object; readonly assembler?: object };
  readonly config?: Readonly<Record<string, unknown>>;
}
