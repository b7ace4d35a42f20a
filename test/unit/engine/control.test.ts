/** What a user does to a job, in every state of the matrix, on the in-memory twins. */
import { describe, expect, it } from "vitest";
import { withFaults } from "../../../adapters/memory/index.ts";
import { unpackStates } from "../../../core/batches/packed-states.ts";
import { ApiError } from "../../../core/contracts/api/errors.ts";
import type { ChildInput, Hand } from "../../../core/contracts/workflow.ts";
import { abortJob, pauseJob, requeueJob, resumeJob } from "../../../core/control/index.ts";
import { loadGates } from "../../../core/gates/gates.ts";
import { endRun } from "../../../core/gates/range.ts";
import { batchKey, byStateKeys, jobKey, specKey } from "../../../core/keys/item-keys.ts";
import { hintKey } from "../../../core/keys/object-keys.ts";
import type { Value } from "../../../core/ports/index.ts";
import { isActive, JOB_STATES, type JobState, mayBecome } from "../../../core/states/job-states.ts";
import { claim } from "../../../core/steps/claim.ts";
import { commit } from "../../../core/steps/commit.ts";
import { plan } from "../../../core/steps/plan.ts";
import { prepare } from "../../../core/steps/prepare.ts";
import { settle } from "../../../core/steps/settle.ts";
import { sweep } from "../../../core/steps/sweep.ts";
import {
  BUCKET,
  children,
  counts,
  type Engine,
  JOB,
  job,
  makeEngine,
  OWNER,
  putTasksJob,
  type TasksJobOptions,
  type Verdict,
  work,
} from "../../helpers/engine.ts";

const ASK = { owner: OWNER, id: JOB };
const ACTIONS = { pause: pauseJob, resume: resumeJob, abort: abortJob, requeue: requeueJob };

async function set(engine: Engine, changes: Record<string, Value>): Promise<void> {
  await engine.table.write({ update: jobKey(JOB), changes: { set: changes } });
}

/** A job that is planned, its execution running. */
async function planned(tasks = 10, options: TasksJobOptions = {}): Promise<{ engine: Engine; batches: ChildInput[] }> {
  const engine = makeEngine();
  await putTasksJob(engine, tasks, { taskSeconds: 90, ...options });
  await set(engine, { stands: "STARTED" });
  await engine.workflow.start(`${JOB}-r1`, { jobId: JOB, run: 1 });
  return { engine, batches: children(engine, await plan(engine, { jobId: JOB, run: 1 })) };
}

async function runBatch(engine: Engine, child: ChildInput, verdict: Verdict = () => "C"): Promise<Hand> {
  let hand = await claim(engine, child);
  for (;;) {
    const result = await work(engine, { ...child, hand }, hand, verdict);
    hand = await commit(engine, { ...child, hand, result });
    if (hand.next !== "again") return hand;
  }
}

/** The execution of the latest run, to the end of its tasks. */
async function runTasks(engine: Engine, verdict?: Verdict): Promise<{ ran: number; batches: number; next: string }> {
  const { run } = await job(engine);
  const first = await prepare(engine, { jobId: JOB, run });
  if (first.next !== "plan") return { ran: 0, batches: 0, next: first.next };
  const answer = await plan(engine, { jobId: JOB, run, step: first });
  if (answer.next !== "tasks") return { ran: 0, batches: 0, next: answer.next };
  const batches = children(engine, answer).map((child) => ({ ...child, run }));
  let ran = 0;
  for (const child of batches) {
    await runBatch(engine, child, (ordinal, attempt) => {
      ran++;
      return verdict ? verdict(ordinal, attempt) : "C";
    });
  }
  return { ran, batches: batches.length, next: (await settle(engine, { jobId: JOB, run, step: answer })).next };
}

async function states(engine: Engine): Promise<string> {
  const { generation, gates = 1, batches = 0 } = await job(engine);
  let letters = "";
  for (let n = 0; n < batches; n++) {
    const item = await engine.table.get(batchKey(JOB, generation, gates, n));
    letters += item
      ? unpackStates(String(item.tasks))
          .map(({ letter }) => letter)
          .join("")
      : "??";
  }
  return letters;
}

