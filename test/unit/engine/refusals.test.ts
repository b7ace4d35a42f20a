/** What a refused, conflicting or repeated call must not do: strand the job, or count twice. */
import { describe, expect, it } from "vitest";
import { conflict, withFaults } from "../../../adapters/memory/index.ts";
import type { ChildInput } from "../../../core/contracts/workflow.ts";
import { abortJob } from "../../../core/control/index.ts";
import { loadGates, totalOf } from "../../../core/gates/gates.ts";
import { jobKey } from "../../../core/keys/item-keys.ts";
import { claim } from "../../../core/steps/claim.ts";
import { commit } from "../../../core/steps/commit.ts";
import { fail } from "../../../core/steps/fail.ts";
import { finish } from "../../../core/steps/finish.ts";
import { plan } from "../../../core/steps/plan.ts";
import { settle } from "../../../core/steps/settle.ts";
import { sweep } from "../../../core/steps/sweep.ts";
import { children, counts, type Engine, JOB, job, makeEngine, OWNER, putTasksJob, work } from "../../helpers/engine.ts";

const INPUT = { jobId: JOB, run: 1 };

async function firstChild(engine: Engine): Promise<ChildInput> {
  const [child] = children(engine, await plan(engine, INPUT));
  if (!child) throw new Error("no batch");
  return child;
}

/** Every write to an item whose sort key begins so meets another transaction, also after the port's own retries. */
function conflicting(engine: Engine, sk: string): Engine {
  const table = withFaults(engine.table, ({ when, method, args }) => {
    if (when !== "before" || (method !== "write" && method !== "transact")) return;
    if (JSON.stringify(args[0]).includes(`"sk":"${sk}`)) throw conflict();
  });
  return { ...engine, table };
}

const setJob = (engine: Engine, set: Record<string, string | number>) =>
  engine.table.write({ update: jobKey(JOB), changes: { set } });

describe("a conflict that outlasts the port's retries is no refusal", () => {
  it("of a gate: plan doesn't go on with gates that it couldn't open", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    await plan(engine, INPUT);

    const again = plan(conflicting(engine, "GATE"), { ...INPUT, step: { next: "plan", round: 2 } });

    await expect(again).rejects.toMatchObject({ retryable: true });
  });

  it("of the job: plan and finish ask to be called again instead of ending as superseded", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    await expect(plan(conflicting(engine, "JOB"), INPUT)).rejects.toMatchObject({ retryable: true });
    await plan(engine, INPUT);
    await setJob(engine, { state: "DOWNLOADING" });

    await expect(finish(conflicting(engine, "JOB"), INPUT)).rejects.toMatchObject({ retryable: true });

    expect(await finish(engine, INPUT)).toEqual({ next: "ended" });
  });
});

describe("settle", () => {
  it("counts a round that ended nothing once, however often it is called for it", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const child = await firstChild(engine);
    await claim(engine, child);

    for (let call = 0; call < 8; call++) {
      expect(await settle(engine, { ...INPUT, step: { next: "plan", round: 1 } })).toEqual({ next: "plan", round: 2 });
    }

    expect((await job(engine)).state).toBe("PARTITIONED");
  });

  it("fails the job after five rounds in a row that ended nothing", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const answers: string[] = [];

    for (let round = 1; answers.at(-1) !== "ended"; round++) {
      const step = { next: "plan" as const, round };
      await plan(engine, { ...INPUT, step });
      answers.push((await settle(engine, { ...INPUT, step })).next);
    }

    expect(answers).toEqual(["plan", "plan", "plan", "plan", "ended"]);
    expect(await job(engine)).toMatchObject({ state: "FAILED", failure: { code: "BATCHES_LOST" } });
  });

  it("names the failed task with the lowest ordinal, whatever gate it is in", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 200);
    const batches = children(engine, await plan(engine, INPUT));
    expect(batches.length).toBeGreaterThan(4);
    for (const child of batches) {
      const hand = await claim(engine, child);
      const result = await work(engine, child, hand, (o) => (o % 40 === 39 ? "X" : "C"));
      await commit(engine, { ...child, hand, result });
    }

    await settle(engine, { ...INPUT, step: { next: "settle", round: 1 } });

    expect((await job(engine)).failure).toMatchObject({ code: "BOOM", message: expect.stringContaining("task 39:") });
  });
});

