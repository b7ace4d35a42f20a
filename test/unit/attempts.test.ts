/** What the task API tells of a task's attempts, whatever became of their workers. */
import { describe, expect, it } from "vitest";
import { type TaskRecord, taskRecord } from "../../core/contracts/api/records.ts";
import type { ChildInput, Hand } from "../../core/contracts/workflow.ts";
import { claim } from "../../core/steps/claim.ts";
import { commit } from "../../core/steps/commit.ts";
import { plan } from "../../core/steps/plan.ts";
import { ApiWorld } from "../helpers/api-world.ts";
import { indexOf, KILLED, mortalWork, placeOfIndex } from "../helpers/dying-worker.ts";
import { children, type Engine, JOB, makeEngine, OWNER, putTasksJob, type Verdict, work } from "../helpers/engine.ts";

async function prepare(tasks: number, config: NonNullable<Parameters<typeof putTasksJob>[2]>["config"] = {}) {
  const engine = makeEngine();
  await putTasksJob(engine, tasks, { config });
  const [child] = children(engine, await plan(engine, { jobId: JOB, run: 1 }));
  if (!child) throw new Error("no batch");
  const { table, objects, clock, workflow, nudge, settings } = engine;
  const world = new ApiWorld({ ports: { table, objects, clock, workflow, nudge, settings } });
  const task = async (ordinal: number): Promise<TaskRecord> => {
    const path = `/v1/customer/jobs/${JOB}/tasks/${ordinal}`;
    const answer = await world.call<{ task: unknown }>("GET", path, undefined, { owner: OWNER });
    return taskRecord.parse(answer.body.task);
  };
  return { engine, child, task };
}

/** The child's loop, from a hand on. */
async function runOn(
  engine: Engine,
  child: ChildInput,
  first: Hand,
  kills: (ordinal: number, attempt: number) => boolean,
  verdict?: Verdict,
): Promise<void> {
  let hand = first;
  while (hand.next !== "done") {
    const result = await mortalWork(engine, child, hand, kills, verdict);
    hand = await commit(engine, { ...child, hand, result });
    engine.clock.advance((hand.seconds ?? 0) * 1_000);
    if (hand.next === "wait") hand = await claim(engine, { ...child, hand });
  }
}

describe("a task's attempts", () => {
  it("tell each death with its worker, its times and what is known of it", async () => {
    const { engine, child, task } = await prepare(5);

    await runOn(engine, child, await claim(engine, child), (ordinal) => ordinal === 2);
    const dead = await task(2);
    const neighbour = await task(3);

    expect(dead).toMatchObject({ state: "FAILED", attempt: 3, error: { code: "WORKER_DIED", retryable: true } });
    expect(dead.attempts).toHaveLength(3);
    for (const attempt of dead.attempts) {
      expect(attempt).toMatchObject({
        error: { code: "WORKER_DIED", message: expect.stringMatching(/memory.*signal: killed.*MiB/) },
        worker: "w",
        requestId: "r",
        ms: 100,
        startedAt: expect.any(String),
        endedAt: expect.any(String),
      });
    }
    expect(dead.attempts.map(({ outcome }) => outcome)).toEqual(["SOFT_FAILED", "SOFT_FAILED", "FAILED"]);
    expect(neighbour).toMatchObject({ state: "COMPLETED", attempt: 1, attempts: [{ outcome: "COMPLETED" }] });
  });

  it("tell deaths among failures and the success in the end", async () => {
    const { engine, child, task } = await prepare(4, { maxTaskRetries: 3 });
    let deaths = 0;

    await runOn(
      engine,
      child,
      await claim(engine, child),
      (ordinal, attempt) => ordinal === 1 && attempt === 1 && ++deaths <= 2,
      (ordinal, attempt) => (ordinal === 1 && attempt === 2 ? "F" : ordinal === 2 ? "P" : ordinal === 3 ? "K" : "C"),
    );
    const row = await task(1);

    expect(row).toMatchObject({ state: "COMPLETED", attempt: 3, error: null });
    expect(row.attempts.map(({ outcome, error }) => [outcome, error?.code ?? null])).toEqual([
      ["SOFT_FAILED", "WORKER_DIED"],
      ["SOFT_FAILED", "BOOM"],
      ["COMPLETED", null],
    ]);
    expect(await task(2)).toMatchObject({ state: "PARTIAL", attempts: [{ outcome: "PARTIAL" }] });
    expect(await task(3)).toMatchObject({ state: "SKIPPED", attempts: [{ outcome: "SKIPPED" }] });
  });

  it("leave out a death that was charged to nobody", async () => {
    const { engine, child, task } = await prepare(3);
    const hand = await claim(engine, child);

    await commit(engine, { ...child, hand, result: KILLED });

    expect(await task(0)).toMatchObject({ state: "ACTIVE", attempt: 0, attempts: [], error: null });
  });

  it("leave out what a superseded worker wrote, between two that counted", async () => {
    const { engine, child, task } = await prepare(1, { maxTaskRetries: 3 });
    const first = await claim(engine, child);
    const failed = await work(engine, child, first, () => "F");
    const waits = await commit(engine, { ...child, hand: first, result: failed });
    engine.clock.advance(60_000);
    const superseded = await claim(engine, { ...child, hand: waits });
    await work(engine, child, superseded, () => "P");
    const third = await claim(engine, child);

    await runOn(engine, child, third, () => false);
    const row = await task(0);

    expect(row).toMatchObject({ state: "COMPLETED", attempt: 2 });
    expect(row.attempts.map(({ outcome }) => outcome)).toEqual(["SOFT_FAILED", "COMPLETED"]);
  });

  it("are all there after fifty claims of the batch", async () => {
    const { engine, child, task } = await prepare(20, { maxTaskRetries: 10, retryBackoff: NO_WAIT });

    // Every task kills its worker twice, so that the batch needs claim after claim.
    await runOn(engine, child, await claim(engine, child), (_ordinal, attempt) => attempt < 4);

    const item = engine.table.dump().find(({ sk }) => sk.startsWith("BATCH#"));
    expect(item?.claim).toBeGreaterThan(50);
    for (const ordinal of [0, 19]) {
      const row = await task(ordinal);
      expect(row).toMatchObject({ state: "COMPLETED", attempt: 4 });
      expect(row.attempts.map(({ outcome }) => outcome)).toEqual([...Array(3).fill("SOFT_FAILED"), "COMPLETED"]);
    }
  });
});

