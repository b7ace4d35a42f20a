/** Gate and batch items: counts and task states. Written by: plan, claim, commit, settle. Read by: those, sweep, api. */
import * as z from "zod";

/** Counts of tasks by state; their sum never changes within a generation. */
export const COUNT_NAMES = ["queued", "active", "completed", "partial", "softFailed", "failed", "skipped"] as const;
export type CountName = (typeof COUNT_NAMES)[number];
export type Counts = Readonly<Record<CountName, number>>;

/** Sums over all committed claims, of all runs. Bytes and milliseconds. */
export const STAT_NAMES = [
  "downloadBytes",
  "uploadBytes",
  "downloadMs",
  "processMs",
  "uploadMs",
  "claims",
  "rejected",
] as const;
export type StatName = (typeof STAT_NAMES)[number];
export type Stats = Readonly<Record<StatName, number>>;

export const GATE_MODES = ["open", "held", "closed"] as const;
export type GateMode = (typeof GATE_MODES)[number];

/** The round of a fence that ends a run: above every round. */
export const ROUND_END = 1_000_000;

const count = z.int().min(0);
export const gateItem = z.object({
  pk: z.string(),
  sk: z.literal("GATE"),
  /** Epoch: run and round. */
  run: z.int(),
  round: z.int(),
  mode: z.enum(GATE_MODES),
  opened: z.boolean(),
  /** When the first task of the job (of this gate) began. */
  startedAt: z.int().optional(),
  /** Latest claim or commit. */
  movedAt: z.int().optional(),
  queued: count,
  active: count,
  completed: count,
  partial: count,
  softFailed: count,
  failed: count,
  skipped: count,
  downloadBytes: count,
  uploadBytes: count,
  downloadMs: count,
  processMs: count,
  uploadMs: count,
  claims: count,
  rejected: z.int(),
});
export type GateItem = z.infer<typeof gateItem>;

export const batchItem = z.object({
  pk: z.string(),
  sk: z.string(),
  /** The epoch of the latest claim. */
  run: z.int(),
  round: z.int(),
  claim: z.int(),
  inHand: z.boolean(),
  /** The latest consumed claim and the answer its commit gave, so that a repeated call gets the same one. */
  last: z.object({ claim: z.int(), answer: z.record(z.string(), z.unknown()) }).optional(),
  /** Packed task states (core/batches/packed-states.ts). */
  tasks: z.string(),
  /** Earliest next attempt of the soft-failed ones, ms. */
  retryAt: z.int().optional(),
  resetRun: z.int().optional(),
  /** Workers of this batch that died in a row without any task's end or announcement. */
  deaths: z.int().optional(),
  /** Workers in a row that weren't started, or couldn't work at all. */
  idle: z.int().optional(),
  /** The latest claims that were superseded, or consumed without an index. */
  lost: z.array(z.int()).optional(),
});
export type BatchItem = z.infer<typeof batchItem>;
