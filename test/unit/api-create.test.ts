import { describe, expect, it } from "vitest";
import { conflict as tableConflict, withFaults } from "../../adapters/memory/index.ts";
import { type ErrorAnswer, errorAnswer, type JobAnswer, jobAnswer } from "../../core/contracts/api/records.ts";
import { ApiWorld, BUCKET, s3 } from "../helpers/api-world.ts";

const JOBS = "/v1/customer/jobs";
const create = (world: ApiWorld, body: unknown, key?: string) =>
  world.call<JobAnswer & ErrorAnswer>("POST", JOBS, body, {
    headers: key === undefined ? {} : { "idempotency-key": key },
  });

describe("POST /jobs", () => {
  it("answers a NEW job with every key, null when unset, and the template beside it", async () => {
    const world = new ApiWorld();

    const { status, body } = await create(world, { templateId: "csv-echo" });

    expect(status).toBe(200);
    const { job, templateInfo } = jobAnswer.parse(body);
    expect(job).toMatchObject({
      state: "JOB_STATE_NEW",
      outcome: "JOB_STATE_NEW",
      name: "csv-echo",
      owner: "alice",
      run: 0,
      priority: "EXECUTION_PRIORITY_UNDEFINED",
      submittedAt: null,
      endedAt: null,
      numChunks: null,
      dataSource: null,
      failure: null,
      cost: null,
      maxAttempts: 3,
      createdAt: "2026-03-01T10:00:00.000Z",
      stateTimestamps: { JOB_STATE_NEW: "2026-03-01T10:00:00.000Z" },
      params: { partitioner: {}, app: { by: "state" }, assembler: {} },
      dataDestination: { dataSourceDescriptor: "bucket" },
    });
    expect(job.progress).toMatchObject({ total: 0, text: "0 + 0 / 0" });
    expect(job.config).toMatchObject({ minChunkSize: "0", maxChunkSize: "0", taskTimeout: 300, jobTimeout: 86_400 });
    expect(templateInfo?.id).toBe("csv-echo");
  });

  it("takes snake_case, numbers as text, seconds with an s, and what older clients send", async () => {
    const world = new ApiWorld();

    const { status, body } = await create(world, {
      template_id: "csv-echo",
      jobId: "ignored",
      name: "a name",
      data_source: {
        data_source_descriptor: "aws",
        params: {
          "@type": "type.googleapis.com/bytenite.data_source.S3DataSource",
          name: "/in/a.csv",
          bucket_name: "inbox",
          cloud_region: "",
          access_key: "",
        },
      },
      params: { app: { by: "x" }, data: "", preset: null, schema: {}, selectedOutputs: [] },
      config: {
        min_chunk_size: "1024",
        task_timeout: "120s",
        is_test_job: "true",
        retry_backoff: { initial_ms: "5" },
        max_concurrency: null,
      },
      priority: "40",
      start_at: "2026-03-02T12:00:00+02:00",
      tags: { team: "data", run: 7 },
    });

    expect(status, body.message).toBe(200);
    const { job } = jobAnswer.parse(body);
    expect(job.dataSource).toEqual({
      dataSourceDescriptor: "aws",
      params: {
        "@type": "type.googleapis.com/bytenite.data_source.S3DataSource",
        name: "in/a.csv",
        bucketName: "inbox",
        cloudRegion: null,
        tempUrl: null,
      },
    });
    expect(job.params.app).toEqual({ by: "x" });
    expect(job.config).toMatchObject({ minChunkSize: "1024", taskTimeout: 120, isTestJob: true, maxConcurrency: null });
    expect(job.config.retryBackoff).toEqual({ initialMs: 5, rate: 2, maxMs: 60_000 });
    expect(job).toMatchObject({ priority: 40, startAt: "2026-03-02T10:00:00.000Z", tags: { team: "data", run: "7" } });
  });

  it("keeps the caller's own keys of params and settings as they came", async () => {
    const world = new ApiWorld();

    const job = await world.job({
      config: { partitioningSettings: { snake_case: 1, camelCase: "2" } },
      tags: { a_b: "c" },
    });

    expect(job.config.partitioningSettings).toEqual({ snake_case: 1, camelCase: "2" });
    expect(job.tags).toEqual({ a_b: "c" });
  });

  it("takes config and name defaults from the template", async () => {
    const job = await new ApiWorld().job({ templateId: "bare-echo" });
    expect(job).toMatchObject({ name: "bare-echo", maxAttempts: 5, config: { taskTimeout: 60, jobTimeout: 86_400 } });
  });

  it.each([
    [{ templateId: "csv-echo", nonsense: 1 }, "nonsense", 400],
    [{ templateId: "csv-echo", params: { app: { by: "x" }, nonsense: {} } }, "params.nonsense", 400],
    [{ templateId: "csv-echo", config: { retryBackoff: { pace: 1 } } }, "config.retryBackoff.pace", 400],
    [
      { templateId: "csv-echo", dataSource: { dataSourceDescriptor: "s3", params: { bucketName: "inbox", nam: "x" } } },
      "dataSource.params.nam",
      400,
    ],
    [{ templateId: "csv-echo", config: { minChunkSize: -1 } }, "config.minChunkSize", 400],
    [{ templateId: "csv-echo", config: { minChunkSize: "1.5" } }, "config.minChunkSize", 400],
    [{ templateId: "csv-echo", config: { maxChunkSize: "many" } }, "config.maxChunkSize", 400],
    [{ templateId: "csv-echo", config: { minChunkSize: 10, maxChunkSize: 9 } }, "config.minChunkSize", 422],
    [{ templateId: "csv-echo", config: { taskTimeout: 841 } }, "config.taskTimeout", 400],
    [{ templateId: "csv-echo", name: "abc" }, "name", 400],
    [{ templateId: "csv-echo", name: "x".repeat(201) }, "name", 400],
    [
      { templateId: "csv-echo", tags: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`t${i}`, ""])) },
      "tags",
      400,
    ],
    [{ templateId: "csv-echo", params: { app: { by: "x".repeat(66_000) } } }, "params", 400],
    [{ templateId: "csv-echo", priority: 101 }, "priority", 400],
    [{ templateId: "csv-echo", startAt: "tomorrow" }, "startAt", 400],
    [{ templateId: "csv-echo", dataSource: { dataSourceDescriptor: "ftp" } }, "dataSource.dataSourceDescriptor", 400],
    [
      { templateId: "csv-echo", dataSource: { dataSourceDescriptor: "s3", params: { name: "x" } } },
      "dataSource.params.bucketName",
      400,
    ],
    [
      { templateId: "csv-echo", dataDestination: { dataSourceDescriptor: "file" } },
      "dataDestination.dataSourceDescriptor",
      400,
    ],
    [
      { templateId: "csv-echo", dataSource: { dataSourceDescriptor: "file", params: { name: "../../x" } } },
      "dataSource.params.name",
      400,
    ],
    [{ template_id: "csv-echo", templateId: "csv-echo" }, "templateId", 400],
    [{ templateId: "nowhere" }, "templateId", 404],
    [{ name: "no template" }, "templateId", 400],
    [{ templateId: "csv-echo", params: { app: { by: "x", width: 0 } } }, "params.app.width", 422],
    [{ templateId: "csv-echo", params: { app: { by: "x", size: 3 } } }, "params.app.size", 422],
    [{ templateId: "csv-echo", params: { partitioner: { delimiter: '"' } } }, "params.partitioner.delimiter", 422],
    [{ templateId: "csv-echo", regions: { whitelist: ["us-east-1"] } }, "regions.whitelist", 422],
    [{ templateId: "csv-echo", regions: { blacklist: ["eu-north-1"] } }, "regions.blacklist", 422],
    [{ templateId: "csv-echo", dataSource: s3("x", "not-granted") }, "dataSource.params.bucketName", 422],
    [{ templateId: "csv-echo", dataSource: s3("o/bob/jobs/x", BUCKET) }, "dataSource.params.name", 422],
    [{ templateId: "csv-echo", dataSource: s3("o/alice", BUCKET) }, "dataSource.params.name", 422],
    [{ templateId: "csv-echo", dataDestination: s3("o/alice/jobs/1", BUCKET) }, "dataDestination.params.name", 422],
  ])("refuses %j at %s with %i", async (body, path, status) => {
    const world = new ApiWorld();

    const answer = await create(world, body);

    expect(answer.status, answer.body.message).toBe(status);
    const error = errorAnswer.parse(answer.body);
    expect(error.details.map((detail) => detail.path)).toContain(path);
    expect(error.requestId).toBe("req-1");
    expect(world.store.size, "nothing was written").toBe(0);
  });

  it("gives every wrong field at once", async () => {
    const { body } = await create(new ApiWorld(), { templateId: "csv-echo", name: "a", priority: -1, x: 1 });
    expect(body.details.map(({ path }) => path).sort()).toEqual(["name", "priority", "x"]);
  });

  it.each(["url", "gcp", "storj", "backblaze", "wasabi"])("says that %s is not available yet", async (descriptor) => {
    const { status, body } = await create(new ApiWorld(), {
      templateId: "csv-echo",
      dataSource: { dataSourceDescriptor: descriptor, params: { url: "https://x" } },
    });
    expect([status, body.code, body.reason]).toEqual([501, 12, "NOT_AVAILABLE_YET"]);
  });

  it("refuses inline secrets and never echoes them", async () => {
    const source = {
      dataSourceDescriptor: "s3",
      params: { name: "x", bucketName: "inbox", accessKey: "AK", secretKey: "very-secret" },
    };
    const { status, body } = await create(new ApiWorld(), { templateId: "csv-echo", dataSource: source });
    expect([status, body.reason]).toEqual([501, "NOT_AVAILABLE_YET"]);
    expect(JSON.stringify(body)).not.toContain("very-secret");
  });
});

