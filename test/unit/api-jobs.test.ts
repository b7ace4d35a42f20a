import { describe, expect, it } from "vitest";
import { type FaultHook, withFaults } from "../../adapters/memory/index.ts";
import {
  type ErrorAnswer,
  errorAnswer,
  eventsAnswer,
  type JobAnswer,
  type JobsAnswer,
  jobAnswer,
  jobsAnswer,
} from "../../core/contracts/api/records.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { ApiWorld, s3 } from "../helpers/api-world.ts";

const JOBS = "/v1/customer/jobs";

describe("edits", () => {
  const edits: [string, string, unknown, (job: JobAnswer["job"]) => unknown, unknown][] = [
    ["PATCH", "{id}/jobname", '"bare string"', (job) => job.name, "bare string"],
    ["PATCH", "{id}/jobname", { name: "an object" }, (job) => job.name, "an object"],
    ["PATCH", "{id}/params", { app: { by: "x", width: 3 } }, (job) => job.params.app, { by: "x", width: 3 }],
    ["POST", "params/{id}", { params: { app: { width: 3 } } }, (job) => job.params.app, { by: "n", width: 3 }],
    ["PATCH", "{id}/configs", { task_timeout: "9" }, (job) => job.config.taskTimeout, 9],
    ["PATCH", "{id}/configs", { config: { failFast: true } }, (job) => job.config.failFast, true],
    ["PATCH", "{id}/datasource", { dataSource: s3("a/") }, (job) => job.dataSource?.params.name, "a/"],
    ["POST", "datasource/{id}", { dataDestination: s3("out/") }, (job) => job.dataDestination?.params.name, "out/"],
    ["PATCH", "{id}/tags", { tags: { a: "b" } }, (job) => job.tags, { a: "b" }],
  ];
  it.each(edits)("%s %s %j", async (method, path, body, read, wanted) => {
    const world = new ApiWorld();
    const { id } = await world.job();

    const answer = await world.call<JobAnswer>(method, `${JOBS}/${path.replace("{id}", id)}`, body);

    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    expect(read(jobAnswer.parse(answer.body).job)).toEqual(wanted);
    expect(read((await world.get(id)).job)).toEqual(wanted);
  });

  it("are refused once the job runs, but for tags", async () => {
    const world = new ApiWorld();
    const { id } = await world.job();
    await world.run(id);

    const name = await world.call<ErrorAnswer>("PATCH", `${JOBS}/${id}/jobname`, { name: "too late" });
    const tags = await world.call("PATCH", `${JOBS}/${id}/tags`, { tags: { late: "yes" } });

    expect([name.status, name.body.reason, tags.status]).toEqual([409, "JOB_NOT_EDITABLE", 200]);
    expect(name.body.message).toContain("STARTED");
  });

  it("that meet are all kept", async () => {
    const world = new ApiWorld();
    const { id } = await world.job();

    await Promise.all([
      world.call("PATCH", `${JOBS}/${id}/configs`, { taskTimeout: 11 }),
      world.call("PATCH", `${JOBS}/${id}/jobname`, { name: "renamed" }),
      world.call("PATCH", `${JOBS}/${id}/tags`, { tags: { t: "1" } }),
    ]);

    const { job } = await world.get(id);
    expect([job.config.taskTimeout, job.name, job.tags]).toEqual([11, "renamed", { t: "1" }]);
  });
});

