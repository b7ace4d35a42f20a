import { describe, expect, it } from "vitest";
import { withFaults } from "../../../adapters/memory/index.ts";
import type { ChildInput, Hand } from "../../../core/contracts/workflow.ts";
import { claim } from "../../../core/steps/claim.ts";
import { commit } from "../../../core/steps/commit.ts";
import { plan } from "../../../core/steps/plan.ts";
import { settle } from "../../../core/steps/settle.ts";
import { sweep } from "../../../core/steps/sweep.ts";
import { indexOf, KILLED, mortalWork, placeOfIndex, THROTTLED } from "../../helpers/dying-worker.ts";
import {
  children,
  counts,
  type Engine,
  JOB,
  job,
  makeEngine,
  putTasksJob,
  type TasksJobOptions,
  work,
} from "../../helpers/engine.ts";

const INPUT = { jobId: JOB, run: 1 };
let engine: Engine;
let child: ChildInput;
/** How often each task was run, whatever became of it. */
let runs: Map<number, number>;

async function prepare(tasks: number, options: TasksJobOptions = {}): Promise<void> {
  engine = makeEngine();
  runs = new Map();
  await putTasksJob(engine, tasks, options);
  const [first] = children(engine, await plan(engine, INPUT));
  if (!first) throw new Error("no batch");
  child = first;
}

const batchItem = () => engine.table.dump().find(({ sk }) => sk.startsWith("BATCH#"));

const workerRun = (hand: Hand, kills: (ordinal: number) => boolean) =>
  mortalWork(engine, child, hand, (ordinal) => {
    runs.set(ordinal, (runs.get(ordinal) ?? 0) + 1);
    return kills(ordinal);
  });

/** The child's loop to its end; the clock jumps over waits. Returns the hands in order. */
async function runChild(kills: (ordinal: number) => boolean): Promise<Hand[]> {
  const hands = [await claim(engine, child)];
  for (let hand = hands[0]; hand; ) {
    const next = await commit(engine, { ...child, hand, result: await workerRun(hand, kills) });
    if (next.next === "done") break;
    engine.clock.advance((next.seconds ?? 0) * 1_000);
    hand = next.next === "wait" ? await claim(engine, { ...child, hand: next }) : next;
    hands.push(hand);
  }
  return hands;
}

