import { expect, it } from "vitest";
import { CapturedLog } from "../../../adapters/memory/index.ts";
import { JsonLog } from "../../../adapters/system/index.ts";
import { tellRepairs } from "../../../lambdas/sweep/metric.ts";

const report = {
  looked: 4,
  repairs: [
    { jobId: "A", kind: "START", what: "started the run" },
    { jobId: "B", kind: "GATES", what: "closed gates" },
    { jobId: "B", kind: "EXECUTION", what: "stopped it" },
    { jobId: "C", kind: "START", what: "started the run" },
  ],
} as const;

it("counts repairs by kind, each a line that CloudWatch reads as a metric", () => {
  const lines: string[] = [];
  const log = new JsonLog({ write: (line) => lines.push(line), context: { fn: "sweep" } });

  tellRepairs(log, 1_767_225_600_000, report);

  const told = lines.map((line) => JSON.parse(line));
  expect(told.map(({ kind, Repairs }) => [kind, Repairs])).toEqual([
    ["START", 2],
    ["GATES", 1],
    ["EXECUTION", 1],
  ]);
  for (const line of told) {
    // The format's own rule: what a metric or dimension is named is a field of the line itself.
    const { Timestamp, CloudWatchMetrics } = line._aws;
    expect(Timestamp).toBe(1_767_225_600_000);
    expect(CloudWatchMetrics).toEqual([
      { Namespace: "JobJob", Dimensions: [["kind"]], Metrics: [{ Name: "Repairs", Unit: "Count" }] },
    ]);
    for (const name of CloudWatchMetrics[0].Dimensions.flat()) expect(typeof line[name]).toBe("string");
    for (const { Name } of CloudWatchMetrics[0].Metrics) expect(typeof line[Name]).toBe("number");
  }
});

it("says nothing when nothing was repaired", () => {
  const log = new CapturedLog();

  tellRepairs(log, 0, { looked: 9, repairs: [] });

  expect(log.lines).toEqual([]);
});
