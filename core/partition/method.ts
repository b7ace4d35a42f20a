import {
  checkReplicas,
  checkSizing,
  ObjectGrouper,
  type ObjectGrouping,
  planRange,
  type RangePlan,
  type SizingConfig,
} from "../chunks/index.ts";
import type { JobConfig, Params, SpecItem } from "../contracts/job-items.ts";
import type { InputFormat } from "../contracts/parts.ts";
import { InvalidInputError, JobJobError } from "../errors.ts";
import {
  bytesParams,
  csvParams,
  linesParams,
  objectsParams,
  passthroughParams,
  rangeParams,
  replicasParams,
} from "./params.ts";

/** How a job's source becomes chunks: the partitioner's name and params, checked. */
export type PartitionMethod =
  | { readonly kind: "whole" }
  | { readonly kind: "bytes"; readonly sizing: SizingConfig }
  | { readonly kind: "records"; readonly sizing: SizingConfig; readonly input: InputFormat }
  | { readonly kind: "objects"; readonly grouping: ObjectGrouping }
  | { readonly kind: "replicas"; readonly count: number }
  | { readonly kind: "range"; readonly plan: RangePlan };

export interface MethodInput {
  /** The partitioner's name. */
  readonly name: string;
  readonly params: Pick<Params, "partitioner">;
  readonly config: Pick<JobConfig, "minChunkSize" | "maxChunkSize" | "replicationFactor" | "partitioningSettings">;
}

/** params.partitioner over its defaults, config.partitioningSettings. */
export function mergedParams(spec: {
  readonly params: Pick<Params, "partitioner">;
  readonly config: Pick<JobConfig, "partitioningSettings">;
}): Record<string, unknown> {
  return { ...spec.config.partitioningSettings, ...spec.params.partitioner };
}

/** @throws InvalidInputError INVALID_PARAMS naming the field; JobJobError PARTITIONER_UNKNOWN */
export function partitionMethod(input: MethodInput): PartitionMethod {
  const make = METHODS[input.name];
  if (!make) {
    throw new JobJobError({
      code: "PARTITIONER_UNKNOWN",
      message: `There is no partitioner ${JSON.stringify(input.name)}; built in are ${Object.keys(METHODS).join(", ")}.`,
    });
  }
  return make(input);
}

export const methodOf = (spec: Pick<SpecItem, "params" | "config" | "blocks">): PartitionMethod =>
  partitionMethod({ name: spec.blocks.partitioner, params: spec.params, config: spec.config });

/** Whether chunks come from the source's bytes; where it's optional the chunks exist without one too. */
export function needsSource(method: PartitionMethod): "required" | "optional" | "none" {
  if (method.kind === "range") return "none";
  return method.kind === "whole" || method.kind === "replicas" ? "optional" : "required";
}

const METHODS: Readonly<Record<string, (input: MethodInput) => PartitionMethod>> = {
  passthrough: (input) => {
    parse(passthroughParams, input);
    return { kind: "whole" };
  },
  bytes: (input) => ({ kind: "bytes", sizing: sizingOf(parse(bytesParams, input), input.config) }),
  lines: (input) => lineBased("lines", input),
  ndjson: (input) => lineBased("ndjson", input),
  csv: (input) => {
    const {
      delimiter = ",",
      header = true,
      quotedNewlines = "auto",
      maxRecordBytes,
      ...sizes
    } = parse(csvParams, input);
    const sizing = sizingOf(sizes, input.config);
    const format = { format: "csv", delimiter, header, quotedNewlines } as const;
    return { kind: "records", sizing, input: { ...format, ...longest(maxRecordBytes) } };
  },
  objects: (input) => {
    const { objectsPerChunk, bytesPerChunk, include, exclude } = parse(objectsParams, input);
    // A chunk is one task's work: by bytes alone, a thousand tiny objects are enough.
    const limit = objectsPerChunk || (bytesPerChunk ? MAX_SET : 0);
    const grouping: ObjectGrouping = { objectsPerChunk: limit, bytesPerChunk, include, exclude };
    new ObjectGrouper(grouping); // its constructor checks the globs
    return { kind: "objects", grouping };
  },
  "replicate-fanout": replicas,
  "fanout-replica": replicas,
  range: (input) => {
    const { range, perChunk } = parse(rangeParams, input);
    return { kind: "range", plan: planRange(range, perChunk) };
  },
};

/** Objects of one chunk at most: so many lines of the table of sources a task may hold in memory. */
const MAX_SET = 1_000;

function lineBased(format: "lines" | "ndjson", input: MethodInput): PartitionMethod {
  const { maxRecordBytes, ...sizes } = parse(linesParams, input);
  return { kind: "records", sizing: sizingOf(sizes, input.config), input: { format, ...longest(maxRecordBytes) } };
}

function replicas(input: MethodInput): PartitionMethod {
  const given = parse(replicasParams, input).replicas;
  return { kind: "replicas", count: checkReplicas(given ?? (input.config.replicationFactor || 1)) };
}

const longest = (maxRecordBytes: number | undefined) => (maxRecordBytes === undefined ? {} : { maxRecordBytes });

function sizingOf(params: SizingConfig, config: MethodInput["config"]): SizingConfig {
  const sizing = {
    chunks: params.chunks,
    minChunkSize: params.minChunkSize ?? config.minChunkSize,
    maxChunkSize: params.maxChunkSize ?? config.maxChunkSize,
  };
  checkSizing(sizing, params.minChunkSize === undefined ? "config" : "params.partitioner");
  return sizing;
}

interface Schema<T> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: {
          readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
        };
      };
}

function parse<T>(schema: Schema<T>, input: MethodInput): T {
  const result = schema.safeParse(mergedParams(input));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).map(String);
  const field = path[0];
  // The remedy lies where the value came from.
  const fromSettings =
    field !== undefined && !(field in input.params.partitioner) && field in input.config.partitioningSettings;
  const root = fromSettings ? "config.partitioningSettings" : "params.partitioner";
  throw new InvalidInputError([root, ...path].join("."), `${issue?.message ?? "is invalid"}`);
}