describe("each action in each state", () => {
  const to = { pause: "PAUSING", resume: "PARTITIONED", abort: "CANCELING", requeue: "REQUEUEING" } as const;
  /** States in which the action has happened already. */
  const done: Record<keyof typeof ACTIONS, readonly JobState[]> = {
    pause: ["PAUSING", "PAUSED"],
    resume: [],
    abort: ["CANCELING", "CANCELED", "FAILED", "NEW"],
    requeue: ["REQUEUEING"],
  };
  const cases = Object.keys(ACTIONS).flatMap((action) => JOB_STATES.map((state) => [action, state] as const));

  it.each(cases)("%s of a job that is %s is as the matrix says", async (name, state) => {
    const action = name as keyof typeof ACTIONS;
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const wish = state === "PAUSED" || state === "PAUSING" ? 1 : 0;
    await set(engine, { state, wish, stands: "PARTITIONED", ...byStateKeys(OWNER, state, JOB), edits: 0 });
    // PARTITIONED is entered by a resume, a requeue or a plan: only the first is one's own way back.
    const allowed =
      done[action].includes(state) || (mayBecome(state, to[action]) && !(action === "resume" && state !== "PAUSED"));

    const outcome = await ACTIONS[action](engine, ASK, {}).then(
      () => "done",
      (error: unknown) => error,
    );

    if (allowed) expect(outcome).toBe("done");
    else {
      expect(outcome).toBeInstanceOf(ApiError);
      expect(outcome).toMatchObject({ kind: "conflict", message: expect.stringContaining(state) });
      expect((await job(engine)).state).toBe(state);
    }
  });

  it("another owner's job is not found, whatever is asked", async () => {
    const { engine } = await planned();
    for (const action of Object.values(ACTIONS)) {
      await expect(action(engine, { owner: "eve", id: JOB }, {})).rejects.toMatchObject({ code: "JOB_NOT_FOUND" });
    }
  });
});

describe("pause", () => {
  it("holds the gates, tells the workers, and ends as PAUSED once the hands are empty", async () => {
    const { engine, batches } = await planned();
    const [first, second] = batches;
    if (!first || !second) throw new Error("two batches are needed");
    const hand = await claim(engine, first);
    const result = await work(engine, { ...first, hand }, hand, () => "C");

    await pauseJob(engine, ASK);
    await pauseJob(engine, ASK);
    expect(await job(engine)).toMatchObject({ state: "PAUSING", wish: 1 });
    expect(
      JSON.parse(engine.objects.text({ bucket: BUCKET, key: hintKey({ owner: OWNER, jobId: JOB }) }) ?? ""),
    ).toMatchObject({ wish: 1 });
    expect((await claim(engine, second)).tasks).toBe("");
    await sweep(engine, { jobId: JOB });
    expect((await job(engine)).state).toBe("PAUSING");
    const answer = await commit(engine, { ...first, hand, result });
    for (const jobId of engine.nudge.take()) await sweep(engine, { jobId });

    expect(answer.next).toBe("done");
    expect(await job(engine)).toMatchObject({ state: "PAUSED" });
    expect((await job(engine)).dueSk).toBeUndefined();
    expect(engine.workflow.running()).toEqual([]);
    expect(await counts(engine)).toMatchObject({ active: 0, completed: first.b.count });
  });

  it("is not lost when it comes before the gates are open: plan gives way", async () => {
    const { engine } = await planned();
    await pauseJob(engine, ASK);
    await sweep(engine, { jobId: JOB });
    await resumeJob(engine, ASK);
    await pauseJob(engine, ASK);

    expect(await plan(engine, { jobId: JOB, run: 2 })).toEqual({ next: "superseded" });
    await sweep(engine, { jobId: JOB });

    expect((await job(engine)).state).toBe("PAUSED");
    expect((await loadGates(engine.table, JOB, 0, 1)).filter(({ mode }) => mode === "open")).toEqual([]);
  });

  it("of a resumed run that never began is not kept waiting by workers that died before", async () => {
    const { engine, batches } = await planned();
    const [first] = batches;
    if (!first) throw new Error("no batch");
    await pauseAfterDeath(engine, first);
    await resumeJob(engine, ASK);
    engine.workflow.executions.delete(`${JOB}-r2`); // its start was lost
    await pauseJob(engine, ASK);

    await sweep(engine, { jobId: JOB });

    expect((await job(engine)).state).toBe("PAUSED");
    expect(await counts(engine)).toMatchObject({ active: 0, queued: 10 });
  });

  /** A child that died holds tasks for ever; settle ends the round and obeys the pause. */
  async function pauseAfterDeath(engine: Engine, child: ChildInput): Promise<void> {
    await claim(engine, child);
    await pauseJob(engine, ASK);
    await settle(engine, { jobId: JOB, run: 1, step: { next: "tasks", round: 1 } });
    expect((await job(engine)).state).toBe("PAUSED");
  }
});

