import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import {
  type Answer,
  anonymous,
  createJob,
  folder,
  getJob,
  getOutput,
  listOutput,
  newOwner,
  type Owner,
  ownerOf,
  putInput,
  s3Destination,
  s3Source,
  signIn,
  startJob,
  TEMPORARY,
  theStack,
  waitForJob,
} from "./harness.ts";
import { catchMoment, isIn, Missed, until } from "./moments.ts";

const run = (owner: Owner, id: string, config: unknown = {}) =>
  owner.call("POST", `/v1/customer/jobs/${id}/run`, config);

function expectError(answer: Answer, status: number, reason: string, path?: string): void {
  expect(answer, JSON.stringify(answer.body)).toMatchObject({
    status,
    body: { reason, code: expect.any(Number), message: expect.stringMatching(/.{20}/), requestId: expect.any(String) },
  });
  if (path !== undefined) expect(answer.body.details.map((detail: { path?: string }) => detail.path)).toContain(path);
}

async function failedJob(owner: Owner, body: Record<string, unknown>) {
  const job = await createJob(owner, body);
  await startJob(owner, job.id);
  const ended = await waitForJob(owner, job.id);
  expect(ended.state).toBe("JOB_STATE_FAILED");
  expect(ended.errorMessage).toEqual(expect.stringMatching(/.{20}/));
  return ended;
}

/** A job of many tasks, whose input becomes another as soon as it is being partitioned. @returns the job, ended */
async function overwriteMidJob(owner: Owner, at: string, before: Buffer, after: Buffer) {
  await putInput(`${at}in.csv`, before);
  const { id } = await createJob(owner, {
    templateId: "csv-select",
    dataSource: s3Source(`${at}in.csv`),
    dataDestination: s3Destination(`${at}out`),
    params: { partitioner: { chunks: 64 } },
  });
  await startJob(owner, id);
  await until(owner, id, (job) => !isIn("STARTED")(job) && !isIn("UPLOADING")(job));
  await putInput(`${at}in.csv`, after);
  return waitForJob(owner, id);
}

describe.concurrent("refused before any work, with the field and the remedy", () => {
  it("an unknown template, unknown fields, params that break the schema, bad chunk sizes", async () => {
    const owner = await newOwner();
    const post = (body: unknown) => owner.call("POST", "/v1/customer/jobs", body);

    expectError(await post({ templateId: "no-such" }), 404, "TEMPLATE_NOT_FOUND", "templateId");
    expectError(await post({ templateId: "csv-select", colour: "red" }), 400, "INVALID_REQUEST", "colour");
    expectError(
      await post({ templateId: "csv-group-by", params: { app: { by: 7 } } }),
      422,
      "INVALID_PARAMS",
      "params.app.by",
    );
    for (const config of [{ minChunkSize: -1 }, { maxChunkSize: 1.5 }, { minChunkSize: 10, maxChunkSize: 5 }]) {
      const answer = await post({ templateId: "csv-select", config });
      expect([400, 422]).toContain(answer.status);
      expect(answer.body.details[0].path).toMatch(/^config\.(min|max)ChunkSize$/);
    }
  });

  it("a body over the limit", async () => {
    const owner = await newOwner();

    const answer = await owner.call("POST", "/v1/customer/jobs", {
      templateId: "csv-select",
      description: "x".repeat(1_100_000),
    });

    expectError(answer, 413, "BODY_TOO_LARGE");
  });

  it("a missing object, a missing bucket, a bucket nobody granted", async () => {
    const owner = await newOwner();
    const at = folder();
    const create = (dataSource: unknown) =>
      owner.call("POST", "/v1/customer/jobs", { templateId: "csv-select", dataSource, dataDestination: TEMPORARY });
    const inBucket = (bucketName: string) => ({ dataSourceDescriptor: "s3", params: { name: "a.csv", bucketName } });

    const object = await run(owner, (await create(s3Source(`${at}no-such.csv`))).body.job.id);
    const bucket = await run(owner, (await create(inBucket(theStack().missingBucket))).body.job.id);
    const foreign = await create(inBucket("somebody-elses"));

    expectError(object, 422, "OBJECT_MISSING", "dataSource.params.name");
    expectError(bucket, 422, "BUCKET_MISSING", "dataSource.params.bucketName");
    expectError(foreign, 422, "ACCESS_DENIED", "dataSource.params.bucketName");
  });

  it("a destination that can't be written, before any work", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, "a,b\n1,2\n");
    const dataDestination = {
      dataSourceDescriptor: "s3",
      params: { name: "out", bucketName: theStack().missingBucket },
    };
    const job = await createJob(owner, {
      templateId: "csv-select",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination,
    });

    const answer = await run(owner, job.id);

    expectError(answer, 422, "DESTINATION_NOT_WRITABLE", "dataDestination.params.bucketName");
    expect((await getJob(owner, job.id)).state).toBe("JOB_STATE_NEW");
  });

  it("a destination that is taken, before any work; with overwrite it is replaced", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, "a,b\n1,2\n");
    const body = {
      templateId: "csv-select",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: s3Destination(`${at}out`),
    };
    const first = await createJob(owner, body);
    await startJob(owner, first.id);
    await waitForJob(owner, first.id);
    await putInput(`${at}in.csv`, "a,b\n3,4\n");

    const second = await createJob(owner, body);
    const refused = await run(owner, second.id);
    expectError(refused, 422, "DESTINATION_TAKEN", "dataDestination.params.name");
    expect((await getJob(owner, second.id)).state).toBe("JOB_STATE_NEW");
    await startJob(owner, second.id, { config: { overwrite: true } });

    expect((await waitForJob(owner, second.id)).state).toBe("JOB_STATE_COMPLETE");
    const [key] = await listOutput(`${at}out`);
    expect((await getOutput(key ?? "")).toString()).toBe("a,b\n3,4\n");
  });
});

