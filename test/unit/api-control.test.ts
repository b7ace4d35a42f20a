import { describe, expect, it } from "vitest";
import { unavailable, withFaults } from "../../adapters/memory/index.ts";
import {
  type ActionsAnswer,
  actionsAnswer,
  type ErrorAnswer,
  genericAnswer,
} from "../../core/contracts/api/records.ts";
import { ACTIONS, type Action } from "../../core/contracts/api/requests.ts";
import { byStateKeys, jobKey } from "../../core/keys/item-keys.ts";
import { isActive, JOB_STATES, type JobState } from "../../core/states/job-states.ts";
import { ApiWorld } from "../helpers/api-world.ts";

const JOBS = "/v1/customer/jobs";

/** A job that has run, put into a state. */
async function jobIn(world: ApiWorld, state: JobState, name = "a job", owner = "alice"): Promise<string> {
  const { id } = await world.job({ name }, owner);
  if (state === "NEW") return id;
  await world.call("POST", `${JOBS}/${id}/run`, {}, { owner });
  const now = world.clock.now();
  await world.store.write({
    update: jobKey(id),
    changes: {
      set: {
        state,
        [`stamps.${state}`]: now,
        ...byStateKeys(owner, state, id),
        ...(state === "PAUSED" || state === "PAUSING" ? { wish: 1 } : {}),
        ...(isActive(state) ? {} : { endedAt: now, stands: "MERGED" }),
        ...(state === "REQUEUEING" ? { selection: { kind: "none" }, stands: "MERGED" } : {}),
      },
    },
  });
  return id;
}

const stateOf = async (world: ApiWorld, id: string): Promise<unknown> => (await world.store.get(jobKey(id)))?.state;
const act = (world: ApiWorld, body: unknown, options = {}) =>
  world.call<ActionsAnswer & ErrorAnswer>("POST", `${JOBS}/actions`, body, options);
/** Without what each request writes anew by itself. */
const contentOf = (world: ApiWorld): string =>
  JSON.stringify([world.store.dump(), world.objects.keys?.("jobjob-data")]);

/** What the product's matrix allows; the other states answer 409, or 404 for what isn't there. */
const ALLOWED: Readonly<Record<Action, readonly JobState[]>> = {
  pause: ["PARTITIONED", "PAUSING", "PAUSED"],
  resume: ["PAUSED"],
  requeue: ["COMPLETE", "FAILED", "CANCELED", "REQUEUEING"],
  abort: JOB_STATES.filter((state) => state !== "COMPLETE" && state !== "UNRUNNABLE"),
  delete: ["NEW", "COMPLETE", "FAILED", "CANCELED", "UNRUNNABLE"],
};
const REFUSALS: Readonly<Record<Action, string>> = {
  pause: "NOT_PAUSABLE",
  resume: "NOT_RESUMABLE",
  requeue: "NOT_REQUEUEABLE",
  abort: "NOT_ABORTABLE",
  delete: "JOB_NOT_ENDED",
};
const pairs = ACTIONS.flatMap((action) => JOB_STATES.map((state) => [action, state] as const));

