import { describe, expect, it } from "vitest";
import { CapturedLog, MemoryEventBus, unavailable, withFaults } from "../../../adapters/memory/index.ts";
import { stateChangeDetail } from "../../../core/contracts/events.ts";
import { publishEvents } from "../../../core/events/publish.ts";
import { eventRow, transition } from "../../../core/job/transition.ts";
import { jobKey } from "../../../core/keys/item-keys.ts";
import { claim } from "../../../core/steps/claim.ts";
import { commit } from "../../../core/steps/commit.ts";
import { plan } from "../../../core/steps/plan.ts";
import { children, type Engine, JOB, makeEngine, OWNER, putTasksJob, work } from "../../helpers/engine.ts";
import { imageOf, recordOf, streamOf } from "../../helpers/stream.ts";

/** A job whose first batch is done and whose others wait; its timeline has one change so far. */
async function halfDone(): Promise<Engine> {
  const engine = makeEngine();
  await putTasksJob(engine, 40);
  const [first] = children(engine, await plan(engine, { jobId: JOB, run: 1 }));
  if (!first) throw new Error("plan made no batch");
  const hand = await claim(engine, first);
  const result = await work(engine, first, hand, (ordinal) => (ordinal === 0 ? "X" : "C"));
  await commit(engine, { ...first, hand, result });
  return engine;
}

const rowsOf = (engine: Engine) => engine.table.dump().filter(({ sk }) => sk.startsWith("EVENT#"));
const contextOf = (engine: Engine, bus = new MemoryEventBus()) => ({
  table: engine.table,
  bus,
  log: new CapturedLog(),
});

describe("a change of state", () => {
  it("becomes an event with the row's id, the job, the run, from, to, why and the counts of the moment", async () => {
    const engine = await halfDone();
    const ctx = contextOf(engine);

    const report = await publishEvents(ctx, streamOf(engine.table));

    expect(report).toMatchObject({ sent: 1, dropped: 0, unsent: [] });
    const [row] = rowsOf(engine);
    const [event] = ctx.bus.sent;
    expect(event).toMatchObject({ source: "jobjob", detailType: "JobJob Job State Change", at: row?.at });
    const detail = stateChangeDetail.parse(event?.detail);
    expect(detail).toEqual({
      id: row?.id,
      jobId: JOB,
      owner: OWNER,
      run: 1,
      from: "JOB_STATE_PARTITIONING",
      to: "JOB_STATE_PARTITIONED",
      at: "2026-01-01T00:00:00.000Z",
      who: "workflow",
      why: row?.why ?? null,
      counts: expect.objectContaining({ total: 40, failed: 1, active: 0, partial: 0 }),
    });
    const { total, ...states } = detail.counts ?? { total: -1 };
    expect(Object.values(states).reduce((sum, count) => sum + count, 0)).toBe(total);
    expect(detail.counts?.completed).toBeGreaterThan(0);
  });

  it("carries its reason", async () => {
    const engine = await halfDone();
    const who = { jobId: JOB, owner: OWNER, run: 1, who: "workflow" };
    await transition(engine, { ...who, from: "PARTITIONED", to: "FAILED", why: "settle: too many tasks failed" });
    const ctx = contextOf(engine);

    await publishEvents(ctx, streamOf(engine.table));

    const failed = ctx.bus.sent.map(({ detail }) => stateChangeDetail.parse(detail)).at(-1);
    expect(failed).toMatchObject({ to: "JOB_STATE_FAILED", why: "settle: too many tasks failed" });
  });

  it("of a job that was deleted meanwhile has no counts", async () => {
    const engine = await halfDone();
    const stream = streamOf(engine.table);
    await engine.table.write({ update: jobKey(JOB), changes: { set: { deletedAt: 1 } } });
    const ctx = contextOf(engine);

    await publishEvents(ctx, stream);
    await engine.table.write({ delete: jobKey(JOB) });
    await publishEvents(ctx, stream);

    expect(ctx.bus.sent.map(({ detail }) => stateChangeDetail.parse(detail).counts)).toEqual([null, null]);
  });

  it("given twice is sent twice with the same id, and the counts are read once for all events of a call", async () => {
    const engine = await halfDone();
    const stream = streamOf(engine.table);
    const ctx = contextOf(engine);
    engine.table.resetStats();

    await publishEvents(ctx, [...stream, ...stream]);

    expect(new Set(ctx.bus.sent.map(({ detail }) => detail.id)).size).toBe(1);
    expect(ctx.bus.sent).toHaveLength(2);
    expect(engine.table.stats.calls.batchGet).toBe(2);
  });
});

