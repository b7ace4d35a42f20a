import { describe, expect, it } from "vitest";
import { unavailable, withFaults } from "../../adapters/memory/index.ts";
import { ApiWorld, BUCKET, s3 } from "../helpers/api-world.ts";

const JOBS = "/v1/customer/jobs";
const ready = async (world: ApiWorld, more: Record<string, unknown> = {}) => {
  await world.put("in/a.csv", "n,m\n1,2\n");
  return world.job({ templateId: "csv-echo", dataSource: s3("in/a.csv"), ...more });
};

describe("run", () => {
  it("takes the job into its first run: pinned, timed, stamped, and its execution started", async () => {
    const world = new ApiWorld();
    const { id } = await ready(world, { config: { jobTimeout: 100 } });
    world.clock.advance(5_000);

    const { status, body } = await world.run(id, { config: { taskTimeout: 30 } });

    expect([status, body]).toEqual([200, { ok: true, requestId: "req-1", message: "", error: null }]);
    const { job } = await world.get(id);
    expect(job).toMatchObject({
      state: "JOB_STATE_STARTED",
      run: 1,
      submittedAt: "2026-03-01T10:00:05.000Z",
      waitingFor: null,
      config: { taskTimeout: 30, jobTimeout: 100 },
      versions: {
        app: { name: "echo", version: "1.2", revision: 1 },
        partitioner: { name: "csv" },
        assembler: { name: "concat" },
      },
    });
    expect(job.stateTimestamps).toEqual({
      JOB_STATE_NEW: "2026-03-01T10:00:00.000Z",
      JOB_STATE_STARTED: "2026-03-01T10:00:05.000Z",
    });
    expect([...world.workflow.executions.values()]).toMatchObject([{ name: `${id}-r1`, input: { jobId: id, run: 1 } }]);
    const spec = world.store.dump().find(({ pk, sk }) => pk === `JOB#${id}` && sk === "SPEC");
    expect(spec).toMatchObject({ resultFormat: "bytes", taskSeconds: 2, input: { format: "csv", delimiter: "," } });
    const item = world.store.dump().find(({ pk, sk }) => pk === `JOB#${id}` && sk === "JOB");
    expect(item).toMatchObject({
      timeoutAt: world.clock.now() + 100_000,
      duePk: "DUE",
      statePk: "OWNER#alice#STARTED",
    });
    expect(JSON.stringify(item).length).toBeLessThan(1_024);
  });

  it.each([undefined, {}, { taskTimeout: 30 }, { config: {} }, "{}"])("takes %j as its body", async (body) => {
    const world = new ApiWorld();
    const { id } = await ready(world);
    expect((await world.run(id, body)).status).toBe(200);
  });

  it("answers a repeated call alike and starts nothing twice", async () => {
    const world = new ApiWorld();
    const { id } = await ready(world);

    const answers = await Promise.all([world.run(id), world.run(id), world.run(id)]);

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await world.get(id)).job.run).toBe(1);
    expect(world.workflow.executions.size).toBe(1);
  });

  it("accepts the job when the workflow can't be reached; the same call again starts it", async () => {
    let down = true;
    const workflow = new ApiWorld().workflow;
    const flaky = withFaults(
      workflow,
      ({ when }) => {
        if (when === "before" && down) throw unavailable("WORKFLOW_UNAVAILABLE");
      },
      "workflow",
    );
    const world = new ApiWorld({ ports: { workflow: flaky } });
    const { id } = await ready(world);

    const first = await world.run(id);
    down = false;
    const before = workflow.executions.size;
    const second = await world.run(id);

    expect([first.status, second.status, before, workflow.executions.size]).toEqual([200, 200, 0, 1]);
    expect(world.log.events()).toContain("START_LOST");
  });

  it("waits for startAt, and jobTimeout counts from there", async () => {
    const world = new ApiWorld();
    const { id } = await ready(world, { startAt: "2026-03-01T12:00:00Z", config: { jobTimeout: 60 } });

    await world.run(id);

    const { job } = await world.get(id, "?view=pachyderm");
    expect([job.state, job.waitingFor, world.workflow.executions.size]).toEqual(["JOB_STATE_STARTED", "START_AT", 1]);
    expect(world.store.dump().find(({ sk }) => sk === "JOB")?.timeoutAt).toBe(Date.parse("2026-03-01T12:01:00Z"));
  });

  it.each([
    ["a missing object", { dataSource: s3("in/none.csv") }, "dataSource.params.name", "OBJECT_MISSING"],
    ["no source", { dataSource: undefined }, "dataSource", "SOURCE_MISSING"],
    ["bypass where bytes are cut", { dataSource: { dataSourceDescriptor: "bypass" } }, "dataSource", "SOURCE_MISSING"],
    ["a start too late", { startAt: "2028-01-01T00:00:00Z" }, "startAt", "START_TOO_LATE"],
    [
      "settings the partitioner doesn't know",
      { config: { partitioningSettings: { colour: "red" } } },
      "params.partitioner.colour",
      "INVALID_PARAMS",
    ],
  ])("refuses %s with the field", async (_, more, path, reason) => {
    const world = new ApiWorld();
    const { id } = await ready(world, more);

    const { status, body } = await world.run(id);

    expect([status, body.reason, body.details[0]?.path]).toEqual([422, reason, path]);
    expect((await world.get(id)).job.state).toBe("JOB_STATE_NEW");
    expect(world.workflow.executions.size).toBe(0);
  });

  it("refuses params that were left out at create", async () => {
    const world = new ApiWorld();
    const { id } = await world.job({ templateId: "bare-echo", dataSource: s3("in/") });

    const { status, body } = await world.run(id);

    expect([status, body.details[0]]).toMatchObject([422, { path: "params.app.by", problem: "is missing" }]);
  });

  it("refuses a destination that is taken, unless it may be overwritten", async () => {
    const world = new ApiWorld();
    await world.put("out/output", "there already");
    const taken = await ready(world, { dataDestination: s3("out/"), params: { assembler: { name: "output" } } });

    const refused = await world.run(taken.id);
    const allowed = await world.run(taken.id, { config: { overwrite: true } });

    expect([refused.status, refused.body.reason]).toEqual([422, "DESTINATION_TAKEN"]);
    expect(allowed.status).toBe(200);
  });

  it("runs only what it has checked: an edit in between is checked too", async () => {
    let edit: (() => Promise<unknown>) | undefined;
    const world = new ApiWorld({
      table: (table) =>
        withFaults(
          table,
          async ({ when, method }) => {
            if (when !== "before" || method !== "transact" || !edit) return;
            const now = edit;
            edit = undefined;
            await now();
          },
          "table",
        ),
    });
    const { id } = await ready(world);
    edit = () => world.call("PATCH", `${JOBS}/${id}/datasource`, { dataSource: s3("in/none.csv") });

    const { status, body } = await world.run(id);

    expect([status, body.reason]).toEqual([422, "OBJECT_MISSING"]);
    expect((await world.get(id)).job.state).toBe("JOB_STATE_NEW");
  });

  it("reads only below the owner's prefix of the own bucket", async () => {
    const world = new ApiWorld();
    await world.put("o/alice/in/a.csv", "n\n1\n", BUCKET);
    const { id } = await world.job({ templateId: "csv-echo", dataSource: s3("o/alice/in/a.csv", BUCKET) });
    expect((await world.run(id)).status).toBe(200);
  });
});