describe("bodies", () => {
  it.each([
    ["{", 400, "INVALID_JSON"],
    ['{"templateId": "csv-echo", "params": {"app": {"__proto__": {"x": 1}}}}', 400, "INVALID_JSON"],
    [`{"templateId": ${"[".repeat(10_000)}${"]".repeat(10_000)}}`, 400, "INVALID_JSON"],
    ['{"templateId": "csv-echo", "params": {"app": {"by": 1e400}}}', 400, "INVALID_JSON"],
    ["[]", 400, "INVALID_REQUEST"],
    ['"text"', 400, "INVALID_REQUEST"],
    [`{"templateId": "csv-echo", "description": "${"x".repeat(1024 * 1024)}"}`, 413, "BODY_TOO_LARGE"],
  ])("%.40s → %i", async (text, status, reason) => {
    const answer = await create(new ApiWorld(), text);
    expect([answer.status, answer.body.reason]).toEqual([status, reason]);
    errorAnswer.parse(answer.body);
  });

  it("parses JSON whatever the Content-Type says, and takes an absent body as {}", async () => {
    const world = new ApiWorld();
    const job = await world.job();

    const odd = await world.call("POST", `${JOBS}/${job.id}/configs`, '{"taskTimeout": 7}', {
      headers: { "content-type": "text/plain" },
    });
    const none = await world.call("POST", `${JOBS}/${job.id}/run`);

    expect([odd.status, none.status]).toEqual([200, 200]);
  });
});