describe("resume", () => {
  it("goes on in the next run with what is left, and the pause doesn't count", async () => {
    const { engine, batches } = await planned();
    const [first] = batches;
    if (!first) throw new Error("no batch");
    await runBatch(engine, first);
    const { timeoutAt = 0 } = { timeoutAt: engine.clock.now() + 1_000_000 };
    await set(engine, { timeoutAt });
    await pauseJob(engine, ASK);
    await sweep(engine, { jobId: JOB });
    engine.clock.advance(500_000);

    await resumeJob(engine, ASK);
    await resumeJob(engine, ASK);

    expect(await job(engine)).toMatchObject({
      state: "PARTITIONED",
      run: 2,
      wish: 0,
      pausedMs: 500_000,
      timeoutAt: timeoutAt + 500_000,
    });
    expect(engine.workflow.running().map(({ name }) => name)).toEqual([`${JOB}-r2`]);
    expect(await runTasks(engine)).toEqual({ ran: 10 - first.b.count, batches: batches.length - 1, next: "assemble" });
  });

  it("whose start is lost is started by the sweeper", async () => {
    const { engine } = await planned();
    await pauseJob(engine, ASK);
    await sweep(engine, { jobId: JOB });
    await resumeJob(engine, ASK);
    engine.workflow.executions.delete(`${JOB}-r2`);
    engine.clock.advance(61_000);

    const report = await sweep(engine, {});

    expect(report.repairs).toMatchObject([{ jobId: JOB, kind: "START" }]);
    expect(engine.workflow.running().map(({ name }) => name)).toEqual([`${JOB}-r2`]);
  });
});

describe("abort", () => {
  it("ends the run on its gates: no claim, commit or plan of it passes any more", async () => {
    const { engine, batches } = await planned();
    const [first, second] = batches;
    if (!first || !second) throw new Error("two batches are needed");
    const hand = await claim(engine, first);
    const result = await work(engine, { ...first, hand }, hand, () => "C");

    await abortJob(engine, ASK);
    await abortJob(engine, ASK);

    expect(await job(engine)).toMatchObject({ state: "CANCELED", wish: 3, interrupted: "PARTITIONED" });
    expect(engine.workflow.running()).toEqual([]);
    const before = engine.table.dump();
    expect((await claim(engine, second)).tasks).toBe("");
    expect((await commit(engine, { ...first, hand, result })).next).toBe("done");
    expect(await plan(engine, { jobId: JOB, run: 1 })).toEqual({ next: "superseded" });
    expect(engine.table.dump()).toEqual(before);
  });

  it("of a NEW job deletes it", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    await set(engine, { state: "NEW", run: 0 });

    await abortJob(engine, ASK);

    expect((await job(engine)).deletedAt).toBeDefined();
  });

  it("in DOWNLOADING waits out what publish may have under way", async () => {
    const { engine } = await planned();
    await set(engine, { state: "DOWNLOADING", ...byStateKeys(OWNER, "DOWNLOADING", JOB) });

    await abortJob(engine, ASK);
    expect(await job(engine)).toMatchObject({ state: "CANCELING", interrupted: "DOWNLOADING" });
    engine.clock.advance(61_000);
    await sweep(engine, {});
    expect((await job(engine)).state).toBe("CANCELING");
    engine.clock.advance(5_000);
    const report = await sweep(engine, {});

    expect(report.repairs).toMatchObject([{ kind: "CANCEL" }]);
    expect((await job(engine)).state).toBe("CANCELED");
  });

  it("of a job that just FAILED in publishing waits too, and says for how long", async () => {
    const { engine } = await planned();
    const failed = { state: "FAILED", interrupted: "DOWNLOADING", "stamps.FAILED": engine.clock.now() } as const;
    await set(engine, { ...failed, ...byStateKeys(OWNER, "FAILED", JOB) });

    await expect(abortJob(engine, ASK)).rejects.toMatchObject({
      code: "DELIVERY_ENDING",
      message: expect.stringContaining("65 s"),
    });
    engine.clock.advance(65_000);
    await abortJob(engine, ASK);

    expect((await job(engine)).state).toBe("CANCELED");
  });

  it("that dies on the way is ended by the sweeper", async () => {
    const { engine } = await planned();
    await set(engine, { state: "CANCELING", wish: 3, ...byStateKeys(OWNER, "CANCELING", JOB) });
    engine.clock.advance(61_000);

    const report = await sweep(engine, {});

    expect(report.repairs).toMatchObject([{ kind: "CANCEL" }]);
    expect((await job(engine)).state).toBe("CANCELED");
    expect(engine.workflow.running()).toEqual([]);
  });
});

