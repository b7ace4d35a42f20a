import { describe, expect, it } from "vitest";
import { estimate, measured, PRICES, priceOf, usageOf, WORKER_GB, type Work } from "../../../core/cost/index.ts";

describe("the estimate", () => {
  it("stays below $1.25 per million one-second tasks beside the app's own GB-seconds", () => {
    const { cost, batches } = estimate({ tasks: 1_000_000, taskSeconds: 1, workers: 500, bytes: 0 });

    expect(batches).toBe(5_556);
    expect(cost.usd - cost.appUsd).toBeLessThan(1.25);
    expect(cost.appUsd).toBeCloseTo(1_000_000 * (1_769 / 1_024) * 0.0000133334, 6);
  });

  it("has the transitions of a million one-second tasks as most of their orchestration", () => {
    const { cost } = estimate({ tasks: 1_000_000, taskSeconds: 1, workers: 500, bytes: 0 });

    expect(cost.workflowUsd).toBeCloseTo((5_556 * 6 + 19) * PRICES.transition, 8);
    expect(cost.workflowUsd / (cost.usd - cost.appUsd)).toBeGreaterThan(0.8);
  });

  it("is what a job without tasks costs when there are none", () => {
    const { usage, byteChips } = estimate({ tasks: 0, taskSeconds: 1, workers: 8, bytes: 0 });

    expect({ transitions: usage.transitions, requests: usage.requests, byteChips }).toEqual({
      transitions: 19,
      requests: 8,
      byteChips: 0,
    });
  });

  it("reads bytes in windows, and whole objects one by one", () => {
    const of = (shape: { bytes: number; objects?: number }): number =>
      estimate({ tasks: 10, taskSeconds: 1, workers: 1, ...shape }).usage.gets;

    expect(of({ bytes: 1024 ** 3 }) - of({ bytes: 512 * 1024 ** 2 })).toBe(128);
    expect(of({ bytes: 1, objects: 500 }) - of({ bytes: 1, objects: 100 })).toBe(400);
  });

  it("writes each object of an output, and begins, copies and completes each that goes to a bucket of the user's", () => {
    const puts = (outputs: number, delivered: boolean): number =>
      estimate({ tasks: 100, taskSeconds: 1, workers: 1, bytes: 0, outputs, delivered }).usage.puts;

    expect(puts(40, false) - puts(10, false)).toBe(30);
    expect(puts(40, true) - puts(10, true)).toBe(30 + 3 * 30);
  });
});

describe("the measured cost", () => {
  const once = { batches: 10, claims: 10, workerMs: 1_000, bytes: 0, runs: 1 };

  it("is the estimate when all went as the app declared", () => {
    const { cost, batches } = estimate({ tasks: 100_000, taskSeconds: 1, workers: 500, bytes: 1e9 });

    const counted = measured({
      batches,
      claims: batches,
      batchSize: 180,
      workers: 500,
      workerMs: 1e8,
      bytes: 1e9,
      runs: 1,
    });

    expect(counted).toEqual(cost);
  });

  it("charges further claims with half a batch's transitions, and further runs with the way through the workflow", () => {
    const further = measured({ ...once, claims: 20 }).workflowUsd - measured(once).workflowUsd;
    const runs = measured({ ...once, runs: 2 }).workflowUsd - measured(once).workflowUsd;

    expect(further).toBeCloseTo(10 * 3 * PRICES.transition, 12);
    expect(runs).toBeCloseTo(19 * PRICES.transition, 12);
  });

  it("charges results that need uploads of parts", () => {
    const results = (resultBytes: number): number => measured({ ...once, resultBytes }).storageUsd;

    // 100 MiB a batch: an upload begun, 20 parts, completed, in place of one PUT; merged by copies of the ten packs.
    expect(results(1_000 * 1024 ** 2) - results(0)).toBeCloseTo((10 * 21 + 11) * PRICES.put, 9);
  });

  it("is nothing before the first run", () => {
    expect(measured({ ...once, runs: 0 }).usd).toBe(0);
  });
});

describe("what a job uses", () => {
  const work: Work = {
    batches: 4,
    claims: 4,
    gates: 1,
    workers: 4,
    batchSize: 180,
    appSeconds: 0,
    input: { from: "nothing" },
    results: { objects: 1, bytes: 0 },
    delivered: false,
  };

  it("is a fixed part, 6 transitions and 8 write units a batch, 4 write units a gate", () => {
    const { transitions, writeUnits } = usageOf(work);
    const more = usageOf({ ...work, batches: 8, claims: 8, gates: 2 });

    expect({ transitions, writeUnits }).toEqual({ transitions: 19 + 24, writeUnits: 104 + 32 });
    expect(more.transitions - transitions).toBe(24);
    expect(more.writeUnits - writeUnits).toBe(32 + 4);
  });

  it("has a look at the control hint for every 9.5 seconds of a claim", () => {
    const gets = (appSeconds: number): number => usageOf({ ...work, appSeconds }).gets - usageOf(work).gets;

    expect([gets(4 * 9), gets(4 * 180)]).toEqual([0, 4 * 18]);
  });

  it("pays the app's time by its worker's memory", () => {
    const { appGbSeconds } = usageOf({ ...work, appSeconds: 100 });

    expect(appGbSeconds).toBeCloseTo(100 * WORKER_GB, 9);
    expect(priceOf(usageOf({ ...work, appSeconds: 100 })).appUsd).toBeCloseTo(100 * WORKER_GB * PRICES.gbSecond, 8);
  });
});