describe("another owner's job", () => {
  it.each([
    ["GET", "{id}"],
    ["DELETE", "{id}"],
    ["PATCH", "{id}/tags"],
    ["PATCH", "{id}/jobname"],
    ["PATCH", "{id}/params"],
    ["PATCH", "{id}/configs"],
    ["PATCH", "{id}/datasource"],
    ["POST", "{id}/run"],
    ["POST", "run/{id}"],
    ["POST", "{id}/abort"],
    ["POST", "{id}/pause"],
    ["POST", "{id}/resume"],
    ["POST", "{id}/requeue"],
    ["POST", "requeue/{id}"],
    ["POST", "{id}/uploads"],
    ["PATCH", "{id}/uploadcompleted"],
    ["GET", "{id}/results"],
    ["GET", "{id}/tasks"],
    ["GET", "{id}/tasks/0"],
    ["GET", "{id}/events"],
    ["GET", "{id}/wait"],
    ["GET", "{id}/cost"],
    ["POST", "{id}/partition"],
    ["GET", "estimation/{id}"],
  ])("%s %s is 404", async (method, path) => {
    const world = new ApiWorld();
    const { id } = await world.job();
    const bodies: Record<string, unknown> = { "{id}/tags": { tags: {} }, "{id}/jobname": { name: "mine now" } };

    const answer = await world.call<ErrorAnswer>(
      method,
      `${JOBS}/${path.replace("{id}", id)}`,
      method === "GET" ? undefined : (bodies[path] ?? {}),
      {
        owner: "mallory",
      },
    );

    expect([answer.status, answer.body.reason, answer.body.code]).toEqual([404, "JOB_NOT_FOUND", 5]);
    errorAnswer.parse(answer.body);
  });

  it("is in no list and in no count", async () => {
    const world = new ApiWorld();
    const { id } = await world.job();

    const list = await world.call<JobsAnswer>("GET", JOBS, undefined, { owner: "mallory" });
    const running = await world.call<{ data: unknown[] }>(
      "POST",
      `${JOBS}/runningTasks`,
      { jobsIds: [id] },
      { owner: "mallory" },
    );

    expect([list.body.data, list.body.pagination.total, running.body.data]).toEqual([[], 0, []]);
  });
});

describe("lists", () => {
  const many = async (world: ApiWorld, n: number) => {
    await world.owner("alice");
    const ids: string[] = [];
    for (let i = 0; i < n; i++) {
      world.clock.advance(1_000);
      ids.push((await world.job({ name: `job number ${i}`, tags: { even: String(i % 2 === 0) } })).id);
    }
    return ids;
  };
  const list = async (world: ApiWorld, query: string) =>
    jobsAnswer.parse((await world.call("GET", `${JOBS}?${query}`)).body);

  it("are newest first, by offset and by cursor, without a scan", async () => {
    const world = new ApiWorld();
    const ids = await many(world, 7);
    const newest = ids.toReversed();

    const byOffset = await list(world, "pagination.limit=3&pagination.offset=3");
    const pages: string[] = [];
    let cursor = "";
    do {
      const page = await list(world, `limit=3&cursor=${cursor}`);
      pages.push(...page.data.map(({ id }) => id));
      cursor = page.pagination.cursor ?? "";
    } while (cursor !== "");
    const ascending = await list(world, "orderBy=createdAt%20asc&limit=2");

    expect(byOffset.data.map(({ id }) => id)).toEqual(newest.slice(3, 6));
    expect(byOffset.pagination).toMatchObject({ total: 7, offset: 3, hasPrevious: true, hasNext: true });
    expect(pages).toEqual(newest);
    expect(ascending.data.map(({ id }) => id)).toEqual(ids.slice(0, 2));
  });

  it("read only the page they answer", async () => {
    const world = new ApiWorld();
    await many(world, 30);
    world.store.resetStats();

    await list(world, "limit=5");

    expect(world.store.stats.itemsRead).toBeLessThanOrEqual(5 + 1 + 10 + 3);
  });

  it("filter by state through its index, and by other fields while paging", async () => {
    const world = new ApiWorld();
    const ids = await many(world, 6);
    await world.run(ids[2] ?? "");
    const filter = async (filters: unknown[], more = {}) =>
      jobsAnswer.parse((await world.call("POST", `${JOBS}/filter`, { filters, ...more })).body);
    const idsOf = (answer: JobsAnswer) => answer.data.map(({ id }) => id);

    const started = await list(world, "state=STARTED");
    const byPrefix = await filter([{ field: "state", condition: "FILTER_CONDITION_EQ", value: "JOB_STATE_NEW" }]);
    const named = await list(world, "name=NUMBER%204");
    const even = await filter([{ field: "tags.even", condition: "EQ", value: "true" }], { pagination: { limit: "2" } });
    const later = await filter([
      { field: "created_at", condition: "FILTER_CONDITION_GTE", value: "2026-03-01T10:00:05Z" },
    ]);
    const some = await filter([{ field: "id", condition: "IN", value: [ids[0], ids[5]] }]);

    expect(idsOf(started)).toEqual([ids[2]]);
    expect(idsOf(byPrefix)).toEqual([5, 4, 3, 1, 0].map((i) => ids[i]));
    expect(idsOf(named)).toEqual([ids[4]]);
    expect([idsOf(even), even.pagination.hasNext, even.pagination.total]).toEqual([[ids[4], ids[2]], true, null]);
    expect(idsOf(later)).toEqual([ids[5], ids[4]]);
    expect(idsOf(some)).toEqual([ids[5], ids[0]]);
  });

  it.each(["limit=0", "limit=x", "offset=-1", "offset=10001", "cursor=nonsense", "orderBy=name", "state=NOWHERE"])(
    "refuse %s",
    async (query) => {
      const { status } = await new ApiWorld().call("GET", `${JOBS}?${query}`);
      expect(status).toBe(400);
    },
  );
});