describe("commit", () => {
  it("nudges the sweeper when the gate was held just before its transaction", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 5);
    const child = await firstChild(engine);
    const hand = await claim(engine, child);
    const result = await work(engine, child, hand, () => "C");
    const [gate] = await loadGates(engine.table, JOB, 0, 1);
    if (!gate) throw new Error("no gate");
    const table = withFaults(engine.table, async ({ when, method, call }) => {
      if (when !== "before" || method !== "transact" || call > 2) return;
      await engine.table.write({ update: { pk: gate.pk, sk: gate.sk }, changes: { set: { mode: "held" } } });
    });

    const answer = await commit({ ...engine, table }, { ...child, hand, result });

    expect(answer.next).toBe("done");
    expect(await counts(engine)).toMatchObject({ completed: 5, active: 0 });
    expect(engine.nudge.take()).toEqual([JOB]);
  });

  it("keeps a hand under 3 KB though every other task of a thousand failed, and loses none of them (I2)", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 1_000, { taskSeconds: 0.01, config: { maxConcurrency: 1, maxTaskRetries: 3 } });
    const child = await firstChild(engine);
    expect(child.b.count).toBe(1_000);
    let hand = await claim(engine, child);
    let largest = 0;
    for (let round = 0; hand.next !== "done"; round++) {
      largest = Math.max(largest, JSON.stringify(hand).length);
      const result = await work(engine, child, hand, (o, attempt) => {
        if (round === 0 && o % 7 === 0) return undefined;
        return attempt <= o % 4 ? "F" : "C";
      });
      hand = await commit(engine, { ...child, hand, result });
      expect(totalOf(await counts(engine))).toBe(1_000);
      if (hand.next !== "wait") continue;
      engine.clock.advance((hand.seconds ?? 1) * 1_000);
      // A claim whose answer is lost is superseded by the next one: its hand is due again.
      await claim(engine, { ...child, hand });
      hand = await claim(engine, { ...child, hand });
      expect(totalOf(await counts(engine))).toBe(1_000);
    }

    expect(largest).toBeLessThan(3_000);
    expect(await counts(engine)).toMatchObject({ completed: 1_000, queued: 0, active: 0, softFailed: 0 });
  });

  it("takes an index with counters that no worker can have for unreadable: no gate is spoilt by it", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 5);
    const child = await firstChild(engine);
    const hand = await claim(engine, child);
    const result = await work(engine, child, hand, () => "C");
    const text = engine.objects.text({ bucket: "data", key: result.indexKey }) ?? "";
    const forged = text.replace('"downloadBytes":1', '"downloadBytes":-5');
    expect(forged).not.toBe(text);
    const { etag } = await engine.objects.put({ bucket: "data", key: result.indexKey }, forged);

    const answer = await commit(engine, { ...child, hand, result: { ...result, etag } });

    expect(answer.next).toBe("wait");
    expect(await counts(engine)).toMatchObject({ queued: 5, completed: 0 });
  });
});

describe("fail", () => {
  it("called again removes the uploads that a call which died behind the transition left (I10)", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const key = `o/ann/jobs/${JOB}/output/r1/c1/big`;
    await engine.objects.createUpload({ bucket: "data", key });
    const dies = withFaults(engine.objects, () => {
      throw new Error("the function dies");
    });
    await expect(fail({ ...engine, objects: dies }, INPUT)).rejects.toThrow("the function dies");
    expect((await job(engine)).state).toBe("FAILED");

    expect(await fail(engine, INPUT)).toEqual({ next: "ended" });

    expect(await engine.objects.listUploads("data", "")).toEqual([]);
  });

  it("ends the run also on gates that a plan which died left unnamed; deleting the job removes them", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    await expect(plan(conflicting(engine, "EVENT#"), INPUT)).rejects.toMatchObject({ retryable: true });
    expect((await job(engine)).gates).toBeUndefined();

    await fail(engine, INPUT);

    expect((await loadGates(engine.table, JOB, 0, 1)).map(({ mode, round }) => [mode, round])).toEqual([
      ["closed", 1_000_000],
    ]);
    await setJob(engine, { deletedAt: 1 });
    await sweep(engine, { jobId: JOB });
    expect(engine.table.size).toBe(0);
  });
});

describe("a plan that comes late", () => {
  /** Runs `then` behind plan's first look at the job, before it makes its gates. */
  async function lateBy(then: (engine: Engine) => Promise<unknown>): Promise<{ engine: Engine; next: string }> {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    let has = false;
    const table = withFaults(engine.table, async ({ when, method }) => {
      if (when !== "before" || method !== "batchGet" || has) return;
      has = true;
      await then(engine);
    });
    const { next } = await plan({ ...engine, table }, INPUT);
    return { engine, next };
  }

  it.each([
    ["an abort", (engine: Engine) => abortJob(engine, { owner: OWNER, id: JOB })],
    ["a failure", (engine: Engine) => fail(engine, INPUT)],
  ])("makes no gates behind %s, which found none to close", async (_, end) => {
    const { engine, next } = await lateBy(end);

    expect(next).toBe("superseded");
    expect(await loadGates(engine.table, JOB, 0, 1)).toEqual([]);
  });
});

describe("the sweeper", () => {
  it("leaves a run alone that waits for its startAt in its execution", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 1);
    await setJob(engine, { state: "STARTED", waitingFor: "START_AT" });
    await engine.workflow.start(`${JOB}-r1`, { jobId: JOB, run: 1 });

    for (let minute = 0; minute < 3; minute++) {
      engine.clock.advance(61_000);
      expect(await sweep(engine, {})).toEqual({ looked: 1, repairs: [] });
    }

    expect((await engine.table.query({ pk: jobKey(JOB).pk, prefix: "EVENT#" })).items).toEqual([]);
  });

  it("doesn't make a PAUSED job due again when a nudge comes late", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 1);
    await setJob(engine, { state: "PAUSED" });
    await engine.table.write({ update: jobKey(JOB), changes: { remove: ["duePk", "dueSk"] } });

    await sweep(engine, { jobId: JOB });

    expect((await job(engine)).dueSk).toBeUndefined();
  });
});