describe("a worker's death", () => {
  it("charges nobody at first: the next hand is cautious", async () => {
    await prepare(10);
    const hand = await claim(engine, child);

    const next = await commit(engine, { ...child, hand, result: KILLED });

    expect(hand.cautious).toBe(false);
    expect(next).toMatchObject({ next: "again", claim: 2, tasks: "0-9", attempts: [], cautious: true });
    expect(batchItem()?.tasks).toBe("10A!WORKER_DIED");
  });

  it("is charged to the task that was announced; what had ended counts, and the next claim goes on behind it", async () => {
    await prepare(10);
    const first = await claim(engine, child);
    const hand = await commit(engine, { ...child, hand: first, result: KILLED });

    const next = await commit(engine, { ...child, hand, result: await workerRun(hand, (o) => o === 4) });

    expect(next).toMatchObject({ next: "again", claim: 3, tasks: "5-9", attempts: [], cautious: true });
    expect(await counts(engine)).toMatchObject({ completed: 4, softFailed: 1, active: 5 });
    const index = indexOf(engine, child, 2);
    expect(index.begun).toBeUndefined();
    expect(index.tasks.at(-1)).toMatchObject({
      o: 4,
      x: "F",
      t: [expect.any(Number), 100],
      e: { code: "WORKER_DIED", message: expect.stringMatching(/memory.*smaller/), retryable: true },
    });
  });

  it("ends a task that kills every worker after exactly its attempts; its neighbours run at most twice", async () => {
    await prepare(20, { config: { toleratedFailurePercentage: 10 } });

    const hands = await runChild((o) => o === 7);

    expect(await counts(engine)).toMatchObject({ completed: 19, failed: 1, active: 0, softFailed: 0 });
    expect(runs.get(7)).toBe(4); // three attempts, and the one that was charged to nobody
    const others = [...runs].filter(([o]) => o !== 7);
    expect(Math.max(...others.map(([, n]) => n))).toBe(2);
    expect(hands.map(({ tasks, cautious }) => (cautious ? `${tasks}!` : tasks))).toEqual([
      "0-19",
      "0-19!",
      "8-19!",
      "7!",
      "7!",
    ]);
    expect(hands.at(-1)?.attempts).toEqual([[3, "7"]]);
    const answer = { next: "settle" as const, round: 1 };
    expect(await settle(engine, { ...INPUT, step: answer })).toEqual({ next: "assemble" });
  });

  it("of two culprits charges each its own, and neighbours run at most once more than needed", async () => {
    await prepare(20);

    await runChild((o) => o === 3 || o === 15);

    expect(await counts(engine)).toMatchObject({ completed: 18, failed: 2 });
    for (const [o, n] of runs) expect(n).toBeLessThanOrEqual(o === 3 || o === 15 ? 4 : 2);
  });

  it("once is forgotten: a task that ends well is nobody's suspect", async () => {
    await prepare(5);
    let deaths = 0;

    const hands = await runChild((o) => o === 2 && deaths++ === 0);

    expect(hands.map(({ cautious }) => cautious)).toEqual([false, true]);
    expect(batchItem()?.tasks).toBe("5C1:2");
    expect(JSON.stringify(batchItem()).length).toBeLessThan(300);
  });

  it("leaves the unsuspected tasks of the batch out of cautious hands", async () => {
    await prepare(6);
    const first = await claim(engine, child);
    const deferred = await work(engine, child, first, (o) => (o < 2 ? "F" : undefined));
    const second = await commit(engine, { ...child, hand: first, result: deferred });

    const third = await commit(engine, { ...child, hand: second, result: KILLED });
    engine.clock.advance(60_000);
    const retried = await claim(engine, child);

    expect(second.tasks).toBe("2-5");
    expect(third).toMatchObject({ tasks: "2-5", cautious: true });
    expect(retried).toMatchObject({ tasks: "0-1", cautious: false });
    expect(await counts(engine)).toMatchObject({ active: 2, queued: 4, softFailed: 0 });
  });

  it("keeps cautious hands small", async () => {
    await prepare(1_000, { taskSeconds: 0.01, config: {} });
    const first = await claim(engine, child);

    const next = await commit(engine, { ...child, hand: first, result: KILLED });

    expect(child.b.count).toBeGreaterThan(100);
    expect(next).toMatchObject({ tasks: "0-99", cautious: true });
    expect(await counts(engine)).toMatchObject({ active: 100, queued: 900 });
  });

  it("after its last word loses nothing", async () => {
    await prepare(4);
    const hand = await claim(engine, child);
    await work(engine, child, hand, () => "C");

    const next = await commit(engine, { ...child, hand, result: { Error: "Sandbox.Timedout" } });

    expect(next.next).toBe("done");
    expect(await counts(engine)).toMatchObject({ completed: 4 });
  });

  it("without a task begun fails the job at the third in a row", async () => {
    await prepare(3);
    let hand = await claim(engine, child);
    for (let n = 0; n < 3; n++) hand = await commit(engine, { ...child, hand, result: KILLED });

    await sweep(engine, { jobId: JOB });

    expect(hand.next).toBe("done");
    expect(await job(engine)).toMatchObject({
      state: "FAILED",
      failure: { step: "tasks", code: "WORKER_DIES", message: expect.stringContaining("signal: killed") },
    });
    expect(await counts(engine)).toMatchObject({ queued: 3, failed: 0 });
  });

  it("counts deaths in a row only: a task's end starts anew", async () => {
    await prepare(3);
    let hand = await claim(engine, child);
    for (let n = 0; n < 2; n++) hand = await commit(engine, { ...child, hand, result: KILLED });

    hand = await commit(engine, { ...child, hand, result: await workerRun(hand, (o) => o === 1) });
    hand = await commit(engine, { ...child, hand, result: KILLED });

    expect(hand).toMatchObject({ next: "again", tasks: "2", cautious: true });
    expect((await job(engine)).wish).toBe(0);
  });

  it("is judged the same when commit is called again after it sealed the announcement", async () => {
    await prepare(6);
    const first = await claim(engine, child);
    const hand = await commit(engine, { ...child, hand: first, result: KILLED });
    const result = await workerRun(hand, (o) => o === 3);
    const broken: Engine = {
      ...engine,
      table: withFaults(engine.table, ({ when, method }) => {
        if (when === "before" && method === "transact") throw new Error("crashed");
      }),
    };
    await expect(commit(broken, { ...child, hand, result })).rejects.toThrow("crashed");

    const next = await commit(engine, { ...child, hand, result });

    expect(next).toMatchObject({ tasks: "4-5", cautious: true });
    expect(await counts(engine)).toMatchObject({ completed: 3, softFailed: 1, active: 2 });
  });

  it("fences a worker that isn't dead: its next announcement is refused", async () => {
    await prepare(6);
    const first = await claim(engine, child);
    const hand = await commit(engine, { ...child, hand: first, result: KILLED });
    await workerRun(hand, (o) => o === 3);
    const announced = (await engine.objects.head(placeOfIndex(child, 2))).etag;
    await commit(engine, { ...child, hand, result: KILLED });

    const late = engine.objects.put(placeOfIndex(child, 2), "late", { ifMatch: announced });

    await expect(late).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
  });

  it("survives a new round: the fence keeps who is suspect", async () => {
    await prepare(6);
    const first = await claim(engine, child);
    await commit(engine, { ...child, hand: first, result: KILLED });

    const [again] = children(engine, await plan(engine, { ...INPUT, step: { next: "plan", round: 2 } }));
    if (!again) throw new Error("no batch");

    expect(await claim(engine, again)).toMatchObject({ tasks: "0-5", cautious: true });
  });
});

