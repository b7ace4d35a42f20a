import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { MemoryEventBus, MemoryObjectStore, unavailable, withFaults } from "../../../adapters/memory/index.ts";
import { FUNCTIONS, type FunctionName, type FunctionSpec } from "../../../cdk/function-table.ts";
import type { ChildInput, Hand } from "../../../core/contracts/workflow.ts";
import { abortJob, pauseJob, requeueJob } from "../../../core/control/index.ts";
import { publishedSoFar } from "../../../core/delivery/published.ts";
import { publishEvents } from "../../../core/events/publish.ts";
import { claimLogKey, stepPrefix } from "../../../core/keys/object-keys.ts";
import { claim } from "../../../core/steps/claim.ts";
import { commit } from "../../../core/steps/commit.ts";
import { fail } from "../../../core/steps/fail.ts";
import { finish } from "../../../core/steps/finish.ts";
import { partition } from "../../../core/steps/partition.ts";
import { plan } from "../../../core/steps/plan.ts";
import { prepare } from "../../../core/steps/prepare.ts";
import { settle } from "../../../core/steps/settle.ts";
import { sweep } from "../../../core/steps/sweep.ts";
import { BUCKET as API_BUCKET, ApiWorld, GRANTED, s3 as s3Body } from "../../helpers/api-world.ts";
import {
  BUCKET,
  children,
  type Engine,
  JOB,
  makeEngine,
  OWNER,
  putTasksJob,
  type Verdict,
  work,
} from "../../helpers/engine.ts";
import { completed, jobOf, makeMergeWorld, nextMergeRun, putMergeJob, STEPS } from "../../helpers/merge-world.ts";
import { drive, world } from "../../helpers/partition-world.ts";
import { restricted } from "../../helpers/rights.ts";
import { streamOf } from "../../helpers/stream.ts";

const INPUT = { jobId: JOB, run: 1 };
const used = new Map<FunctionName, Set<string>>();
/** The context with just the rights of a function; what it uses of them is noted. */
function as<C extends Parameters<typeof restricted>[0]>(name: FunctionName, ctx: C): C {
  const noted = used.get(name) ?? new Set();
  used.set(name, noted);
  return restricted(ctx, name, noted);
}

async function cutSources(): Promise<void> {
  const rows = `n,m\n${"1,2\n".repeat(300)}`;
  const objects = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`in/${i}.csv`, rows]));
  const source = { kind: "s3", bucket: "input", name: "in/", descriptor: "s3" } as const;
  const config = { maxChunkSize: 64 };
  const w = await world({ partitioner: "csv", source, objects, config, callMs: 1, budgetMs: 40 });
  expect((await drive(prepare, as("prepare", w.ctx))).calls).toBeGreaterThan(1);
  expect((await drive(partition, as("partition", w.ctx))).calls).toBeGreaterThan(1);

  // Steps that break while an upload is open.
  const packed = gzipSync(randomBytes(5_000)).subarray(0, 4_000);
  const cutOff = await world({
    partitioner: "lines",
    source: { ...source, name: "a.gz" },
    objects: { "a.gz": packed },
  });
  await expect(drive(prepare, as("prepare", cutOff.ctx))).rejects.toMatchObject({ code: "GZIP_BROKEN" });
  const broken = await world({ partitioner: "csv", objects: { "a.csv": rows }, config: { maxChunkSize: 8 } });
  await drive(prepare, as("prepare", broken.ctx));
  const dying = withFaults(broken.ctx.objects, ({ when, method }) => {
    if (when === "before" && method === "completeUpload") throw unavailable("STORE_UNAVAILABLE");
  });
  const attempt = drive(partition, as("partition", { ...broken.ctx, objects: dying }));
  await expect(attempt).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });

  const gone = await world({ partitioner: "csv", source: { ...source, name: "none.csv" } });
  await expect(drive(prepare, as("prepare", gone.ctx))).rejects.toMatchObject({ code: "OBJECT_MISSING" });
}

/** @param lost batches whose children die before they claim anything */
async function workOff(verdict: Verdict, failFast: boolean, lost = 0): Promise<Engine> {
  const engine = makeEngine();
  await putTasksJob(engine, 40, { config: { failFast }, taskSeconds: 20 });
  const batches = children(engine, await plan(as("plan", engine), INPUT));
  for (const input of batches.slice(lost)) await runChild(engine, input, verdict);
  return engine;
}

async function runTasks(verdict: Verdict, lost = 0): Promise<Engine> {
  const engine = await workOff(verdict, false, lost);
  const again = await settle(as("settle", engine), { ...INPUT, step: { next: "tasks", round: 1 } as never });
  if (again.next === "plan") await plan(as("plan", engine), { ...INPUT, step: again });
  return engine;
}

