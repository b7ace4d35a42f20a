/** A job's cost as people read it: measured beside estimated, and what lies between the two. */
import type { CostRecord, JobRecord } from "../core/contracts/api/records.ts";
import { PRICES, WORKER_GB } from "../core/cost/index.ts";
import { humanBytes, humanDuration, humanUsd } from "./human.ts";

type Costed = Pick<JobRecord, "cost" | "estimatedCost" | "stats" | "run">;

/** A difference that is less than this share of the estimate isn't worth a word. */
const WORTH_A_WORD = 0.05;

/**
 * "cost $0.0021, estimated $0.0034 (−38 %): tasks took 41 s in all, not the 1 m 20 s that the app declares"; null when there are
 * no two sides to compare.
 */
export function costLine(job: Costed): string | null {
  const { cost, estimatedCost } = job;
  if (!cost || !estimatedCost) return null;
  const reasons = differences(job, cost, estimatedCost);
  const why = reasons.length === 0 ? "" : `: ${reasons.join("; ")}`;
  return `cost ${humanUsd(cost.usd)}, estimated ${humanUsd(estimatedCost.usd)} (${percent(cost.usd, estimatedCost.usd)})${why}`;
}

const percent = (measured: number, estimated: number): string => {
  const rounded = Math.round((measured / estimated - 1) * 100);
  return rounded === 0 ? "as estimated" : `${rounded < 0 ? "−" : "+"}${Math.abs(rounded)} %`;
};

/** What explains it, by the kinds of cost that differ. */
function differences({ stats, run }: Costed, cost: CostRecord, estimated: CostRecord): readonly string[] {
  const isFar = (kind: keyof CostRecord): boolean =>
    Math.abs(cost[kind] - estimated[kind]) >= WORTH_A_WORD * estimated.usd;
  const reasons: string[] = [];
  if (isFar("appUsd")) {
    const declared = estimated.appUsd / (PRICES.gbSecond * WORKER_GB);
    const took = (stats.downloadMs + stats.processMs + stats.uploadMs) / 1_000;
    reasons.push(`tasks took ${humanDuration(took)} in all, not the ${humanDuration(declared)} that the app declares`);
  }
  if (isFar("workflowUsd")) {
    const more = cost.workflowUsd > estimated.workflowUsd;
    reasons.push(more ? (run > 1 ? `there were ${run} runs` : "tasks were tried again") : "not all tasks were run");
  }
  if (isFar("storageUsd")) reasons.push(`results of ${humanBytes(stats.uploadBytes)} were written`);
  return reasons;
}

/** Rows of kind, estimated, measured. */
export function costRows({ cost, estimatedCost }: Costed): readonly (readonly [string, string, string])[] {
  const usd = (record: CostRecord | null, kind: keyof CostRecord): string => (record ? humanUsd(record[kind]) : "-");
  return KINDS.map(([name, kind]) => [name, usd(estimatedCost, kind), usd(cost, kind)]);
}

const KINDS = [
  ["App", "appUsd"],
  ["Workflow", "workflowUsd"],
  ["Functions", "functionsUsd"],
  ["Table", "tableUsd"],
  ["Storage", "storageUsd"],
  ["In all", "usd"],
] as const satisfies readonly (readonly [string, keyof CostRecord])[];

export const costPairs = (cost: CostRecord): readonly (readonly [string, string])[] =>
  KINDS.map(([name, kind]) => [name, humanUsd(cost[kind])]);

/** What the figures are, and what they aren't. */
export const COST_NOTE =
  "List prices of us-east-1 on the claims, times and bytes that were counted, beside one run without retries whose tasks take what the app declares. API calls, events, logs, storage by the month and free tiers are not in it: it is no bill.";