describe("delete", () => {
  it("removes the job from everywhere and leaves the purge to the sweeper", async () => {
    const world = new ApiWorld();
    await world.owner("alice");
    const { id } = await world.job();

    const { status } = await world.call("DELETE", `${JOBS}/${id}`);
    const again = await world.call("DELETE", `${JOBS}/${id}`);

    expect([status, again.status, (await world.call("GET", `${JOBS}/${id}`)).status]).toEqual([200, 404, 404]);
    const list = await world.call<JobsAnswer>("GET", JOBS);
    expect([list.body.data, list.body.pagination.total]).toEqual([[], 0]);
    expect(await world.store.get(jobKey(id))).toMatchObject({ deletedAt: world.clock.now(), duePk: "DUE" });
    expect(world.nudge.jobs).toEqual([id]);
  });

  it("is refused while the job is active, naming the way out; abort of a NEW job deletes it", async () => {
    const world = new ApiWorld();
    const active = await world.job();
    await world.run(active.id);
    const fresh = await world.job();

    const refused = await world.call<ErrorAnswer>("DELETE", `${JOBS}/${active.id}`);
    const aborted = await world.call("POST", `${JOBS}/${fresh.id}/abort`);

    expect([refused.status, refused.body.reason]).toEqual([409, "JOB_NOT_ENDED"]);
    expect(refused.body.message).toMatch(/STARTED.*Abort it first/);
    expect([aborted.status, (await world.call("GET", `${JOBS}/${fresh.id}`)).status]).toEqual([200, 404]);
  });
});

describe("events and wait", () => {
  it("tell what happened, in order and in pages", async () => {
    const world = new ApiWorld();
    const { id } = await world.job();
    world.clock.advance(1_000);
    await world.run(id);

    const all = eventsAnswer.parse((await world.call("GET", `${JOBS}/${id}/events`)).body);
    const first = eventsAnswer.parse((await world.call("GET", `${JOBS}/${id}/events?limit=1`)).body);
    const second = eventsAnswer.parse(
      (
        await world.call(
          "GET",
          `${JOBS}/${id}/events?limit=1&cursor=${encodeURIComponent(first.pagination.cursor ?? "")}`,
        )
      ).body,
    );

    expect(all.data.map(({ what, from, to, who }) => [what, from, to, who])).toEqual([
      ["CREATED", null, "JOB_STATE_NEW", "alice"],
      ["STATE", "JOB_STATE_NEW", "JOB_STATE_STARTED", "alice"],
    ]);
    expect([first.data[0]?.what, second.data[0]?.what]).toEqual(["CREATED", "STATE"]);
  });

  it("wait answers on a change, at its time's end, and at once for a job that has ended", async () => {
    let during: (() => Promise<unknown>) | undefined;
    const world: ApiWorld = new ApiWorld({
      ports: {
        sleep: async (ms) => {
          world.clock.advance(ms);
          await during?.();
          during = undefined;
        },
      },
    });
    const { id } = await world.job();
    const wait = async (query: string) => (await world.call<JobAnswer>("GET", `${JOBS}/${id}/wait?${query}`)).body;

    const began = world.clock.now();
    const timedOut = await wait("timeout=3");
    const waited = world.clock.now() - began;
    during = () => world.run(id);
    const changed = await wait("timeout=25");
    await world.store.write({ update: jobKey(id), changes: { set: { state: "FAILED" } } });
    const ended = world.clock.now();
    const terminal = await wait("state=COMPLETE");

    expect([timedOut.changed, waited]).toEqual([false, 3_000]);
    expect([changed.changed, changed.job.state]).toEqual([true, "JOB_STATE_STARTED"]);
    expect([terminal.job.state, world.clock.now() - ended]).toEqual(["JOB_STATE_FAILED", 0]);
  });
});