async function runChild(engine: Engine, input: ChildInput, verdict: Verdict): Promise<void> {
  let hand: Hand = await claim(as("claim", engine), input);
  for (;;) {
    const result = await work(engine, input, hand, verdict);
    hand = await commit(as("commit", engine), { ...input, hand, result });
    if (hand.next === "done") return;
    if (hand.next !== "wait") continue;
    engine.clock.advance((hand.seconds ?? 1) * 1_000);
    hand = await claim(as("claim", engine), { ...input, hand });
  }
}

const RESULTS = Array.from({ length: 60 }, (_, i) =>
  completed({ name: "r.csv", body: `${i},${"x".repeat(30)}\n`, own: true }),
);

async function merge(destination: { bucket: string; name: string }, stepBudgetMs = 200): Promise<Engine> {
  const w = makeMergeWorld({ stepBudgetMs, publishBudgetMs: stepBudgetMs });
  const to = { kind: "s3", descriptor: "s3", ...destination } as const;
  await putMergeJob(w, { assembler: "passthrough", destination: to, tasks: RESULTS });
  return w;
}

async function untilElsewhere(w: Engine, step: keyof typeof STEPS, run = 1): Promise<void> {
  for (;;) {
    const slow = {
      ...w,
      objects: withFaults(w.objects, ({ when }) => (when === "before" ? w.clock.advance(1) : undefined)),
    };
    if ((await STEPS[step](as(step, slow), run)).next !== "again") return;
  }
}

async function deliverTo(destination: { bucket: string; name: string }): Promise<Engine> {
  const w = await merge(destination);
  await untilElsewhere(w, "assemble");
  await dieBetweenIntentAndIds(w);
  await dieBehindIds(w);
  await untilElsewhere(w, "deliver");
  await untilElsewhere(w, "publish");
  expect(await publishedSoFar(as("sweep", w), await jobOf(w))).toEqual({ objects: RESULTS.length, of: RESULTS.length });
  await finish(as("finish", w), INPUT);
  expect((await jobOf(w)).state).toBe("COMPLETE");
  await replace(w, destination);
  return w;
}

/** The next run has other results, and fewer. */
async function replace(w: Engine, to: { bucket: string; name: string }): Promise<void> {
  const tasks = RESULTS.slice(0, 50).map((task, i) => (i === 0 ? completed({ name: "r.csv", body: "new" }) : task));
  const destination = { kind: "s3", descriptor: "s3", ...to } as const;
  const run = await nextMergeRun(w, "TASKS_COMPLETED", { assembler: "passthrough", destination, tasks });
  const before = w.objects.keys(to.bucket).filter((key) => key.startsWith(to.name)).length;
  for (const step of ["assemble", "deliver", "publish"] as const) await untilElsewhere(w, step, run);
  expect(w.objects.keys(to.bucket).filter((key) => key.startsWith(to.name)).length).toBe(before - 10);
}