describe("requeue", () => {
  /** Two tasks FAILED, one PARTIAL, the rest completed; the job FAILED. */
  async function failed() {
    const { engine, batches } = await planned(10, { config: { maxTaskRetries: 0 } });
    const verdict: Verdict = (ordinal) => (ordinal === 2 || ordinal === 7 ? "X" : ordinal === 4 ? "P" : "C");
    for (const child of batches) await runBatch(engine, child, verdict);
    await settle(engine, { jobId: JOB, run: 1, step: { next: "tasks", round: 1 } });
    expect(await job(engine)).toMatchObject({ state: "FAILED" });
    expect(await states(engine)).toBe("CCFCPCCFCC");
    return engine;
  }

  it.each([
    [undefined, 2],
    ["unfinished", 2],
    ["failed", 2],
    ["partial", 1],
    ["all", 10],
    [[0, 9], 2],
  ] as const)("of %j runs just these", async (tasks, ran) => {
    const engine = await failed();

    await requeueJob(engine, ASK, { tasks });
    expect(await job(engine)).toMatchObject({ state: "REQUEUEING", run: 2, wish: 0, round: 0 });
    expect((await job(engine)).failure).toBeUndefined();
    const second = await runTasks(engine);

    expect(second.ran).toBe(ran);
    const total = Object.values(await counts(engine)).reduce((a, b) => a + b, 0);
    expect(total).toBe(10);
  });

  it("reset tasks have fresh attempts and their old results are dropped, all others stay", async () => {
    const engine = await failed();
    await requeueJob(engine, ASK, { tasks: [4] });
    const { run } = await job(engine);

    const answer = await plan(engine, { jobId: JOB, run, step: await prepare(engine, { jobId: JOB, run }) });

    expect(children(engine, answer).map(({ b }) => b.n)).toEqual([4]);
    expect(await states(engine)).toBe("CCFCQCCFCC");
    expect(await counts(engine)).toMatchObject({ queued: 1, partial: 0, failed: 2, completed: 7 });
  });

  it("a repeated and a late plan reset nothing twice", async () => {
    const engine = await failed();
    await requeueJob(engine, ASK, { tasks: "all" });
    const input = { jobId: JOB, run: 2 };
    const [first] = children(engine, await plan(engine, input)).map((child) => ({ ...child, run: 2 }));
    if (!first) throw new Error("no batch");
    await runBatch(engine, first);

    await plan(engine, input);

    expect((await states(engine)).slice(0, first.b.count)).toBe("C".repeat(first.b.count));
    expect(await counts(engine)).toMatchObject({ completed: first.b.count, queued: 10 - first.b.count });
  });

  it("plan doesn't begin a run that was ended while it reset the tasks", async () => {
    const engine = await failed();
    await requeueJob(engine, ASK, { tasks: "all" });
    let isEnded = false;
    const table = withFaults(engine.table, async ({ when, method, args }) => {
      const isReset = when === "before" && method === "transact" && JSON.stringify(args[0]).includes('"sk":"BATCH#');
      if (!isReset || isEnded) return;
      isEnded = true;
      await endRun(engine.table, await job(engine)); // as the sweeper does when the execution was stopped from outside
    });

    const late = plan({ ...engine, table }, { jobId: JOB, run: 2 });

    await expect(late).rejects.toMatchObject({ code: "SUPERSEDED" });
    expect(await job(engine)).toMatchObject({ state: "REQUEUEING" });
    expect(await states(engine)).toBe("CCFCPCCFCC");
  });

  it("the same again changes nothing, another selection is refused while it is REQUEUEING", async () => {
    const engine = await failed();
    await requeueJob(engine, ASK, { tasks: [1, 2, 3] });

    await requeueJob(engine, ASK, { tasks: [3, 2, 1] });
    await expect(requeueJob(engine, ASK, { tasks: [1, 2] })).rejects.toMatchObject({ code: "REQUEUE_IN_PROGRESS" });
    await expect(requeueJob(engine, ASK, { tasks: "all" })).rejects.toMatchObject({ code: "REQUEUE_IN_PROGRESS" });
    await expect(requeueJob(engine, ASK, { repartition: true })).rejects.toMatchObject({ code: "REQUEUE_IN_PROGRESS" });

    expect((await job(engine)).run).toBe(2);
  });

  it("the same Idempotency-Key makes one run, also long after", async () => {
    const engine = await failed();
    const idempotency = { key: "k", fingerprint: "f" };
    await requeueJob(engine, ASK, { tasks: "all", idempotency });
    await runTasks(engine);
    await set(engine, { state: "COMPLETE" });

    await requeueJob(engine, ASK, { tasks: "all", idempotency });
    await expect(requeueJob(engine, ASK, { idempotency: { key: "k", fingerprint: "other" } })).rejects.toMatchObject({
      code: "IDEMPOTENCY_KEY_REUSED",
    });

    expect((await job(engine)).run).toBe(2);
  });

  it("with nothing selected, or a task that isn't there, is refused", async () => {
    const { engine } = await planned();
    await runTasksOfRun1(engine);
    await set(engine, { state: "COMPLETE" });

    for (const tasks of ["failed", "partial", "unfinished", []] as const) {
      await expect(requeueJob(engine, ASK, { tasks })).rejects.toMatchObject({ code: "NOTHING_TO_REQUEUE" });
    }
    await expect(requeueJob(engine, ASK, { tasks: [10] })).rejects.toMatchObject({
      kind: "invalid",
      problems: [{ path: "tasks" }],
    });
  });

  async function runTasksOfRun1(engine: Engine): Promise<void> {
    expect((await runTasks(engine)).next).toBe("assemble");
  }

  it("of a COMPLETE job with nothing missing runs all its tasks", async () => {
    const { engine } = await planned();
    await runTasksOfRun1(engine);
    await set(engine, { state: "COMPLETE" });

    await requeueJob(engine, ASK);

    expect((await runTasks(engine)).ran).toBe(10);
  });

  it.each([
    ["TASKS_COMPLETED", "assemble", "TASKS_COMPLETED"],
    ["MERGED", "deliver", "MERGED"],
  ] as const)("of a job that FAILED behind %s runs no task, only %s", async (stands, next, state) => {
    const { engine } = await planned();
    await runTasksOfRun1(engine);
    await set(engine, { state: "FAILED", stands });

    await requeueJob(engine, ASK);
    const answer = await prepare(engine, { jobId: JOB, run: 2 });

    expect(answer).toEqual({ next });
    expect((await job(engine)).state).toBe(state);
    expect(await prepare(engine, { jobId: JOB, run: 2 })).toEqual({ next });
  });

  it("of a job whose merged output has been purged merges again", async () => {
    const { engine } = await planned();
    await runTasksOfRun1(engine);
    await set(engine, { state: "CANCELED", stands: "MERGED", purged: true });

    await requeueJob(engine, ASK);

    expect(await prepare(engine, { jobId: JOB, run: 2 })).toEqual({ next: "assemble" });
  });

  it("of a job that never had tasks, or with repartition, begins anew in another generation", async () => {
    for (const [stands, options] of [
      ["STARTED", {}],
      ["PARTITIONED", { repartition: true }],
    ] as const) {
      const engine = await failed();
      await set(engine, { stands });
      const params = { partitioner: { range: "1-10" }, app: {}, assembler: {} };
      await engine.table.write({ update: specKey(JOB), changes: { set: { params } } });

      await requeueJob(engine, ASK, options);
      const asRequeued = await job(engine);
      await prepare(engine, { jobId: JOB, run: 2 });

      expect(asRequeued).toMatchObject({ generation: 1, stands: "STARTED" });
      for (const field of ["chunks", "table", "tasks", "gates", "output"] as const)
        expect(asRequeued[field]).toBeUndefined();
      expect((await job(engine)).state).toBe("PARTITIONING");
    }
  });

  it("in another generation leaves no gate open that a plan made and opened just before its job was aborted", async () => {
    const { engine } = await planned();
    const key = jobKey(JOB);
    await engine.table.write({
      update: key,
      changes: { set: { state: "CANCELED", stands: "STARTED" }, remove: ["gates", "table"] },
    });
    const [before] = await loadGates(engine.table, JOB, 0, 1);

    await requeueJob(engine, ASK, { repartition: true });

    const [after] = await loadGates(engine.table, JOB, 0, 1);
    expect([before?.mode, after?.mode]).toEqual(["open", "closed"]);
  });

  it("many ordinals lie in an object, and are found again", async () => {
    const { engine } = await planned(2_000, { taskSeconds: 1 });
    await runTasksOfRun1(engine);
    await set(engine, { state: "COMPLETE" });
    const odd = Array.from({ length: 1_000 }, (_, i) => 2 * i + 1);

    await requeueJob(engine, ASK, { tasks: odd });
    await requeueJob(engine, ASK, { tasks: odd });

    expect(JSON.stringify((await job(engine)).selection).length).toBeLessThan(200);
    expect((await runTasks(engine)).ran).toBe(1_000);
  });
});

it("an active job is one that can be aborted", () => {
  for (const state of JOB_STATES) {
    expect(mayBecome(state, "CANCELING")).toBe(isActive(state) && state !== "CANCELING");
  }
});
