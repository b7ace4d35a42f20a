/** `config` on the wire, its defaults, and its way back out. */
import * as z from "zod";
import { checkSizing } from "../../chunks/index.ts";
import type { JobConfig } from "../job-items.ts";
import { freeObject, jsonBytes, optional, wireBoolean, wireInt, wireNumber, wireObject } from "./input.ts";

/** Like params: job and specification must fit their items. */
const SETTINGS_BYTES = 64 * 1024;

/** Sizes in bytes, 0 = unset; times in seconds unless named ms. Every field may be missing, null or text. */
export const configInput = wireObject({
  minChunkSize: optional(wireInt(0)),
  maxChunkSize: optional(wireInt(0)),
  replicationFactor: optional(wireInt(0, 10_000_000)),
  partitioningSettings: optional(
    freeObject.refine((settings) => jsonBytes(settings) <= SETTINGS_BYTES, `is over ${SETTINGS_BYTES / 1024} KB`),
  ),
  taskTimeout: optional(wireInt(0, 840)),
  jobTimeout: optional(wireInt(0, 300 * 86_400)),
  isTestJob: optional(wireBoolean),
  maxTaskRetries: optional(wireInt(0, 20)),
  maxConcurrency: optional(wireInt(1, 10_000)),
  retryBackoff: optional(
    wireObject({
      initialMs: optional(wireInt(0, 3_600_000)),
      rate: optional(wireNumber(1, 100)),
      maxMs: optional(wireInt(0, 86_400_000)),
    }),
  ),
  toleratedFailurePercentage: optional(wireNumber(0, 100)),
  failFast: optional(wireBoolean),
  overwrite: optional(wireBoolean),
  gracePeriod: optional(wireInt(0, 30 * 86_400)),
});
export type ConfigInput = z.infer<typeof configInput>;

export const DEFAULT_CONFIG: JobConfig = {
  minChunkSize: 0,
  maxChunkSize: 0,
  replicationFactor: 0,
  partitioningSettings: {},
  taskTimeout: 300,
  jobTimeout: 86_400,
  isTestJob: false,
  maxTaskRetries: 2,
  maxConcurrency: null,
  retryBackoff: { initialMs: 1_000, rate: 2, maxMs: 60_000 },
  toleratedFailurePercentage: 0,
  failFast: false,
  overwrite: false,
  gracePeriod: 0,
};

/**
 * What stands in `over` wins. A timeout of 0 is ByteNite's word for "unset".
 * @throws InvalidInputError for chunk sizes that contradict each other
 */
export function mergeConfig(base: JobConfig, over: ConfigInput | undefined): JobConfig {
  if (!over) return base;
  const given = Object.fromEntries(Object.entries(over).filter(([, value]) => value !== undefined));
  const merged: JobConfig = {
    ...base,
    ...given,
    taskTimeout: over.taskTimeout || base.taskTimeout,
    jobTimeout: over.jobTimeout || base.jobTimeout,
    retryBackoff: {
      initialMs: over.retryBackoff?.initialMs ?? base.retryBackoff.initialMs,
      rate: over.retryBackoff?.rate ?? base.retryBackoff.rate,
      maxMs: over.retryBackoff?.maxMs ?? base.retryBackoff.maxMs,
    },
  };
  checkSizing({ minChunkSize: merged.minChunkSize, maxChunkSize: merged.maxChunkSize }, "config");
  return merged;
}

/** int64 values go out as text. */
export const configRecord = z.strictObject({
  minChunkSize: z.string(),
  maxChunkSize: z.string(),
  replicationFactor: z.number(),
  partitioningSettings: z.record(z.string(), z.unknown()),
  taskTimeout: z.number(),
  jobTimeout: z.number(),
  isTestJob: z.boolean(),
  maxTaskRetries: z.number(),
  maxConcurrency: z.number().nullable(),
  retryBackoff: z.strictObject({ initialMs: z.number(), rate: z.number(), maxMs: z.number() }),
  toleratedFailurePercentage: z.number(),
  failFast: z.boolean(),
  overwrite: z.boolean(),
  gracePeriod: z.number(),
});
export type ConfigRecord = z.infer<typeof configRecord>;

export const configOut = (config: JobConfig): ConfigRecord => ({
  ...config,
  minChunkSize: String(config.minChunkSize),
  maxChunkSize: String(config.maxChunkSize),
});