describe("Idempotency-Key", () => {
  it("makes one job of two calls, also when keys come in another order", async () => {
    const world = new ApiWorld();
    await world.owner("alice");

    const first = await create(world, { templateId: "csv-echo", name: "once" }, "k1");
    const second = await create(world, { name: "once", templateId: "csv-echo" }, "k1");

    expect(second.body.job.id).toBe(first.body.job.id);
    const list = await world.call<{ pagination: { total: number } }>("GET", JOBS);
    expect(list.body.pagination.total).toBe(1);
  });

  it("makes one job when both arrive at once (I7)", async () => {
    const world = new ApiWorld();
    await world.owner("alice");

    const answers = await Promise.all(
      Array.from({ length: 8 }, () => create(world, { templateId: "csv-echo" }, "at-once")),
    );

    expect(new Set(answers.map(({ body }) => body.job.id)).size).toBe(1);
    const list = await world.call<{ data: unknown[]; pagination: { total: number } }>("GET", JOBS);
    expect([list.body.data.length, list.body.pagination.total]).toEqual([1, 1]);
  });

  it("makes one job when the answer of the first transaction was lost", async () => {
    const world = new ApiWorld({
      table: (table) =>
        withFaults(
          table,
          ({ when, method, call }) => {
            if (when === "after" && method === "transact" && call === 1) throw tableConflict(5, 0);
          },
          "table",
        ),
    });

    const first = await create(world, { templateId: "csv-echo" }, "lost");
    const again = await create(world, { templateId: "csv-echo" }, "lost");

    expect([first.status, again.status]).toEqual([200, 200]);
    expect(again.body.job.id).toBe(first.body.job.id);
  });

  it("refuses another body, keeps owners apart, and stays used after deletion", async () => {
    const world = new ApiWorld();
    const { body } = await create(world, { templateId: "csv-echo" }, "k2");

    const other = await create(world, { templateId: "range-echo" }, "k2");
    const foreign = await world.job({ templateId: "range-echo" }, "bob");
    await world.call("DELETE", `${JOBS}/${body.job.id}`);
    const deleted = await create(world, { templateId: "csv-echo" }, "k2");

    expect([other.status, other.body.reason]).toEqual([409, "IDEMPOTENCY_KEY_REUSED"]);
    expect(foreign.id).not.toBe(body.job.id);
    expect([deleted.status, deleted.body.reason]).toEqual([409, "IDEMPOTENCY_KEY_DELETED"]);
  });

  it("refuses a key that no header may carry", async () => {
    const { status } = await create(new ApiWorld(), { templateId: "csv-echo" }, "k".repeat(256));
    expect(status).toBe(400);
  });
});