describe("routes", () => {
  it("reach the same handlers in both families", async () => {
    const world = new ApiWorld();
    const { id } = await world.job();
    const older = await world.call<JobAnswer>("GET", `/v1/customer/jobs/${id}`);
    const newer = await world.call<JobAnswer>("GET", `/v1/computing/jobs/${id}`);
    expect(newer.body).toEqual(older.body);
  });

  it.each([
    ["GET", "/v1/wallet/balance"],
    ["GET", "/v1/customer/wallet/balance"],
    ["GET", "/v1/auth/secrets"],
    ["DELETE", "/v1/auth/secrets/s3/mine"],
    ["POST", "/v1/dev/apps"],
    ["GET", "/v1/dev/engines/x@1/status"],
    ["POST", "/v1/dev/templates"],
    ["GET", "/v1/openapi.json"],
  ])("%s %s says that it is not available yet", async (method, path) => {
    const { status, body } = await new ApiWorld().call<ErrorAnswer>(method, path, method === "GET" ? undefined : {});
    expect([status, body.code, body.reason]).toEqual([501, 12, "NOT_AVAILABLE_YET"]);
    errorAnswer.parse(body);
  });

  it("say what is not there", async () => {
    const { status, body } = await new ApiWorld().call<ErrorAnswer>("GET", "/v1/nowhere");
    expect([status, body.reason]).toEqual([404, "NOT_FOUND"]);
    errorAnswer.parse(body);
  });

  it("show templates as a list and bare", async () => {
    const world = new ApiWorld();
    const list = await world.call<{ data: { id: string }[]; pagination: { total: number; hasNext: boolean } }>(
      "GET",
      "/v1/customer/jobs/templates?limit=2",
    );
    const one = await world.call<{ id: string; app: string }>("GET", "/v1/dev/templates/csv-echo");
    const none = await world.call<ErrorAnswer>("GET", "/v1/dev/templates/nope%401.0");
    expect([list.body.data.length, list.body.pagination]).toMatchObject([2, { total: 3, hasNext: true }]);
    expect([one.body.id, one.body.app, none.status, none.body.reason]).toEqual([
      "csv-echo",
      "echo",
      404,
      "TEMPLATE_NOT_FOUND",
    ]);
    expect(none.body.message).toContain("nope@1.0");
  });

  it("hide faults of ours and log them under the request's id", async () => {
    const broken: FaultHook = ({ method }) => {
      if (method === "get") throw new TypeError("secret internals");
    };
    const world = new ApiWorld({ table: (table) => withFaults(table, broken, "table") });
    const { status, body } = await world.call<ErrorAnswer>("GET", "/v1/auth/user");
    expect([status, body.reason, body.code]).toEqual([500, "INTERNAL", 13]);
    expect(JSON.stringify(body)).not.toContain("secret internals");
    expect(world.log.lines.find(({ event }) => event === "REQUEST_BROKE")?.data.requestId).toBe("req-1");
  });
});