describe("a worker that wasn't started, or couldn't work", () => {
  it("charges nobody, is no death, and is followed by a wait", async () => {
    await prepare(3, { config: { maxTaskRetries: 0 } });
    const hand = await claim(engine, child);

    const answer = await commit(engine, { ...child, hand, result: THROTTLED });

    expect(answer).toMatchObject({ next: "wait", claim: 0, seconds: expect.any(Number) });
    expect(await counts(engine)).toMatchObject({ queued: 3, failed: 0 });
    expect(await claim(engine, { ...child, hand: answer })).toMatchObject({ tasks: "0-2", cautious: false });
  });

  it.each([
    [
      "can't be invoked at all",
      { Error: "Lambda.ResourceNotFoundException", Cause: "Function not found" },
      3,
      "APP_NOT_INVOCABLE",
    ],
    ["is throttled for longer than retries last", THROTTLED, 10, "APP_NOT_INVOCABLE"],
    [
      "finds the store down",
      { error: { code: "STORE_UNAVAILABLE", message: "S3 is down", retryable: true } },
      10,
      "STORE_UNAVAILABLE",
    ],
    [
      "can't read what it is to do",
      { error: { code: "WORK_SPEC_INVALID", message: "?", retryable: false } },
      3,
      "WORK_SPEC_INVALID",
    ],
  ])("fails the job in the end when it %s", async (_what, result, times, code) => {
    await prepare(3);
    let hand = await claim(engine, child);
    let waited = 0;
    let calls = 0;
    while (hand.next !== "done") {
      calls++;
      const answer = await commit(engine, { ...child, hand, result });
      waited += answer.seconds ?? 0;
      engine.clock.advance((answer.seconds ?? 0) * 1_000);
      hand = answer.next === "wait" ? await claim(engine, { ...child, hand: answer }) : answer;
    }

    await sweep(engine, { jobId: JOB });

    expect(calls).toBe(times);
    if (times === 10) expect(waited).toBeGreaterThan(180);
    expect(await job(engine)).toMatchObject({ state: "FAILED", failure: { code, step: "tasks" } });
    expect(await counts(engine)).toMatchObject({ queued: 3, failed: 0 });
  });

  it("keeps what a cautious worker had finished, and charges nothing to the task it had begun", async () => {
    await prepare(6);
    const first = await claim(engine, child);
    const hand = await commit(engine, { ...child, hand: first, result: KILLED });
    await workerRun(hand, (o) => o === 3);

    const answer = await commit(engine, { ...child, hand, result: THROTTLED });

    expect(await counts(engine)).toMatchObject({ completed: 3, softFailed: 0, active: 3 });
    expect(answer).toMatchObject({ next: "again", tasks: "3-5", attempts: [], cautious: true });
  });
});