const NO_WAIT = { initialMs: 0, rate: 1, maxMs: 0 };

describe("a PARTIAL task", () => {
  it("tells the first hundred rejected items with their reasons, and how many there are", async () => {
    const { engine, child, task } = await prepare(2);
    const hand = await claim(engine, child);
    await work(engine, child, hand, () => "P");
    const index = indexOf(engine, child, hand.claim);
    const j = Array.from({ length: 100 }, (_, i) => ({ item: `{"id":${i}`, reason: "is no JSON" }));
    const tasks = index.tasks.map((entry) => (entry.o === 1 ? { ...entry, j, jn: 130 } : entry));
    const place = placeOfIndex(child, hand.claim);
    const { etag } = await engine.objects.put(place, JSON.stringify({ ...index, tasks }));

    await commit(engine, { ...child, hand, result: { claim: hand.claim, indexKey: place.key, etag, maxRss: 1 } });
    const row = await task(1);

    expect(row).toMatchObject({ state: "PARTIAL", attempt: 1, error: null, rejected: 130, rejections: j });
    expect(await task(0)).toMatchObject({ state: "PARTIAL", rejected: 0, rejections: [] });
  });
});

describe("a failed attempt", () => {
  it("is SOFT_FAILED until its retry is due, half to all of the backoff later, and the next is twice as far", async () => {
    const { engine, child, task } = await prepare(1, { retryBackoff: { initialMs: 10_000, rate: 2, maxMs: 60_000 } });
    let hand = await claim(engine, child);
    const waits: number[] = [];

    for (let n = 0; n < 2; n++) {
      hand = await commit(engine, { ...child, hand, result: await work(engine, child, hand, () => "F") });
      expect(await task(0)).toMatchObject({ state: "SOFT_FAILED", attempt: n + 1, error: { code: "BOOM" } });
      const early = await claim(engine, { ...child, hand });
      expect(early.tasks).toBe("");
      waits.push(hand.seconds ?? 0);
      engine.clock.advance((hand.seconds ?? 0) * 1_000);
      hand = await claim(engine, { ...child, hand });
      expect(hand).toMatchObject({ tasks: "0", attempts: [[n + 2, "0"]] });
    }

    expect(waits[0]).toBeGreaterThanOrEqual(5);
    expect(waits[0]).toBeLessThanOrEqual(10);
    expect(waits[1]).toBeGreaterThanOrEqual(10);
    expect(waits[1]).toBeLessThanOrEqual(20);
  });

  it("that is permanent is FAILED at once", async () => {
    const { engine, child, task } = await prepare(1);
    const hand = await claim(engine, child);

    const next = await commit(engine, { ...child, hand, result: await work(engine, child, hand, () => "X") });

    expect(next.next).toBe("done");
    expect(await task(0)).toMatchObject({ state: "FAILED", attempt: 1, attempts: [{ outcome: "FAILED" }] });
  });
});
