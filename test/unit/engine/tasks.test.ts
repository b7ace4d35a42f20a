import { describe, expect, it } from "vitest";
import { withFaults } from "../../../adapters/memory/index.ts";
import type { ChildInput, Hand } from "../../../core/contracts/workflow.ts";
import { JobJobError } from "../../../core/errors.ts";
import { totalOf } from "../../../core/gates/gates.ts";
import { claim } from "../../../core/steps/claim.ts";
import { commit } from "../../../core/steps/commit.ts";
import { plan } from "../../../core/steps/plan.ts";
import { settle } from "../../../core/steps/settle.ts";
import { sweep } from "../../../core/steps/sweep.ts";
import {
  children,
  counts,
  type Engine,
  JOB,
  job,
  makeEngine,
  putTasksJob,
  type Verdict,
  work,
} from "../../helpers/engine.ts";

const INPUT = { jobId: JOB, run: 1 };

/** Runs a child to its end as the Map would; the clock jumps over waits. */
async function runChild(engine: Engine, input: ChildInput, verdict: Verdict): Promise<number> {
  let hand = await claim(engine, input);
  for (let rounds = 1; ; rounds++) {
    const result = await work(engine, input, hand, verdict);
    hand = await commit(engine, { ...input, hand, result });
    if (hand.next === "done") return rounds;
    if (hand.next === "wait") {
      engine.clock.advance((hand.seconds ?? 1) * 1_000);
      hand = await claim(engine, { ...input, hand });
    }
  }
}

async function planned(engine: Engine): Promise<ChildInput[]> {
  return children(engine, await plan(engine, INPUT));
}

describe("plan", () => {
  it("opens the gates, names table and work spec, and hands out every batch", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 1_000, { taskSeconds: 1 });

    const batches = await planned(engine);

    expect(batches.map((child) => child.b.count).reduce((a, b) => a + b)).toBe(1_000);
    expect(await job(engine)).toMatchObject({ state: "PARTITIONED", round: 1, tasks: 1_000, batches: batches.length });
    expect(await counts(engine)).toMatchObject({ queued: 1_000, active: 0 });
  });

  it("called twice answers the same batches and resets nothing", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 40);
    const [first] = await planned(engine);
    if (!first) throw new Error("no batch");
    await claim(engine, first);

    const again = await planned(engine);

    expect(again[0]?.b).toEqual(first.b);
    expect(await counts(engine)).toMatchObject({ queued: 20, active: 20 });
  });

  it("is superseded by another run", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);

    const answer = await plan(engine, { jobId: JOB, run: 2 });

    expect(answer).toEqual({ next: "superseded" });
    expect((await job(engine)).state).toBe("PARTITIONING");
  });

  it("sends a job without tasks straight to settle", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 0);

    const answer = await plan(engine, INPUT);

    expect(answer).toMatchObject({ next: "settle", round: 1 });
    expect(await settle(engine, { ...INPUT, step: answer })).toEqual({ next: "assemble" });
    expect((await job(engine)).state).toBe("TASKS_COMPLETED");
  });
});