/** deliver dies after its uploads were begun and before their ids were noted. */
async function dieBetweenIntentAndIds(w: Engine): Promise<void> {
  let begun = 0;
  const dying = withFaults(w.objects, ({ when, method }) => {
    if (when === "after" && method === "createUpload" && ++begun === 3) throw unavailable("STORE_UNAVAILABLE");
  });
  await expect(STEPS.deliver(as("deliver", { ...w, objects: dying }))).rejects.toThrow(/didn't answer/);
  expect(begun).toBeGreaterThan(0);
}

/** deliver dies over its first part. */
async function dieBehindIds(w: Engine): Promise<void> {
  const dying = withFaults(w.objects, ({ method }) => {
    if (method === "uploadPartCopy") throw unavailable("STORE_UNAVAILABLE");
  });
  await expect(STEPS.deliver(as("deliver", { ...w, objects: dying }))).rejects.toThrow(/didn't answer/);
}

async function joinThroughATree(): Promise<void> {
  const w = makeMergeWorld();
  await putMergeJob(w, { assembler: "concat", params: { name: "all" }, tasks: RESULTS });
  await untilElsewhere(w, "assemble");
}

async function breakAndSweep(): Promise<void> {
  const failing = await merge({ bucket: "out", name: "reports" });
  await untilElsewhere(failing, "assemble");
  await dieBetweenIntentAndIds(failing);
  await dieBehindIds(failing);
  await failing.objects.createUpload({
    bucket: BUCKET,
    key: `${stepPrefix({ owner: OWNER, jobId: JOB }, "x", 1, 1)}u`,
  });
  expect((await failing.objects.listUploads("out", "")).length).toBeGreaterThan(0);
  expect(await fail(as("fail", failing), INPUT)).toEqual({ next: "ended" });
  expect(await failing.objects.listUploads("out", "")).toEqual([]);

  const deleted = await merge({ bucket: "out", name: "reports" });
  await untilElsewhere(deleted, "assemble");
  await dieBetweenIntentAndIds(deleted);
  await deleted.objects.createUpload({
    bucket: BUCKET,
    key: `${stepPrefix({ owner: OWNER, jobId: JOB }, "x", 1, 1)}u`,
  });
  await deleted.objects.put({ bucket: BUCKET, key: claimLogKey({ owner: OWNER, jobId: JOB }, 0, 0, 1) }, "{}");
  await deleted.table.write({ update: { pk: `JOB#${JOB}`, sk: "JOB" }, changes: { set: { deletedAt: 1 } } });
  await sweep(as("sweep", deleted), { jobId: JOB });
  expect(await deleted.table.get({ pk: `JOB#${JOB}`, sk: "JOB" })).toBeUndefined();
  expect(await deleted.objects.listUploads("out", "")).toEqual([]);
}

async function sweepTheRest(): Promise<void> {
  const drained = await workOff((o) => (o === 3 ? "X" : "C"), true);
  await sweep(as("sweep", drained), { jobId: JOB });
  expect((await jobOf(drained)).state).toBe("FAILED");

  const lost = makeEngine();
  await putTasksJob(lost, 1);
  await lost.table.write({ update: { pk: `JOB#${JOB}`, sk: "JOB" }, changes: { set: { state: "STARTED" } } });
  lost.clock.advance(120_000);
  expect((await sweep(as("sweep", lost), {})).repairs.map(({ what }) => what)).toEqual([
    "started the run, whose start had been lost",
  ]);
}

async function callTheApi(): Promise<void> {
  const store = new MemoryObjectStore({ buckets: [API_BUCKET, GRANTED] });
  const { ports } = new ApiWorld();
  const { objects, workflow, nudge } = as("api", { ...ports, objects: store });
  const w = new ApiWorld({
    table: (table) => as("api", { ...ports, table }).table,
    ports: { objects, workflow, nudge },
  });
  await w.owner("alice");
  await store.put({ bucket: GRANTED, key: "in/a.csv" }, "n,m\n1,2\n");
  const answers: number[] = [];
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await w.call<{ uploads?: { uploadId: string }[] }>(method, `/v1/customer/jobs${path}`, body);
    answers.push(answer.status);
    return answer.body;
  };
  const out = (bucketName: string, name: string) => ({ dataDestination: s3Body(name, bucketName) });
  for (const destination of [out(GRANTED, "out/x"), out(API_BUCKET, "o/alice/out/x")]) {
    const { id } = await w.job({ templateId: "csv-echo", dataSource: s3Body("in/a.csv"), ...destination });
    await call("POST", `/${id}/partition`);
    await call("PATCH", `/${id}/jobname`, { name: "renamed" });
    await call("POST", `/${id}/run`);
    await store.put({ bucket: API_BUCKET, key: claimLogKey({ owner: "alice", jobId: id }, 0, 0, 1) }, "{}");
    for (const what of ["", "/results", "/tasks", "/events", "/cost", "/logs"]) await call("GET", `/${id}${what}`);
    expect((await w.call("POST", "/v1/customer/logs", { jobId: id })).status).toBe(200);
  }
  const file = await w.job({
    templateId: "csv-echo",
    dataSource: { dataSourceDescriptor: "file", params: { name: "a.csv" } },
  });
  const { uploads } = await call("POST", `/${file.id}/uploads`, {
    files: [
      { name: "a.csv", size: 200_000_000 },
      { name: "b.csv", size: 3 },
    ],
  });
  const place = { bucket: API_BUCKET, key: `o/alice/jobs/${file.id}/uploads/a.csv` };
  const uploadId = uploads?.[0]?.uploadId ?? "";
  const { etag } = await store.uploadPart(place, uploadId, 1, Buffer.alloc(10));
  await call("POST", `/${file.id}/uploads`, {
    complete: [{ name: "a.csv", uploadId, parts: [{ partNumber: 1, etag }] }],
  });
  expect((await w.call("PATCH", `/v1/customer/jobs/${file.id}/uploadcompleted`)).status).toBe(409); // sizes differ
  await call("GET", "");
  await call("DELETE", `/${file.id}`);
  expect(new Set(answers)).toEqual(new Set([200]));
  expect((await w.call("GET", "/v1/auth/api_keys")).status).toBe(200);
}

async function controlJobs(): Promise<void> {
  const delivering = await merge({ bucket: "out", name: "reports" });
  await untilElsewhere(delivering, "assemble");
  await dieBetweenIntentAndIds(delivering);
  const own = `${stepPrefix({ owner: OWNER, jobId: JOB }, "x", 1, 1)}u`;
  await delivering.objects.createUpload({ bucket: BUCKET, key: own }); // a merge that was under way
  delivering.clock.advance(20 * 60_000); // no late call can add to the record of its uploads any more
  await abortJob(as("api", delivering), { owner: OWNER, id: JOB });
  expect([(await jobOf(delivering)).state, await delivering.objects.listUploads("out", "")]).toEqual(["CANCELING", []]);
  delivering.clock.advance(70_000);
  await sweep(as("sweep", delivering), { jobId: JOB });
  expect((await jobOf(delivering)).state).toBe("CANCELED");

  const running = await workOff((o) => (o === 3 ? undefined : "C"), false);
  await pauseJob(as("api", running), { owner: OWNER, id: JOB });
  await abortJob(as("api", running), { owner: OWNER, id: JOB });
  await requeueJob(as("api", running), { owner: OWNER, id: JOB }, { tasks: [3] });
  expect((await jobOf(running)).state).toBe("REQUEUEING");
}

async function tellTheBus(): Promise<void> {
  const engine = await workOff(() => "C", false);
  const bus = new MemoryEventBus();
  await publishEvents(as("events", { ...engine, bus }), streamOf(engine.table));
  expect(bus.sent.length).toBeGreaterThan(0);
}

/** What no run of these tests needs, and why it is granted all the same. */
const KEPT: Readonly<Record<string, string>> = {
  "api s3:GetObject granted": "links to results at a granted destination, previews of a granted source",
  "commit dynamodb:GetItem": "a refused commit may take a new claim, as claim λ does",
  "commit dynamodb:PutItem": "as above",
  "assemble s3:AbortMultipartUpload own": "a report of what is missing that could not be written to its end",
  "publish s3:AbortMultipartUpload own": "uploads of a superseded deliver, at a destination in the own bucket",
  "publish s3:AbortMultipartUpload granted": "uploads of a superseded deliver",
  "publish s3:ListBucketMultipartUploads own": "those of them whose ids it had no time to note",
  "publish s3:ListBucketMultipartUploads granted": "those of them whose ids it had no time to note",
  "api states:DescribeExecution": "stop asks whether what can't be stopped has ended (adapters/step-functions)",
  "sweep states:DescribeExecution": "stop asks whether what can't be stopped has ended (adapters/step-functions)",
};

function grantedTo(name: FunctionName): string[] {
  const spec: FunctionSpec = FUNCTIONS[name];
  const s3 = (rights: FunctionSpec["own"], where: string) =>
    [...(rights?.objects ?? []), ...(rights?.bucket ?? [])].map((action) => `s3:${action} ${where}`);
  return [
    ...(spec.table ?? []).map((action) => `dynamodb:${action}`),
    ...s3(spec.own, "own"),
    ...(spec.own?.logs ?? []).map((action) => `s3:${action} logs`),
    ...s3(spec.granted, "granted"),
    ...(spec.workflow ?? []).map((action) => `states:${action}`),
    ...(spec.nudges ? ["lambda:InvokeFunction"] : []),
    ...(spec.publishes ? ["events:PutEvents"] : []),
  ];
}

beforeAll(async () => {
  await cutSources();
  await runTasks((o, attempt) => (o % 7 === 0 && attempt === 1 ? "F" : "C"));
  await runTasks(() => "C", 1);
  await runTasks((o) => (o === 3 ? "X" : "C"));
  await deliverTo({ bucket: "out", name: "reports" });
  await deliverTo({ bucket: BUCKET, name: `o/${OWNER}/reports` });
  await joinThroughATree();
  await breakAndSweep();
  await sweepTheRest();
  await callTheApi();
  await controlJobs();
  await tellTheBus();
}, 60_000);

describe("rights of the function table, enforced on the in-memory twins", () => {
  it.each([...Object.keys(FUNCTIONS)].filter((name) => !["app", "authorizer"].includes(name)) as FunctionName[])(
    "%s λ uses every right it has",
    (name) => {
      const unused = grantedTo(name).filter((right) => {
        // Whoever reads objects may list their bucket: or a missing one would look like a forbidden one.
        const tells404 =
          right.startsWith("s3:ListBucket ") && used.get(name)?.has(right.replace("ListBucket", "GetObject"));
        return !used.get(name)?.has(right) && !tells404 && !KEPT[`${name} ${right}`];
      });
      expect(unused).toEqual([]);
    },
  );
});