describe.concurrent("who may see what", () => {
  it("another owner's job is 404 on every route, and in no list", async () => {
    const [ann, bob] = await Promise.all([newOwner(), newOwner()]);
    const job = await createJob(ann, { templateId: "numbers", params: { partitioner: { range: "1-3" } } });

    const calls: [string, string, unknown?][] = [
      ["GET", ""],
      ["POST", "/run", {}],
      ["PATCH", "/tags", { tags: {} }],
      ["PATCH", "/params", {}],
      ["PATCH", "/jobname", { name: "mine now" }],
      ["DELETE", ""],
      ["GET", "/results"],
      ["GET", "/tasks"],
      ["GET", "/tasks/0"],
      ["GET", "/events"],
      ["GET", "/wait"],
      ["GET", "/cost"],
      ["POST", "/partition", {}],
      ["POST", "/uploads", { files: [{ name: "a", size: 1 }] }],
      ["PATCH", "/uploadcompleted"],
      ["POST", "/abort"],
      ["POST", "/pause"],
      ["POST", "/resume"],
      ["POST", "/requeue", {}],
    ];
    for (const [method, path, body] of calls) {
      const answer = await bob.call(method, `/v1/customer/jobs/${job.id}${path}`, body);
      expect([404, 501], `${method} ${path}: ${JSON.stringify(answer.body)}`).toContain(answer.status);
      expect(JSON.stringify(answer.body)).not.toContain(ann.name);
    }
    const list = await bob.call("GET", "/v1/customer/jobs");
    expect(list.body.data).toEqual([]);
    expect(list.body.pagination.total).toBe(0);
  });

  it("no token, a malformed one, one of another key, an expired one: 401; a wrong key: 401", async () => {
    const forged = await new SignJWT({ sub: "admin" })
      .setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h")
      .sign(Buffer.from("x".repeat(48)));

    const valid = (await signIn(theStack().adminKey)).body.token as string;
    const { exp: _, ...claims } = decodeJwt(valid);
    const expired = await new SignJWT(claims)
      .setProtectedHeader(decodeProtectedHeader(valid) as { alg: string })
      .setExpirationTime(Math.floor(Date.now() / 1_000) - 3_600)
      .sign(Buffer.from(theStack().tokenKey));

    const bad = ["nonsense", `Bearer ${forged}`, expired].map((authorization) => ({ authorization }));
    for (const headers of [{}, ...bad]) {
      expect((await anonymous("GET", "/v1/customer/jobs", undefined, headers as Record<string, string>)).status).toBe(
        401,
      );
    }
    expectError(await signIn("wrong-key"), 401, "API_KEY_INVALID");
  });

  it("only admin makes owners", async () => {
    const owner = await newOwner();

    expectError(await owner.call("POST", "/v1/admin/owners", { name: "eve" }), 403, "ADMIN_ONLY");
  });

  it("a revoked key's tokens stop working", async () => {
    const owner = await newOwner();
    const made = await owner.call("POST", "/v1/auth/api_keys", { name: "second" });
    const second = await ownerOf(owner.name, made.body.apiKey);
    const keys = await owner.call("GET", "/v1/auth/api_keys");
    const id = keys.body.apiKeys.find((key: { name: string }) => key.name === "second").id;

    await owner.call("POST", `/v1/auth/api_keys/${id}/revoke`);

    expect((await second.call("GET", "/v1/customer/jobs")).status).toBe(401);
    expect((await owner.call("GET", "/v1/customer/jobs")).status).toBe(200);
    expect(theStack().adminKey.length).toBeGreaterThan(20);
  });

  it("the same Idempotency-Key makes one job (I7)", async () => {
    const owner = await newOwner();
    const body = { templateId: "numbers", params: { partitioner: { range: "1-3" } } };
    const post = (what: unknown) => owner.call("POST", "/v1/customer/jobs", what, { "idempotency-key": "k1" });

    const answers = await Promise.all([post(body), post(body), post(body)]);

    expect(new Set(answers.map((answer) => answer.body.job.id)).size).toBe(1);
    expectError(await post({ ...body, description: "other" }), 409, "IDEMPOTENCY_KEY_REUSED");
    expect((await owner.call("GET", "/v1/customer/jobs")).body.pagination.total).toBe(1);
  });
});