describe("claim and commit", () => {
  it("complete a batch in one round and keep fresh and finished items small", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 360);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");

    const rounds = await runChild(engine, child, () => "C");

    expect(rounds).toBe(1);
    expect(await counts(engine)).toMatchObject({ completed: child.b.count, active: 0 });
    const item = engine.table.dump().find((entry) => entry.sk.startsWith("BATCH#"));
    expect(item?.tasks).toBe(`${child.b.count}C1:1`);
    expect(JSON.stringify(item).length).toBeLessThan(300);
  });

  it("retry a failed task with backoff up to its attempts, then fail it", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 5);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");
    const attempts: number[] = [];
    const before = engine.clock.now();

    await runChild(engine, child, (ordinal, attempt) => {
      if (ordinal !== 3) return "C";
      attempts.push(attempt);
      return "F";
    });

    expect(attempts).toEqual([1, 2, 3]);
    expect(engine.clock.now() - before).toBeGreaterThanOrEqual(1_000);
    expect(await counts(engine)).toMatchObject({ completed: 4, failed: 1, softFailed: 0 });
  });

  it("fail a permanent error at once and count a PARTIAL as completed", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 3);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");

    await runChild(engine, child, (ordinal) => (["X", "P", "K"] as const)[ordinal]);

    expect(await counts(engine)).toMatchObject({ failed: 1, partial: 1, skipped: 1, completed: 0 });
  });

  it("hand back what was deferred and take it again in the same transaction", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");
    const hand = await claim(engine, child);
    const result = await work(engine, child, hand, (ordinal) => (ordinal < 4 ? "C" : undefined));

    const next = await commit(engine, { ...child, hand, result });

    expect(next).toMatchObject({ next: "again", claim: 2, tasks: "4-9", attempts: [] });
    expect(await counts(engine)).toMatchObject({ completed: 4, active: 6, queued: 0 });
  });

  it("count a repeated commit once and answer it the same (I3)", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");
    const hand = await claim(engine, child);
    const result = await work(engine, child, hand, (ordinal) => (ordinal === 0 ? "F" : "C"));

    const first = await commit(engine, { ...child, hand, result });
    const second = await commit(engine, { ...child, hand, result });

    expect(second).toEqual(first);
    expect(await counts(engine)).toMatchObject({ completed: 9, softFailed: 1 });
  });

  it("refuse a superseded claim: its results count nowhere (I3)", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");
    const old = await claim(engine, child);
    const newer = await claim(engine, child);
    const oldResult = await work(engine, child, old, () => "X");
    const newResult = await work(engine, child, newer, () => "C");

    const late = await commit(engine, { ...child, hand: old, result: oldResult });

    // The late one takes the batch over in turn; what it did itself is gone.
    expect(late).toMatchObject({ next: "again", claim: 3, tasks: "0-9" });
    expect(await counts(engine)).toMatchObject({ active: 10, failed: 0 });
    const lost = await commit(engine, { ...child, hand: newer, result: newResult });
    expect(lost).toMatchObject({ next: "again", claim: 4 });
  });

  it("do nothing once the gates were fenced for the next round (I3)", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");
    const hand = await claim(engine, child);
    const result = await work(engine, child, hand, () => "C");
    await plan(engine, { ...INPUT, step: { next: "plan", round: 2 } });

    const late = await commit(engine, { ...child, hand, result });

    expect(late.next).toBe("done");
    expect((await claim(engine, child)).tasks).toBe("");
    expect(await counts(engine)).toMatchObject({ queued: 10, completed: 0 });
  });

  it("ignore what an index claims about tasks of others (untrusted input)", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const [child] = await planned(engine);
    if (!child) throw new Error("no batch");
    const hand: Hand = await claim(engine, child);
    const more = { ...hand, tasks: "0-15" };
    const result = await work(engine, child, more, () => "C");

    await commit(engine, { ...child, hand, result });

    expect(await counts(engine)).toMatchObject({ completed: 10 });
  });

  it("lose nothing when the answer of a transaction is lost (I2)", async () => {
    for (let lost = 1; lost <= 4; lost++) {
      const engine = makeEngine();
      await putTasksJob(engine, 30);
      const batches = await planned(engine);
      let calls = 0;
      const flaky: Engine = {
        ...engine,
        table: withFaults(engine.table, ({ when, method }) => {
          if (when === "after" && method === "transact" && ++calls === lost) {
            throw new JobJobError({ code: "TABLE_UNAVAILABLE", message: "answer lost", retryable: true });
          }
        }),
      };

      for (const child of batches) {
        for (let tries = 0; tries < 3; tries++) {
          try {
            await runChild(flaky, child, () => "C");
            break;
          } catch (error) {
            expect(error).toBeInstanceOf(JobJobError);
          }
        }
      }

      const sum = await counts(engine);
      expect(totalOf(sum)).toBe(30);
      expect(sum.completed).toBe(30);
    }
  });
});

describe("settle", () => {
  it("sends unfinished tasks to the next round, and gives up after five without progress", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    let answer = await plan(engine, INPUT);
    for (let round = 1; round <= 4; round++) {
      const settled = await settle(engine, { ...INPUT, step: answer });
      expect(settled).toEqual({ next: "plan", round: round + 1 });
      answer = await plan(engine, { ...INPUT, step: settled });
    }

    const last = await settle(engine, { ...INPUT, step: answer });

    expect(last).toEqual({ next: "ended" });
    expect(await job(engine)).toMatchObject({ state: "FAILED", failure: { code: "BATCHES_LOST" } });
  });

  it.each([
    [10, "TASKS_COMPLETED"],
    [9, "FAILED"],
  ])("tolerates %i %% of 1 failed task in 10: %s", async (percentage, state) => {
    const engine = makeEngine();
    await putTasksJob(engine, 10, { config: { toleratedFailurePercentage: percentage } });
    const answer = await plan(engine, INPUT);
    for (const child of children(engine, answer))
      await runChild(engine, child, (ordinal) => (ordinal === 7 ? "X" : "C"));

    await settle(engine, { ...INPUT, step: answer });

    const ended = await job(engine);
    expect(ended.state).toBe(state);
    if (state === "FAILED")
      expect(ended.failure).toMatchObject({
        step: "tasks",
        code: "BOOM",
        message: expect.stringContaining("task 7: boom"),
      });
  });

  it("made twice by the same run counts as made", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 5);
    const answer = await plan(engine, INPUT);
    for (const child of children(engine, answer)) await runChild(engine, child, () => "C");

    expect(await settle(engine, { ...INPUT, step: answer })).toEqual({ next: "assemble" });
    expect(await settle(engine, { ...INPUT, step: answer })).toEqual({ next: "assemble" });
  });
});

describe("failFast", () => {
  it("holds the gates, drains what is in hand and fails the job with its reason", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 100, { config: { failFast: true } });
    const [first, second, third] = await planned(engine);
    if (!first || !second || !third) throw new Error("too few batches");
    const busy = await claim(engine, second);

    await runChild(engine, first, () => "X");
    await sweep(engine, { jobId: JOB });
    expect((await job(engine)).state).toBe("PARTITIONED"); // one worker still has tasks in hand
    expect((await claim(engine, third)).tasks).toBe("");
    const result = await work(engine, second, busy, () => "C");
    await commit(engine, { ...second, hand: busy, result });
    await sweep(engine, { jobId: JOB });

    expect(await job(engine)).toMatchObject({ state: "FAILED", failure: { code: "TOLERANCE_EXCEEDED" } });
    expect(await counts(engine)).toMatchObject({ failed: 20, completed: 20, active: 0, queued: 60 });
    expect(engine.nudge.jobs.length).toBeGreaterThan(0);
  });
});
