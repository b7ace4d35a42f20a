import { describe, expect, it } from "vitest";
import { byStateKeys, jobKey } from "../../../core/keys/item-keys.ts";
import { ACTIVE_STATES, type JobState } from "../../../core/states/job-states.ts";
import { claim } from "../../../core/steps/claim.ts";
import { fail } from "../../../core/steps/fail.ts";
import { plan } from "../../../core/steps/plan.ts";
import { children, counts, type Engine, JOB, job, makeEngine, OWNER, putTasksJob } from "../../helpers/engine.ts";

const INPUT = { jobId: JOB, run: 1 };
const error = { code: "BOOM", message: "It broke; mend it.", retryable: false };

async function inState(state: JobState): Promise<Engine> {
  const engine = makeEngine();
  await putTasksJob(engine, 10);
  await plan(engine, INPUT);
  await engine.table.write({ update: jobKey(JOB), changes: { set: { state, ...byStateKeys(OWNER, state, JOB) } } });
  return engine;
}

describe("fail", () => {
  it.each([
    ["STARTED", "prepare"],
    ["UPLOADING", "prepare"],
    ["PARTITIONING", "partition"],
    ["PARTITIONED", "tasks"],
    ["TASKS_COMPLETED", "assemble"],
    ["MERGING", "assemble"],
    ["MERGED", "deliver"],
    ["DOWNLOADING", "deliver"],
  ] as const)("from %s names the step %s, the cause and the remedy", async (state, step) => {
    const engine = await inState(state);

    const answer = await fail(engine, { ...INPUT, step: { next: "fail", error } });

    expect(answer.next).toBe("ended");
    expect(await job(engine)).toMatchObject({ state: "FAILED", failure: { ...error, step } });
  });

  it("tells publish from deliver by the step that held the last claim", async () => {
    const engine = await inState("DOWNLOADING");
    await engine.table.write({ update: jobKey(JOB), changes: { set: { claimStep: "publish#1" } } });

    await fail(engine, { ...INPUT, step: { next: "fail", error } });

    expect((await job(engine)).failure?.step).toBe("publish");
  });

  it("is possible from every active state but PAUSED: that one's execution was stopped on purpose", async () => {
    for (const state of ACTIVE_STATES) {
      const engine = await inState(state);
      await fail(engine, { ...INPUT, step: { next: "fail", error } });
      expect((await job(engine)).state, state).toBe(state === "PAUSED" ? "PAUSED" : "FAILED");
    }
  });

  it("of a job that is ending already keeps the reason that came first", async () => {
    const engine = await inState("PARTITIONED");
    const failure = { step: "tasks", code: "TOLERANCE_EXCEEDED", message: "Too many failed.", retryable: false };
    await engine.table.write({ update: jobKey(JOB), changes: { set: { wish: 2, failure } } });

    await fail(engine, { ...INPUT, caught: { Error: "States.Runtime" } });

    expect(await job(engine)).toMatchObject({ state: "FAILED", failure });
  });

  it("ends the run on its gates: what workers held is queued, and no claim passes any more (I3)", async () => {
    const engine = makeEngine();
    await putTasksJob(engine, 10);
    const [child] = children(engine, await plan(engine, INPUT));
    if (!child) throw new Error("no batch");
    await claim(engine, child);

    await fail(engine, { ...INPUT, caught: { Error: "States.Timeout", Cause: "too slow" } });

    expect(await counts(engine)).toMatchObject({ active: 0, queued: 10 });
    expect((await claim(engine, child)).claim).toBe(0);
    expect((await job(engine)).failure?.message).toContain("States.Timeout");
  });

  it("of an old run changes nothing", async () => {
    const engine = await inState("PARTITIONED");

    const answer = await fail(engine, { jobId: JOB, run: 7, step: { next: "fail", error } });

    expect(answer.next).toBe("superseded");
    expect((await job(engine)).state).toBe("PARTITIONED");
  });
});