describe.concurrent("FAILED, with the step, the cause and the remedy", () => {
  it("an unterminated quote", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, 'a,b\n1,2\n3,"open\n');

    const job = await failedJob(owner, {
      templateId: "csv-select",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: TEMPORARY,
    });

    expect(job.failure).toMatchObject({
      step: "partition",
      code: "CSV_UNTERMINATED_QUOTE",
      message: expect.stringContaining("8"),
    });
  });

  it("invalid UTF-8, tolerated or not", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(
      `${at}in.csv`,
      Buffer.concat([Buffer.from("a,b\n1,2\n3,"), Buffer.from([0xff, 0xfe]), Buffer.from("\n")]),
    );

    const job = await failedJob(owner, {
      templateId: "csv-select",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: TEMPORARY,
    });

    expect(job.failure).toMatchObject({ step: "tasks", code: "INVALID_UTF8" });
    expect(job.progress.failed).toBe(1);
  });

  it("a column that isn't there, with those that are", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}in.csv`, "a,b\n1,2\n");

    const job = await failedJob(owner, {
      templateId: "csv-group-by",
      dataSource: s3Source(`${at}in.csv`),
      dataDestination: TEMPORARY,
      params: { app: { by: "state" } },
    });

    expect(job.failure?.message).toMatch(/"state".*"a", "b"/);
  });

  it("an input that is overwritten mid-job is INPUT_CHANGED, never a mix of two versions", async () => {
    const owner = await newOwner();
    const body = (letter: string, times: number) =>
      Buffer.from(`a,b\n${`${letter.repeat(40)},2\n`.repeat(times * 400_000)}`);
    const { ended, outputs } = await catchMoment(async (times) => {
      const at = folder();
      const before = body("x", times);
      const ended = await overwriteMidJob(owner, at, before, body("y", times));
      const outputs = await listOutput(`${at}out`);
      if (isIn("COMPLETE")(ended)) {
        expect((await getOutput(outputs[0] ?? "")).equals(before)).toBe(true);
        throw new Missed(`${ended.id} had read all when its input became another`);
      }
      return { ended, outputs };
    });
    expect(ended.state).toBe("JOB_STATE_FAILED");
    expect(ended.failure?.code).toBe("INPUT_CHANGED");
    expect(outputs).toEqual([]);
  });
});

describe.concurrent("handled, not refused", () => {
  it("a record larger than a chunk", async () => {
    const owner = await newOwner();
    const at = folder();
    const text = `short\n${"long ".repeat(100_000)}\nend`;
    await putInput(`${at}in.txt`, text);
    const job = await createJob(owner, {
      templateId: "word-count",
      dataSource: s3Source(`${at}in.txt`),
      dataDestination: s3Destination(`${at}out`),
      config: { maxChunkSize: 1_000 },
    });
    await startJob(owner, job.id);

    expect((await waitForJob(owner, job.id)).state).toBe("JOB_STATE_COMPLETE");

    const [key] = await listOutput(`${at}out`);
    expect((await getOutput(key ?? "")).toString()).toBe("word,count\nend,1\nlong,100000\nshort,1\n");
  });

  it("a deleted job is gone, and its key answers 409", async () => {
    const owner = await newOwner();
    const body = { templateId: "numbers", params: { partitioner: { range: "1-3" } } };
    const made = await owner.call("POST", "/v1/customer/jobs", body, { "idempotency-key": "k" });
    const { id } = made.body.job;

    expect((await owner.call("DELETE", `/v1/customer/jobs/${id}`)).status).toBe(200);

    expectError(await owner.call("GET", `/v1/customer/jobs/${id}`), 404, "JOB_NOT_FOUND");
    expect((await owner.call("POST", "/v1/customer/jobs", body, { "idempotency-key": "k" })).status).toBe(409);
    expect((await owner.call("GET", "/v1/customer/jobs")).body.pagination.total).toBe(0);
  });
});