describe("an action on a job", () => {
  it.each(pairs)("%s of one that is %s", async (action, state) => {
    const world = new ApiWorld();
    const id = await jobIn(world, state);
    const call = () =>
      action === "delete"
        ? world.call<ErrorAnswer>("DELETE", `${JOBS}/${id}`)
        : world.call<ErrorAnswer>("POST", `${JOBS}/${id}/${action}`);

    const first = await call();

    if (ALLOWED[action].includes(state)) {
      expect(genericAnswer.parse(first.body).ok).toBe(true);
      const again = await call();
      const isGone = action === "delete" || (action === "abort" && state === "NEW");
      expect([again.status, again.body.reason]).toEqual(isGone ? [404, "JOB_NOT_FOUND"] : [200, undefined]);
    } else {
      expect([first.status, first.body.reason, first.body.code]).toEqual([409, REFUSALS[action], 9]);
      expect(first.body.message).toContain(state);
      expect(await stateOf(world, id)).toBe(state);
    }
  });

  it.each(pairs)("dry run of %s of one that is %s tells the same, and changes nothing", async (action, state) => {
    const world = new ApiWorld();
    const id = await jobIn(world, state);
    const before = contentOf(world);

    const dry = actionsAnswer.parse((await act(world, { action, ids: [id], dryRun: true })).body);
    const untouched = contentOf(world);
    const real = actionsAnswer.parse((await act(world, { action, ids: [id] })).body);

    expect({ ...dry, dryRun: false }).toEqual(real);
    expect(dry.dryRun).toBe(true);
    expect(untouched).toBe(before);
    expect(real.ok).toBe(ALLOWED[action].includes(state) ? 1 : 0);
  });

  it.each([
    ["/v1/customer/jobs/{id}/pause", "PAUSING"],
    ["/v1/computing/jobs/pause/{id}", "PAUSING"],
    ["/v1/customer/jobs/abort/{id}", "CANCELED"],
    ["/v1/computing/jobs/{id}/abort", "CANCELED"],
  ])("answers at %s", async (path, state) => {
    const world = new ApiWorld();
    const id = await jobIn(world, "PARTITIONED");

    const { status } = await world.call("POST", path.replace("{id}", id));

    expect([status, await stateOf(world, id)]).toEqual([200, state]);
  });

  it("abort of one that is PAUSED leaves the pause out of its duration", async () => {
    const world = new ApiWorld();
    const id = await jobIn(world, "PAUSED");
    world.clock.advance(60_000);
    const before = (await world.get(id)).job.duration;

    await world.call("POST", `${JOBS}/${id}/abort`);

    const { job } = await world.get(id);
    expect([job.state, job.duration]).toEqual(["JOB_STATE_CANCELED", before]);
    expect(before).toBeLessThan(60);
  });

  it("run of one that has ended names requeue", async () => {
    const world = new ApiWorld();
    const id = await jobIn(world, "FAILED");

    const { status, body } = await world.run(id);

    expect([status, body.reason]).toEqual([409, "JOB_ENDED"]);
    expect(body.message).toMatch(/FAILED.*requeue/);
  });
});

describe("requeue", () => {
  it.each([
    [{ tasks: "some" }, "tasks", /"unfinished", "failed", "partial", "all"/],
    [{ tasks: [] }, "tasks", /no task/],
    [{ tasks: [3, -1] }, "tasks[1]", /number from 0/],
    [{ tasks: "7-3" }, "tasks[0]", /range/],
    [{ tasks: "0-999999999" }, "tasks", /more than 100,000/],
    [{ tasks: "failed", repartition: true }, "tasks", /all tasks run/],
    [{ task: "failed" }, "task", /not a known field/],
  ])("%j is refused with its field", async (body, path, problem) => {
    const world = new ApiWorld();
    const id = await jobIn(world, "FAILED");

    const answer = await world.call<ErrorAnswer>("POST", `${JOBS}/${id}/requeue`, body);

    expect([answer.status, answer.body.details[0]?.path]).toEqual([400, path]);
    expect(answer.body.details[0]?.problem).toMatch(problem);
  });

  it.each([
    [undefined, "none"],
    [{}, "none"],
    [{ tasks: null }, "none"],
    [{ tasks: "all" }, "all"],
    [{ tasks: "0-1,3" }, "tasks"],
    [{ tasks: ["2", 4] }, "tasks"],
    [{ repartition: "true" }, "all"],
  ])("%j selects %s", async (body, kind) => {
    const world = new ApiWorld();
    const id = await jobIn(world, "FAILED");
    await world.store.write({ update: jobKey(id), changes: { set: { tasks: 10, gates: 1 } } });

    const answer = await world.call("POST", `${JOBS}/${id}/requeue`, body);

    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    expect(await world.store.get(jobKey(id))).toMatchObject({ state: "REQUEUEING", run: 2, selection: { kind } });
  });

  it.each([
    ["STARTED", undefined],
    ["STARTED", { tasks: "all" }],
    ["MERGED", undefined],
    ["MERGED", { tasks: "0-1" }],
    ["MERGED", { repartition: true }],
  ])("of a job whose %s stands, with %j: the same again changes nothing, another is refused", async (stands, body) => {
    const world = new ApiWorld();
    const id = await jobIn(world, "FAILED");
    await world.store.write({ update: jobKey(id), changes: { set: { stands, tasks: 10, gates: 1 } } });
    const requeue = (asked: unknown) => world.call<ErrorAnswer>("POST", `${JOBS}/${id}/requeue`, asked);

    const first = await requeue(body);
    const again = await requeue(body);
    const other = await requeue({ tasks: "partial" });

    expect([first.status, again.status], JSON.stringify([first.body, again.body])).toEqual([200, 200]);
    expect([other.status, other.body.reason]).toEqual([409, "REQUEUE_IN_PROGRESS"]);
    expect(await world.store.get(jobKey(id))).toMatchObject({ state: "REQUEUEING", run: 2 });
  });

  it("with the same Idempotency-Key makes one run, also when that has ended meanwhile", async () => {
    const world = new ApiWorld();
    const id = await jobIn(world, "FAILED");
    const requeue = (body: unknown) =>
      world.call<ErrorAnswer>("POST", `${JOBS}/${id}/requeue`, body, { headers: { "Idempotency-Key": "k1" } });

    const first = await requeue({ tasks: "all" });
    await world.store.write({ update: jobKey(id), changes: { set: { state: "COMPLETE" } } });
    const again = await requeue({ tasks: "all" });
    const other = await requeue({ repartition: true });

    expect([first.status, again.status, other.status, other.body.reason]).toEqual([
      200,
      200,
      409,
      "IDEMPOTENCY_KEY_REUSED",
    ]);
    expect(await world.store.get(jobKey(id))).toMatchObject({ state: "COMPLETE", run: 2 });
  });

  it("refuses an Idempotency-Key that no header carries", async () => {
    const world = new ApiWorld();
    const id = await jobIn(world, "FAILED");

    const headers = { "Idempotency-Key": "with space" };
    const { status, body } = await world.call<ErrorAnswer>("POST", `${JOBS}/${id}/requeue`, {}, { headers });

    expect([status, body.details[0]?.path]).toEqual([400, "Idempotency-Key"]);
  });
});

