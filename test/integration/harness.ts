/** What integration tests share: an owner per test, HTTP calls, inputs into S3 and outputs out of it. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { expect, inject } from "vitest";
import { type JobRecord, jobAnswer } from "../../core/contracts/api/records.ts";
import type { Stack } from "./global-setup.ts";

export function theStack(): Stack {
  const stack = inject("stack");
  if (!stack) throw new Error("AWS_ENDPOINT_URL is unset; run `npm run test:integration`, which starts an emulator.");
  return stack;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape, and assert what they read
  readonly body: any;
}

/** An API client of one owner. */
export interface Owner {
  readonly name: string;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

const GET_TRIES = 4;

/** MiniStack answers for a function that failed with 200 and the error, for one that it has no room for with 504. */
const isLost = ({ status, body }: Answer): boolean => status >= 500 || body?.errorType !== undefined;

/** A GET changes nothing: it is asked again, a few times, when no answer of JobJob's came. */
async function request(method: string, path: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const tries = method === "GET" ? GET_TRIES : 1;
  for (let n = 1; ; n++) {
    try {
      const answer = await send(method, path, body, headers);
      if (n === tries || !isLost(answer)) return answer;
      console.log(`${method} ${path} is asked again: ${answer.status} ${JSON.stringify(answer.body)}`);
    } catch (error) {
      if (n === tries) throw error;
      console.log(`${method} ${path} is asked again: ${error}`);
    }
    await sleep(n * 1_000);
  }
}

async function send(method: string, path: string, body: unknown, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(`${theStack().apiUrl}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
}

export async function signIn(apiKey: string): Promise<Answer> {
  return request("POST", "/v1/auth/access_token", { apiKey }, {});
}

/** Without any credentials, or with the headers given. */
export const anonymous = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  request(method, path, body, headers);

export async function ownerOf(name: string, apiKey: string): Promise<Owner> {
  const signed = await signIn(apiKey);
  expect(signed.status, JSON.stringify(signed.body)).toBe(200);
  const token = signed.body.token as string;
  return {
    name,
    call: (method, path, body, headers = {}) => request(method, path, body, { authorization: token, ...headers }),
  };
}

let adminOwner: Promise<Owner> | undefined;
export const admin = (): Promise<Owner> => {
  adminOwner ??= ownerOf("admin", theStack().adminKey);
  return adminOwner;
};

export async function newOwner(): Promise<Owner> {
  const made = await (await admin()).call("POST", "/v1/admin/owners", { name: `test-${randomUUID().slice(0, 8)}` });
  expect(made.status, JSON.stringify(made.body)).toBe(200);
  return ownerOf(made.body.owner.id ?? made.body.owner.name ?? made.body.owner, made.body.apiKey);
}

let store: S3Client | undefined;
const s3 = (): S3Client => {
  store ??= new S3Client({
    endpoint: theStack().endpoint,
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
  });
  return store;
};

/** A folder of its own in the test buckets. */
export const folder = (): string => `t/${randomUUID()}/`;

export async function putInput(key: string, body: string | Uint8Array): Promise<void> {
  await s3().send(new PutObjectCommand({ Bucket: theStack().inputBucket, Key: key, Body: Buffer.from(body) }));
}

export async function putOutput(key: string, body: string | Uint8Array): Promise<void> {
  await s3().send(new PutObjectCommand({ Bucket: theStack().outputBucket, Key: key, Body: Buffer.from(body) }));
}

export async function getOutput(key: string): Promise<Buffer> {
  const answer = await s3().send(new GetObjectCommand({ Bucket: theStack().outputBucket, Key: key }));
  return Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
}

export async function listOutput(prefix: string): Promise<string[]> {
  const page = await s3().send(new ListObjectsV2Command({ Bucket: theStack().outputBucket, Prefix: prefix }));
  return (page.Contents ?? []).flatMap((object) => object.Key ?? []);
}

export const s3Source = (name: string) => ({
  dataSourceDescriptor: "s3",
  params: { name, bucketName: theStack().inputBucket },
});
export const s3Destination = (name: string) => ({
  dataSourceDescriptor: "s3",
  params: { name, bucketName: theStack().outputBucket },
});
export const BYPASS = { dataSourceDescriptor: "bypass", params: {} };
export const TEMPORARY = { dataSourceDescriptor: "bucket", params: {} };

export async function createJob(owner: Owner, body: Record<string, unknown>): Promise<JobRecord> {
  const answer = await owner.call("POST", "/v1/customer/jobs", body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return jobAnswer.parse(answer.body).job;
}

export async function startJob(owner: Owner, id: string, config: Record<string, unknown> = {}): Promise<void> {
  const answer = await owner.call("POST", `/v1/customer/jobs/${id}/run`, config);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
}

export async function getJob(owner: Owner, id: string): Promise<JobRecord> {
  const answer = await owner.call("GET", `/v1/customer/jobs/${id}`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return jobAnswer.parse(answer.body).job;
}

const ENDED = ["JOB_STATE_COMPLETE", "JOB_STATE_FAILED", "JOB_STATE_CANCELED"];

/** Long-polls until the job has ended. */
export async function waitForJob(owner: Owner, id: string, seconds = 240): Promise<JobRecord> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const answer = await owner.call("GET", `/v1/customer/jobs/${id}/wait?timeout=10`);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    const { job } = jobAnswer.parse(answer.body);
    if (ENDED.includes(job.state)) return job;
    if (Date.now() > deadline)
      throw new Error(`The job ${id} is still ${job.state} (${job.progress.text}) after ${seconds} s.`);
  }
}

/** Creates, runs and waits; the job must be COMPLETE. */
export async function completeJob(owner: Owner, body: Record<string, unknown>): Promise<JobRecord> {
  const created = await createJob(owner, body);
  await startJob(owner, created.id);
  const job = await waitForJob(owner, created.id);
  expect(job.state, JSON.stringify(job.failure)).toBe("JOB_STATE_COMPLETE");
  return job;
}

/** The bytes behind the links of a COMPLETE job, by name. */
export async function downloadResults(owner: Owner, id: string): Promise<ReadonlyMap<string, Buffer>> {
  const answer = await owner.call("GET", `/v1/customer/jobs/${id}/results`);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  const files = new Map<string, Buffer>();
  for (const { name, link, size } of answer.body.results as { name: string; link: string; size: number }[]) {
    const response = await fetch(link);
    expect(response.status).toBe(200);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.length).toBe(size);
    files.set(name, bytes);
  }
  return files;
}
