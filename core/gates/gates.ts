/** Gates: exact counts of tasks by state, and the fence that every claim and commit passes. */
import {
  COUNT_NAMES,
  type CountName,
  type Counts,
  type GateItem,
  gateItem,
  STAT_NAMES,
  type Stats,
} from "../contracts/progress-items.ts";
import { parseItem } from "../job/load.ts";
import { gateKey } from "../keys/item-keys.ts";
import type { Condition, Table } from "../ports/index.ts";
import type { StoredTaskState } from "../states/task-states.ts";

/** (run, round): a run's rounds are counted by settle and plan. */
export interface Epoch {
  readonly run: number;
  readonly round: number;
}

export const sameEpoch = (a: Epoch, b: Epoch): boolean => a.run === b.run && a.round === b.round;
export const isBefore = (a: Epoch, b: Epoch): boolean => a.run < b.run || (a.run === b.run && a.round < b.round);

export const epochIs = (e: Epoch): readonly Condition[] => [{ eq: ["run", e.run] }, { eq: ["round", e.round] }];

/** Which count a task of a state is in. */
export const COUNT_OF: Readonly<Record<StoredTaskState, CountName>> = {
  QUEUED: "queued",
  ACTIVE: "active",
  COMPLETED: "completed",
  PARTIAL: "partial",
  SOFT_FAILED: "softFailed",
  FAILED: "failed",
  SKIPPED: "skipped",
};

export const NO_COUNTS: Counts = {
  queued: 0,
  active: 0,
  completed: 0,
  partial: 0,
  softFailed: 0,
  failed: 0,
  skipped: 0,
};
export const NO_STATS: Stats = {
  downloadBytes: 0,
  uploadBytes: 0,
  downloadMs: 0,
  processMs: 0,
  uploadMs: 0,
  claims: 0,
  rejected: 0,
};

export interface GateSum {
  readonly counts: Counts;
  readonly stats: Stats;
  /** When the job's first task began, ms; undefined before that. */
  readonly startedAt: number | undefined;
  /** The latest claim or commit, ms. */
  readonly movedAt: number | undefined;
}

/** Each gate's own sum is invariant, so even reads of different moments add up to the total. */
export function sumGates(gates: readonly GateItem[]): GateSum {
  const counts = { ...NO_COUNTS } as Record<CountName, number>;
  const stats = { ...NO_STATS } as Record<(typeof STAT_NAMES)[number], number>;
  for (const gate of gates) {
    for (const name of COUNT_NAMES) counts[name] += gate[name];
    for (const name of STAT_NAMES) stats[name] += gate[name];
  }
  const starts = gates.flatMap((gate) => gate.startedAt ?? []);
  const moves = gates.flatMap((gate) => gate.movedAt ?? []);
  return {
    counts,
    stats,
    startedAt: starts.length > 0 ? Math.min(...starts) : undefined,
    movedAt: moves.length > 0 ? Math.max(...moves) : undefined,
  };
}

export const totalOf = (counts: Counts): number => COUNT_NAMES.reduce((sum, name) => sum + counts[name], 0);
export const unfinishedOf = (counts: Counts): number => counts.queued + counts.active + counts.softFailed;
export const endedOf = (counts: Counts): number => totalOf(counts) - unfinishedOf(counts);

/** A job goes on while `failed × 100 ≤ tolerated × total`; PARTIAL never counts. */
export const withinTolerance = (failed: number, tolerated: number, total: number): boolean =>
  failed * 100 <= tolerated * total;

/** Consistent read of a job's gates; fewer than `gates` while the first plan is still making them. */
export async function loadGates(
  table: Table,
  jobId: string,
  generation: number,
  gates: number,
): Promise<readonly GateItem[]> {
  const keys = Array.from({ length: gates }, (_, k) => gateKey(jobId, generation, k));
  return (await table.batchGet(keys, { consistent: true })).map((item) => parseItem(gateItem, item));
}
