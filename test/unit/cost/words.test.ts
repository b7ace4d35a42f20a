import { describe, expect, it } from "vitest";
import { costLine, costRows } from "../../../cli/cost.ts";
import type { CostRecord, JobRecord } from "../../../core/contracts/api/records.ts";
import { measured } from "../../../core/cost/index.ts";

const SHAPE = { batches: 10, claims: 10, bytes: 1e8, runs: 1 };
const stats = { downloadBytes: 1e8, uploadBytes: 0, downloadMs: 0, processMs: 100_000, uploadMs: 0, restarts: 0 };

/** 100 s of tasks were declared. */
const job = (cost: CostRecord | null, more: Partial<Pick<JobRecord, "run" | "stats" | "estimatedCost">> = {}) => ({
  cost,
  estimatedCost: { ...measured({ ...SHAPE, workerMs: 100_000 }) },
  stats,
  run: 1,
  ...more,
});

describe("the cost line", () => {
  it("says that all went as estimated", () => {
    const line = costLine(job({ ...measured({ ...SHAPE, workerMs: 100_000 }) }));

    expect(line).toBe("cost $0.0048, estimated $0.0048 (as estimated)");
  });

  it("names the tasks' time when that is the difference", () => {
    const quick = { ...measured({ ...SHAPE, workerMs: 40_000 }) };

    const line = costLine(job(quick, { stats: { ...stats, processMs: 40_000 } }));

    expect(line).toMatch(/^cost \$0\.0034, estimated \$0\.0048 \(−29 %\): tasks took 40 s in all, not the 1 m 40 s/);
    expect(line).not.toContain("tried again");
  });

  it("names retries, and further runs, when there was more to the workflow", () => {
    const again = { ...measured({ ...SHAPE, claims: 40, workerMs: 100_000 }) };

    expect(costLine(job(again))).toContain("tasks were tried again");
    expect(costLine(job(again, { run: 3 }))).toContain("there were 3 runs");
  });

  it("names results that were large", () => {
    const large = { ...measured({ ...SHAPE, workerMs: 100_000, resultBytes: 2e9 }) };

    const line = costLine(job(large, { stats: { ...stats, uploadBytes: 2e9 } }));

    expect(line).toContain("results of 1.9 GiB were written");
  });

  it("is none without both sides", () => {
    expect(costLine(job(null))).toBeNull();
    expect(costLine(job({ ...measured({ ...SHAPE, workerMs: 1 }) }, { estimatedCost: null }))).toBeNull();
  });
});

it("has a row for each kind and their sum, estimated beside measured", () => {
  const rows = costRows(job({ ...measured({ ...SHAPE, workerMs: 40_000 }) }));

  expect(rows.map(([kind]) => kind)).toEqual(["App", "Workflow", "Functions", "Table", "Storage", "In all"]);
  expect(rows.at(-1)).toEqual(["In all", "$0.0048", "$0.0034"]);
});