describe("what is no change of state", () => {
  it("passes without a read or an event: other rows, other items, expiry, changes of old rows", async () => {
    const engine = await halfDone();
    const [row] = rowsOf(engine);
    if (!row) throw new Error("no row");
    await engine.table.write(
      eventRow(engine, { jobId: JOB, owner: OWNER, at: 1, who: "sweeper", what: "REPAIR", run: 1, why: "started it" }),
    );
    const repair = rowsOf(engine).find(({ what }) => what === "REPAIR");
    const others = streamOf(engine.table).filter(({ dynamodb }) => !dynamodb.Keys.sk.S.startsWith("EVENT#"));
    const ctx = contextOf(engine);
    engine.table.resetStats();

    const report = await publishEvents(ctx, [
      ...others,
      recordOf(repair ?? row, "INSERT", 1),
      recordOf(row, "REMOVE", 2),
      recordOf(row, "MODIFY", 3),
    ]);

    expect(others.length).toBeGreaterThan(3);
    expect(report).toEqual({ sent: 0, passed: others.length + 3, dropped: 0, unsent: [] });
    expect(ctx.bus.sent).toEqual([]);
    expect(engine.table.stats.calls.batchGet).toBe(0);
  });

  it("is dropped with a line in the log when its shape is another, and keeps nothing else back", async () => {
    const engine = await halfDone();
    const [row] = rowsOf(engine);
    if (!row) throw new Error("no row");
    const broken = { ...row, to: "NOWHERE" };
    const ctx = contextOf(engine);

    const report = await publishEvents(ctx, [
      recordOf(broken, "INSERT", 1),
      { eventName: "INSERT", dynamodb: { SequenceNumber: "2", Keys: { pk: { S: row.pk }, sk: { S: row.sk } } } },
      recordOf(row, "INSERT", 3),
    ]);

    expect(report).toMatchObject({ sent: 1, dropped: 2, unsent: [] });
    expect(ctx.log.events()).toEqual(["EVENT_DROPPED", "EVENT_DROPPED"]);
  });
});

describe("a bus that doesn't take an event", () => {
  async function twoChanges() {
    const engine = await halfDone();
    const who = { jobId: JOB, owner: OWNER, run: 1, who: "workflow" };
    await transition(engine, { ...who, from: "PARTITIONED", to: "TASKS_COMPLETED" });
    const records = rowsOf(engine).map((row, i) => recordOf(row, "INSERT", 70 + i));
    return { engine, records };
  }

  it("gets it again: the record is named in the answer", async () => {
    const { engine, records } = await twoChanges();
    const bus = new MemoryEventBus();
    bus.refuse = ({ detail }) =>
      detail.to === "JOB_STATE_TASKS_COMPLETED" ? { code: "ThrottlingException", retryable: true } : undefined;

    const report = await publishEvents(contextOf(engine, bus), records);

    expect(report).toMatchObject({ sent: 1, unsent: ["71"] });
  });

  it("at all makes the whole call fail, so that an engine without partial answers repeats it too", async () => {
    const { engine, records } = await twoChanges();
    const bus = new MemoryEventBus();
    bus.refuse = () => ({ code: "InternalFailure", retryable: true });

    const attempt = publishEvents(contextOf(engine, bus), records);

    await expect(attempt).rejects.toMatchObject({ code: "EVENTS_UNSENT", retryable: true });
  });

  it("for good is told in the log, and the event isn't tried for ever", async () => {
    const { engine, records } = await twoChanges();
    const bus = new MemoryEventBus();
    bus.refuse = () => ({ code: "MalformedDetail", retryable: false });
    const ctx = contextOf(engine, bus);

    const report = await publishEvents(ctx, records);

    expect(report).toMatchObject({ sent: 0, dropped: 2, unsent: [] });
    expect(ctx.log.lines.map(({ event, data }) => [event, data?.code])).toEqual([
      ["EVENT_DROPPED", "MalformedDetail"],
      ["EVENT_DROPPED", "MalformedDetail"],
    ]);
  });

  it("isn't asked while the counts can't be read", async () => {
    const { engine, records } = await twoChanges();
    const bus = new MemoryEventBus();
    const table = withFaults(engine.table, ({ when, method }) => {
      if (when === "before" && method === "batchGet") throw unavailable("TABLE_UNAVAILABLE");
    });

    const attempt = publishEvents({ ...contextOf(engine, bus), table }, records);

    await expect(attempt).rejects.toMatchObject({ code: "TABLE_UNAVAILABLE" });
    expect(bus.sent).toEqual([]);
  });
});

it("the stream's notation of a row is read back as the row", async () => {
  const engine = await halfDone();
  const [row] = rowsOf(engine);
  expect(imageOf(row ?? { pk: "", sk: "" })).toMatchObject({
    run: { N: "1" },
    ownerPk: { S: `OWNER#${OWNER}#EVENTS` },
  });
});
