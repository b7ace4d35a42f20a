import { describe, expect, it } from "vitest";
import { byDueKeys, byStateKeys, eventKey, jobKey, specKey } from "../../../core/keys/item-keys.ts";
import { claimLogKey, jobPrefix, runOutputPrefix } from "../../../core/keys/object-keys.ts";
import type { JobState } from "../../../core/states/job-states.ts";
import { claim } from "../../../core/steps/claim.ts";
import { plan } from "../../../core/steps/plan.ts";
import { sweep } from "../../../core/steps/sweep.ts";
import { BUCKET, children, type Engine, JOB, job, makeEngine, OWNER, putTasksJob } from "../../helpers/engine.ts";

const PLACE = { owner: OWNER, jobId: JOB };

async function inState(state: JobState, set: Record<string, string | number | boolean> = {}): Promise<Engine> {
  const engine = makeEngine();
  await putTasksJob(engine, 10);
  await engine.table.write({
    update: jobKey(JOB),
    changes: {
      set: {
        state,
        "stamps.STARTED": engine.clock.now(),
        ...byStateKeys(OWNER, state, JOB),
        ...byDueKeys(engine.clock.now(), JOB),
        ...set,
      },
    },
  });
  return engine;
}

describe("a start that was lost", () => {
  it("is made up for after 30 s, with the same name and input, and told in the timeline", async () => {
    const engine = await inState("STARTED");
    engine.clock.advance(31_000);

    const report = await sweep(engine, {});

    expect(report.repairs).toMatchObject([{ jobId: JOB, kind: "START" }]);
    expect([...engine.workflow.executions.keys()]).toEqual([`${JOB}-r1`]);
    const events = await engine.table.query({ pk: jobKey(JOB).pk, prefix: "EVENT#" });
    expect(events.items.map((item) => item.what)).toContain("REPAIR");
  });

  it("is left alone before that, while it waits for its upload, and when it runs already", async () => {
    const young = await inState("STARTED");
    const waiting = await inState("STARTED", { waitingFor: "UPLOAD" });
    waiting.clock.advance(600_000);
    const running = await inState("STARTED");
    await running.workflow.start(`${JOB}-r1`, { jobId: JOB, run: 1 });
    running.clock.advance(600_000);

    for (const engine of [young, waiting]) {
      await sweep(engine, {});
      expect(engine.workflow.executions.size).toBe(0);
    }
    await sweep(running, {});
    expect(running.workflow.executions.size).toBe(1);
  });

  it("swept twice at once is started once", async () => {
    const engine = await inState("STARTED");
    engine.clock.advance(31_000);

    await Promise.all([sweep(engine, {}), sweep(engine, {})]);

    expect(engine.workflow.executions.size).toBe(1);
  });
});

describe("an execution that ended without a word", () => {
  /**
   * Its last move, then nothing; the sweeper comes every minute, a little late, and its looks take their time.
   * @returns when the job was FAILED, ms from the beginning
   */
  async function lostAt(movedMs: number): Promise<number> {
    const engine = await inState("PARTITIONING");
    const begun = engine.clock.now();
    await engine.workflow.start(`${JOB}-r1`, { jobId: JOB, run: 1 });
    const [child] = children(engine, await plan(engine, { jobId: JOB, run: 1 }));
    if (!child) throw new Error("no batch");
    const query = engine.table.query.bind(engine.table);
    engine.table.query = async (ask) => {
      const answer = await query(ask);
      engine.clock.advance(100);
      return answer;
    };
    for (let n = 1, moved = false; ; n++) {
      const tick = n * 60_000 + (n % 3) * 700;
      if (!moved && movedMs < tick) {
        engine.clock.set(new Date(begun + movedMs).toISOString());
        await claim(engine, child);
        engine.workflow.finish(`${JOB}-r1`);
        moved = true;
      }
      engine.clock.set(new Date(begun + tick).toISOString());
      await sweep(engine, {});
      const { state, failure, stamps } = await job(engine);
      if (state === "PARTITIONED") continue;
      expect([state, failure?.code]).toEqual(["FAILED", "WORKFLOW_LOST"]);
      return (stamps.FAILED ?? 0) - begun;
    }
  }

  it("is found within two minutes of the job's last move, however that lies to the sweeper's ticks", async () => {
    for (let movedMs = 0; movedMs < 180_000; movedMs += 2_500) {
      expect(await lostAt(movedMs), `moved at ${movedMs} ms`).toBeLessThanOrEqual(movedMs + 120_000);
    }
  });
});

describe("the purge", () => {
  it("of a deleted job leaves no object, no item and no upload", async () => {
    const engine = await inState("COMPLETE");
    await engine.table.write({ update: jobKey(JOB), changes: { set: { state: "PARTITIONING" } } });
    const [child] = children(engine, await plan(engine, { jobId: JOB, run: 1 }));
    if (!child) throw new Error("no batch");
    await claim(engine, child);
    await engine.objects.createUpload({ bucket: BUCKET, key: `${jobPrefix(PLACE)}output/r1/c1/a` });
    await engine.objects.put({ bucket: BUCKET, key: claimLogKey(PLACE, 0, 0, 1) }, "{}");
    await engine.table.write({ put: { ...eventKey(JOB, "2026-01-01T00:00:00.000Z", "e"), id: "e" } });
    await engine.table.write({
      update: jobKey(JOB),
      changes: { set: { state: "COMPLETE", deletedAt: engine.clock.now(), ...byDueKeys(engine.clock.now(), JOB) } },
    });

    await sweep(engine, {});

    expect(engine.objects.keys(BUCKET)).toEqual([]);
    expect(await engine.objects.listUploads(BUCKET, "")).toEqual([]);
    expect(engine.table.dump()).toEqual([]);
  });

  it("of temporary results comes when their 48 h are over, and leaves the task results", async () => {
    const engine = await inState("COMPLETE", { purgeAt: Date.parse("2026-01-03T00:00:00Z") });
    const output = `${runOutputPrefix(PLACE, 1)}c1/output.csv`;
    const result = `${jobPrefix(PLACE)}results/g0/b0/c1/pack`;
    for (const key of [output, result]) await engine.objects.put({ bucket: BUCKET, key }, "x");

    await sweep(engine, {});
    expect(engine.objects.keys(BUCKET)).toContain(output);
    engine.clock.set("2026-01-03T00:00:01Z");
    await sweep(engine, {});

    expect(engine.objects.keys(BUCKET)).not.toContain(output);
    expect(engine.objects.keys(BUCKET)).toContain(result);
    expect(await job(engine)).toMatchObject({ state: "COMPLETE", purged: true });
    expect((await job(engine)).dueSk).toBeUndefined();
    expect(await engine.table.get(specKey(JOB))).toBeDefined();
  });
});

it("one job that can't be repaired doesn't keep the others from it", async () => {
  const engine = await inState("STARTED");
  engine.clock.advance(31_000);
  await engine.table.write({ put: { ...jobKey("broken"), ...byDueKeys(0, "broken"), id: "broken" } });

  const report = await sweep(engine, {});

  expect(report.repairs.map(({ jobId }) => jobId)).toEqual([JOB]);
});