describe("actions", () => {
  it("tell of each job by itself", async () => {
    const world = new ApiWorld();
    const running = await jobIn(world, "PARTITIONED");
    const paused = await jobIn(world, "PAUSED");
    const ended = await jobIn(world, "COMPLETE");
    const foreign = await jobIn(world, "PARTITIONED", "not yours", "bob");
    const unknown = "0".repeat(26);

    const { status, body } = await act(world, {
      action: "pause",
      ids: [running, ended, foreign, paused, unknown, running],
    });

    expect(status).toBe(200);
    const answer = actionsAnswer.parse(body);
    expect([answer.ok, answer.ids, answer.cursor]).toEqual([2, [running, paused], null]);
    expect(answer.skipped.map(({ id, code }) => [id, code])).toEqual([
      [ended, "NOT_PAUSABLE"],
      [foreign, "JOB_NOT_FOUND"],
      [unknown, "JOB_NOT_FOUND"],
    ]);
    expect(answer.skipped[0]?.why).toContain("COMPLETE");
    expect([await stateOf(world, running), await stateOf(world, foreign)]).toEqual(["PAUSING", "PARTITIONED"]);
  });

  it("find jobs by filters, and only those", async () => {
    const world = new ApiWorld();
    const failed = await jobIn(world, "FAILED", "night 1");
    const other = await jobIn(world, "FAILED", "day 1");
    const complete = await jobIn(world, "COMPLETE", "night 2");
    const foreign = await jobIn(world, "FAILED", "night 3", "bob");
    const filters = [
      { field: "state", condition: "FILTER_CONDITION_EQ", value: "FAILED" },
      { field: "name", condition: "CONTAINS", value: "night" },
    ];

    const dry = actionsAnswer.parse((await act(world, { action: "delete", filters, dry_run: "true" })).body);
    const real = actionsAnswer.parse((await act(world, { action: "delete", filters })).body);

    expect([dry.ids, real.ids, real.skipped]).toEqual([[failed], [failed], []]);
    const left = await Promise.all(
      [failed, other, complete, foreign].map(async (id) => (await world.store.get(jobKey(id)))?.deletedAt),
    );
    expect(left.map((at) => at === undefined)).toEqual([false, true, true, true]);
  });

  it.each(["filters", "ids"])(
    "page through many jobs by %s, each once, though the action moves them out of the filter",
    async (by) => {
      const world = new ApiWorld();
      const ids: string[] = [];
      for (let i = 0; i < 130; i++) ids.push(await jobIn(world, i % 2 === 0 ? "FAILED" : "COMPLETE", `job ${i}`));
      const newest = [...ids].reverse();
      const failed = newest.filter((_, i) => i % 2 === 1);
      const named =
        by === "ids"
          ? { ids: newest }
          : { filters: [{ field: "state", condition: "IN", value: ["FAILED", "COMPLETE"] }] };

      const pages: ActionsAnswer[] = [];
      for (let cursor: string | null | undefined; cursor !== null; cursor = pages.at(-1)?.cursor) {
        pages.push(actionsAnswer.parse((await act(world, { action: "abort", ...named, cursor })).body));
      }

      expect(pages.map(({ ok, skipped }) => ok + skipped.length)).toEqual([100, 30]);
      expect(pages.flatMap((page) => page.ids)).toEqual(failed);
      expect(pages.flatMap(({ skipped }) => skipped.map(({ id }) => id))).toEqual(newest.filter((_, i) => i % 2 === 0));
    },
  );

  it("answer in time: what was not reached comes with the cursor", async () => {
    let slow = false;
    const world: ApiWorld = new ApiWorld({
      table: (table) =>
        withFaults(table, ({ when, method }) => {
          if (slow && when === "before" && method === "transact") world.clock.advance(5_000);
        }),
    });
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(await jobIn(world, "FAILED", `job ${i}`));
    slow = true;
    const filters = [{ field: "state", condition: "EQ", value: "FAILED" }];

    const first = actionsAnswer.parse((await act(world, { action: "abort", filters })).body);
    slow = false;
    const rest = actionsAnswer.parse((await act(world, { action: "abort", filters, cursor: first.cursor })).body);

    expect(first.ok).toBeGreaterThan(0);
    expect(first.ok).toBeLessThan(20);
    expect([...first.ids, ...rest.ids]).toEqual([...ids].reverse());
    expect(rest.cursor).toBeNull();
  });

  it("a fault of ours at one job doesn't hide the others", async () => {
    let broken = "";
    const world: ApiWorld = new ApiWorld({
      table: (table) =>
        withFaults(table, ({ when, method, args }) => {
          if (when === "before" && method === "transact" && broken !== "" && JSON.stringify(args).includes(broken)) {
            throw unavailable("TABLE_UNAVAILABLE");
          }
        }),
    });
    const ids = [await jobIn(world, "FAILED"), await jobIn(world, "FAILED"), await jobIn(world, "FAILED")];
    broken = ids[1] ?? "";

    const answer = actionsAnswer.parse((await act(world, { action: "abort", ids })).body);

    expect([answer.ids, answer.skipped.map(({ id, code }) => [id, code])]).toEqual([
      [ids[0], ids[2]],
      [[ids[1], "UNAVAILABLE"]],
    ]);
    expect(world.log.lines.some(({ event }) => event === "REQUEST_BROKE")).toBe(true);
  });

  it("requeue takes tasks and repartition, and the same Idempotency-Key counts for each job", async () => {
    const world = new ApiWorld();
    const ids = [await jobIn(world, "FAILED"), await jobIn(world, "COMPLETE")];
    const headers = { "Idempotency-Key": "night" };
    const requeue = () => act(world, { action: "requeue", ids, repartition: true }, { headers });

    const first = actionsAnswer.parse((await requeue()).body);
    for (const id of ids) await world.store.write({ update: jobKey(id), changes: { set: { state: "COMPLETE" } } });
    const again = actionsAnswer.parse((await requeue()).body);

    expect([first.ids, again.ids]).toEqual([ids, ids]);
    for (const id of ids)
      expect(await world.store.get(jobKey(id))).toMatchObject({ state: "COMPLETE", run: 2, generation: 1 });
  });

  it.each([
    [{ ids: ["X"] }, "action"],
    [{ action: "explode", ids: ["X"] }, "action"],
    [{ action: "delete" }, "ids"],
    [{ action: "delete", ids: [] }, "ids"],
    [{ action: "delete", filters: [] }, "filters"],
    [{ action: "delete", ids: ["X"], filters: [{ field: "name", condition: "EQ", value: "x" }] }, "filters"],
    [{ action: "delete", filters: [{ field: "name", condition: "LIKE", value: "x" }] }, "filters[0].condition"],
    [{ action: "delete", filters: [{ field: "colour", condition: "EQ", value: "x" }] }, "filters[0].field"],
    [{ action: "pause", ids: ["X"], tasks: "all" }, "action"],
    [{ action: "requeue", ids: ["X"], tasks: "most" }, "tasks"],
    [{ action: "pause", ids: ["X"], cursor: "nonsense" }, "cursor"],
    [{ action: "pause", ids: ["X"], dryRun: "perhaps" }, "dryRun"],
    [{ action: "pause", ids: ["X"], dry: true }, "dry"],
  ])("%j is refused with its field", async (body, path) => {
    const { status, body: answer } = await act(new ApiWorld(), body);

    expect([status, answer.details?.map((one) => one.path)]).toEqual([400, [path]]);
  });
});
