import { describe, expect, it } from "vitest";
import type { ActionsAnswer, ErrorAnswer } from "../../core/contracts/api/records.ts";
import { ApiWorld, BUCKET, s3 } from "../helpers/api-world.ts";

const JOBS = "/v1/customer/jobs";
const BODIES: Readonly<Record<string, unknown>> = {
  jobname: { name: "taken over" },
  tags: { tags: { by: "bob" } },
  params: { params: { app: { by: "bob" } } },
  configs: { config: { failFast: true } },
  datasource: { dataSource: s3("in/b.csv") },
  uploads: { files: [{ name: "b.csv", size: 1 }] },
};

/** Alice's job, and bob who knows its id. */
async function twoOwners() {
  const world = new ApiWorld();
  await world.owner("alice");
  await world.owner("bob");
  await world.put("in/a.csv", "n,m\n1,2\n");
  const job = await world.job({ templateId: "csv-echo", name: "alice's secret job", dataSource: s3("in/a.csv") });
  return { world, job };
}

describe("another owner's job", () => {
  it("doesn't exist: every route with an id answers 404 and changes nothing", async () => {
    const { world, job } = await twoOwners();
    const before = JSON.stringify(world.store.dump());
    const routes = world.app.routes.filter(({ path, method }) => path.includes(":id") && method !== "ALL");
    expect(routes.length).toBeGreaterThan(40);

    const answers: [string, number, string, string][] = [];
    for (const { method, path } of routes) {
      const body = method === "GET" ? undefined : (BODIES[/(\w+)(?:\/:id)?$/.exec(path)?.[1] ?? ""] ?? {});
      const real = path.replace(":id", job.id).replace(":ordinal", "0");
      const answer = await world.call<ErrorAnswer>(method, real, body, { owner: "bob" });
      answers.push([`${method} ${path}`, answer.status, answer.body.reason, JSON.stringify(answer.body)]);
    }

    const built = answers.filter(([, status]) => status !== 501);
    expect(built.filter(([, status, reason]) => status !== 404 || reason !== "JOB_NOT_FOUND")).toEqual([]);
    expect(answers.filter(([, , , body]) => /secret|alice|a\.csv/.test(body))).toEqual([]);
    expect(JSON.stringify(world.store.dump())).toBe(before);
  });

  it("is reached by no action on many jobs", async () => {
    const { world, job } = await twoOwners();
    await world.job({}, "bob");
    const before = JSON.stringify(world.store.dump());
    const all = [{ field: "createdAt", condition: "GT", value: "1970-01-01T00:00:00Z" }];
    const act = (body: object) =>
      world.call<ActionsAnswer>(
        "POST",
        `${JOBS}/actions`,
        { action: "delete", dryRun: true, ...body },
        { owner: "bob" },
      );

    const named = await act({ ids: [job.id] });
    const found = await act({ filters: all });

    expect([named.body.ok, named.body.skipped.map(({ code }) => code)]).toEqual([0, ["JOB_NOT_FOUND"]]);
    expect([found.body.ok, found.body.ids.includes(job.id)]).toEqual([1, false]);
    expect(JSON.stringify(world.store.dump())).toBe(before);
  });

  it("is in no list, no filter and no count, whatever cursor is sent along", async () => {
    const { world, job } = await twoOwners();
    const cursor = Buffer.from(`j1.${job.id.slice(0, -1)}Z`).toString("base64url");
    const asBob = { owner: "bob" };

    const seen = [
      await world.call("GET", JOBS, undefined, asBob),
      await world.call("GET", `${JOBS}?cursor=${cursor}&orderBy=createdAt%20asc`, undefined, asBob),
      await world.call("GET", `${JOBS}?state=NEW`, undefined, asBob),
      await world.call("POST", `${JOBS}/filter`, { filters: [{ field: "id", condition: "EQ", value: job.id }] }, asBob),
      await world.call("POST", `${JOBS}/runningTasks`, { jobIds: [job.id] }, asBob),
    ];

    expect(seen.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(seen.map(({ body }) => (body as { data: unknown[] }).data)).toEqual([[], [], [], [], []]);
    expect(seen[0]).toMatchObject({ body: { pagination: { total: 0 } } });
  });

  it("has timeline cursors that open no other list", async () => {
    const { world, job } = await twoOwners();
    const own = await world.job({}, "bob");
    const read = async (position: Record<string, string>) => {
      const cursor = Buffer.from(JSON.stringify(position)).toString("base64url");
      return world.call<ErrorAnswer>("GET", `${JOBS}/${own.id}/events?cursor=${cursor}`, undefined, { owner: "bob" });
    };

    const answers = [
      await read({ pk: `JOB#${job.id}`, sk: "EVENT#0" }),
      // Outside of what the list goes over: DynamoDB refuses such a start, and that mustn't be a 500.
      await read({ pk: `JOB#${own.id}`, sk: "A" }),
      await read({ pk: `JOB#${own.id}`, sk: "SPEC" }),
      await read({ pk: `JOB#${own.id}`, sk: `EVENT#${"x".repeat(3_000)}` }),
    ];

    expect(answers.map(({ status, body }) => [status, body.reason])).toEqual(Array(4).fill([400, "CURSOR_INVALID"]));
  });

  it("keeps its Idempotency-Key to itself", async () => {
    const { world } = await twoOwners();
    const headers = { "idempotency-key": "nightly" };
    const create = (owner: string) =>
      world.call<{ job: { id: string; owner: string } }>(
        "POST",
        JOBS,
        { templateId: "range-echo" },
        { owner, headers },
      );

    const [first, second] = [await create("alice"), await create("bob")];

    expect(second.status).toBe(200);
    expect(second.body.job.id).not.toBe(first.body.job.id);
    expect(second.body.job.owner).toBe("bob");
  });
});

describe("places in the deployment's own bucket", () => {
  it.each([
    ["another owner's prefix", "o/alice/in/a.csv"],
    ["a prefix that only begins alike", "o/bobby/a.csv"],
    ["the owner's prefix without its slash", "o/bob"],
    ["the whole bucket", ""],
    ["a way up", "o/bob/../alice/in/a.csv"],
    ["a way up at the end", "o/bob/in/.."],
    ["a way that goes nowhere", "o/bob/./a.csv"],
  ])("can't be a source or a destination of bob: %s", async (_what, name) => {
    const { world } = await twoOwners();
    await world.put("o/alice/in/a.csv", "secret\n", BUCKET);

    for (const field of ["dataSource", "dataDestination"]) {
      const body = { templateId: "range-echo", [field]: s3(name, BUCKET) };
      const { status, body: answer } = await world.call<ErrorAnswer>("POST", JOBS, body, { owner: "bob" });
      expect([field, status, answer.reason]).toEqual([
        field,
        422,
        field === "dataSource" ? "ACCESS_DENIED" : "DESTINATION_NOT_WRITABLE",
      ]);
    }
  });

  it.each(["o/bob/jobs/", "o/bob/jobs", "/o/bob/jobs/x", "o/bob/jobs/../jobs/x", "o/bob/"])(
    "can't be a destination where the engine keeps its own: %s",
    async (name) => {
      const { world } = await twoOwners();
      const body = { templateId: "range-echo", dataDestination: s3(name, BUCKET) };
      const { status } = await world.call("POST", JOBS, body, { owner: "bob" });
      expect(status).toBe(422);
    },
  );

  it.each(["../a", "a/../../b", "/etc/passwd", "a//b", "a/./b", "a\\..\\b", "a\u0000b"])(
    "can't be reached by the name of an upload: %j",
    async (name) => {
      const { world } = await twoOwners();
      const own = await world.job(
        { templateId: "csv-echo", dataSource: { dataSourceDescriptor: "file", params: { name: "a.csv" } } },
        "bob",
      );
      const body = { files: [{ name, size: 1 }] };
      const { status } = await world.call("POST", `${JOBS}/${own.id}/uploads`, body, { owner: "bob" });
      expect(status).toBe(400);
    },
  );
});

describe("the admin", () => {
  it("alone makes and lists owners; of others' jobs it sees nothing", async () => {
    const { world, job } = await twoOwners();
    await world.owner("admin");

    for (const [method, body] of [
      ["GET", undefined],
      ["POST", { name: "carol" }],
    ] as const) {
      const { status, body: answer } = await world.call<ErrorAnswer>(method, "/v1/admin/owners", body, {
        owner: "bob",
      });
      expect([status, answer.reason]).toEqual([403, "ADMIN_ONLY"]);
    }
    expect((await world.call("GET", `${JOBS}/${job.id}`, undefined, { owner: "admin" })).status).toBe(404);
    expect((await world.call("POST", "/v1/admin/owners", { name: "carol" }, { owner: "admin" })).status).toBe(200);
  });

  it.each(["admin", "jobjob", "a#b", "a/b", "..", "Bob", "b\n"])("makes no owner called %j", async (name) => {
    const { world } = await twoOwners();
    await world.owner("admin");
    const { status } = await world.call("POST", "/v1/admin/owners", { name }, { owner: "admin" });
    expect([400, 409]).toContain(status);
  });
});

describe("hostile input is the caller's fault, never a 500", () => {
  it.each([
    ["half a character in a value", { name: "name \ud800" }],
    ["half a character in a key", { tags: { "\udc00": "x" } }],
    ["half a character in a file's name", { dataSource: { dataSourceDescriptor: "file", params: { name: "\ud800" } } }],
    ["settings that no item holds", { config: { partitioningSettings: { a: "x".repeat(500_000) } } }],
    ["a prototype", '{"templateId":"range-echo","tags":{"__proto__":{"owner":"alice"}}}'],
    ["depth", '{"params":'.repeat(50_000)],
    ["depth that closes", `${"[".repeat(300_000)}${"]".repeat(300_000)}`],
    ["numbers beyond all", '{"templateId":"range-echo","params":{"app":{"by":1e999}}}'],
  ])("%s", async (_what, body) => {
    const { world } = await twoOwners();
    const text = typeof body === "string" ? body : JSON.stringify({ templateId: "range-echo", ...body });
    const { status } = await world.call("POST", JOBS, text);
    expect(status).toBe(400);
  });

  it.each(["x".repeat(2_000), "%00", "%zz", "%f0%9f%99%82", "..%2f..%2fOWNER"])("an id of a key: %s", async (id) => {
    const { world } = await twoOwners();
    const { status } = await world.call("POST", `/v1/auth/api_keys/${id}/revoke`);
    expect(status).toBe(404);
  });
});