describe("the file source", () => {
  const file = { dataSourceDescriptor: "file", params: { name: "a.csv" } };

  it("takes one file by tempUrl, whatever the PUT's Content-Type", async () => {
    const world = new ApiWorld();
    const job = await world.job({ templateId: "csv-echo", dataSource: file });
    const url = String(job.dataSource?.params.tempUrl);

    const put = await world.objects.fetchLink(url, { method: "PUT", body: "n\n1\n", contentType: "text/csv" });
    const done = await world.call("PATCH", `${JOBS}/${job.id}/uploadcompleted`);
    const run = await world.run(job.id);

    expect([put.status, done.status, run.status]).toEqual([200, 200, 200]);
    expect(world.objects.keys(BUCKET)).toEqual([`o/alice/jobs/${job.id}/uploads/a.csv`]);
    expect(world.workflow.executions.size).toBe(1);
    expect((await world.get(job.id)).job.dataSource?.params.tempUrl).toBeNull();
  });

  it("waits for an upload after run, and starts at its end", async () => {
    const world = new ApiWorld();
    const job = await world.job({ templateId: "csv-echo", dataSource: file });
    await world.run(job.id);
    const waiting = (await world.get(job.id)).job;
    const executions = world.workflow.executions.size;
    const early = await world.call<{ reason: string }>("POST", `${JOBS}/uploadcompleted/${job.id}`);

    await world.objects.fetchLink(String(waiting.dataSource?.params.tempUrl), { method: "PUT", body: "n\n1\n" });
    const done = await world.call("POST", `${JOBS}/uploadcompleted/${job.id}`);
    const again = await world.call("POST", `${JOBS}/uploadcompleted/${job.id}`);

    expect([waiting.state, waiting.waitingFor, executions]).toEqual(["JOB_STATE_STARTED", "UPLOAD", 0]);
    expect([early.status, early.body.reason]).toEqual([409, "UPLOAD_INCOMPLETE"]);
    expect([done.status, again.status]).toEqual([200, 200]);
    expect((await world.get(job.id)).job.waitingFor).toBeNull();
    expect(world.workflow.executions.size).toBe(1);
  });

  it("takes a folder by uploads, and names what is missing or has another size", async () => {
    const world = new ApiWorld();
    const { id } = await world.job({ templateId: "csv-echo", dataSource: file });
    const files = [
      { name: "a/1 +%2F é.csv", size: 4 },
      { name: "b.csv", size: "4" },
    ];

    const links = await world.call<{ uploads: { name: string; url: string }[] }>("POST", `${JOBS}/${id}/uploads`, {
      files,
    });
    const [one, two] = links.body.uploads;
    await world.objects.fetchLink(String(one?.url), { method: "PUT", body: "n\n1\n" });
    await world.objects.fetchLink(String(two?.url), { method: "PUT", body: "n\n1" });
    const wrong = await world.call<{ details: unknown[] }>("PATCH", `${JOBS}/${id}/uploadcompleted`);
    await world.objects.fetchLink(String(two?.url), { method: "PUT", body: "n\n2\n" });
    const right = await world.call("PATCH", `${JOBS}/${id}/uploadcompleted`);
    const run = await world.run(id);

    expect(links.status).toBe(200);
    expect(wrong.status).toBe(409);
    expect(wrong.body.details).toMatchObject([{ path: "b.csv", problem: "has 3 bytes where 4 were announced" }]);
    expect([right.status, run.status]).toEqual([200, 200]);
    expect(world.workflow.executions.size).toBe(1);
  });

  it("gives parts for a file over 100 MB and puts them together", async () => {
    const world = new ApiWorld();
    const { id } = await world.job({ templateId: "csv-echo", dataSource: file });
    const files = [{ name: "big.csv", size: 130 * 1024 * 1024 }];

    const links = await world.call<{
      uploads: { uploadId: string; partSize: number; parts: { partNumber: number; url: string }[] }[];
    }>("POST", `${JOBS}/${id}/uploads`, { files });
    const [upload] = links.body.uploads;
    const part = await world.objects.fetchLink(String(upload?.parts[0]?.url), { method: "PUT", body: "n\n1\n" });
    const parts = [{ partNumber: 1, etag: part.headers.etag }];
    const complete = [{ name: "big.csv", uploadId: upload?.uploadId, parts }];
    const ended = await world.call("POST", `${JOBS}/${id}/uploads`, { complete });
    const again = await world.call("POST", `${JOBS}/${id}/uploads`, { complete });
    const foreign = await world.call<{ details: { path: string }[] }>("POST", `${JOBS}/${id}/uploads`, {
      complete: [{ ...complete[0], name: "other.csv" }],
    });

    expect([upload?.parts.length, upload?.partSize]).toEqual([3, 64 * 1024 * 1024]);
    expect([ended.status, again.status, foreign.status]).toEqual([200, 200, 400]);
    expect(world.objects.text({ bucket: BUCKET, key: `o/alice/jobs/${id}/uploads/big.csv` })).toBe("n\n1\n");
  });

  it.each(["../x", "/x", "a/../../x", "a//b", "", "a/", "a\nb", "a\\b", "x".repeat(1_000)])(
    "refuses the name %j",
    async (name) => {
      const world = new ApiWorld();
      const { id } = await world.job({ templateId: "csv-echo", dataSource: file });
      const { status } = await world.call("POST", `${JOBS}/${id}/uploads`, { files: [{ name, size: 1 }] });
      expect(status).toBe(400);
    },
  );

  it("takes no uploads for other sources or once the job runs", async () => {
    const world = new ApiWorld();
    const other = await ready(world);
    const { status, body } = await world.call<{ reason: string }>("POST", `${JOBS}/${other.id}/uploads`, {
      files: [{ name: "x", size: 1 }],
    });
    expect([status, body.reason]).toEqual([409, "NOT_AWAITING_UPLOAD"]);
  });
});
