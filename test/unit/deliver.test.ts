import { beforeEach, expect, test } from "vitest";
import type { FaultHook } from "../../adapters/memory/index.ts";
import { assemblers } from "../../apps/assemblers/index.ts";
import { abortDelivery } from "../../core/delivery/abort.ts";
import { checkDestination } from "../../core/delivery/check-destination.ts";
import { listResults } from "../../core/delivery/results.ts";
import { JobJobError } from "../../core/errors.ts";
import { loadSpec } from "../../core/job/load.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { BUCKET, type Engine, JOB } from "../helpers/engine.ts";
import {
  completed,
  invocation,
  jobOf,
  type MergeJob,
  makeMergeWorld,
  putMergeJob,
  runAll,
  runStep,
  STEPS,
} from "../helpers/merge-world.ts";

const DESTINATION = { kind: "s3", bucket: "out", name: "/reports", descriptor: "s3" } as const;
const tasks = (count: number) =>
  Array.from({ length: count }, (_, i) => completed({ name: "r.csv", body: `${i},${"x".repeat(i % 50)}\n` }));
const ONE: MergeJob = { assembler: "concat", params: { name: "all.csv" }, destination: DESTINATION, tasks: tasks(12) };
const MANY: MergeJob = { assembler: "passthrough", destination: DESTINATION, tasks: tasks(130) };
const whole = ONE.tasks.map((task) => task.results?.[0]?.body).join("");

let world: Engine;
beforeEach(() => {
  world = makeMergeWorld();
});

const uploads = () => world.objects.listUploads("out", "");
const delivered = () => world.objects.keys("out");
const text = (key: string) => world.objects.text({ bucket: "out", key });

async function checkMany(of: Engine = world): Promise<void> {
  const keys = of.objects.keys("out");
  expect(keys).toHaveLength(131);
  for (const [i, task] of MANY.tasks.entries()) {
    const key = `reports/${String(i).padStart(3, "0")}_r.csv`;
    expect(of.objects.text({ bucket: "out", key })).toBe(task.results?.[0]?.body);
  }
  const manifest = JSON.parse(of.objects.text({ bucket: "out", key: "reports/_manifest.json" }) ?? "");
  expect(manifest).toMatchObject({ jobId: JOB, run: 1, complete: true, count: 130 });
  expect(manifest.objects[129]).toMatchObject({ name: "129_r.csv", size: 34 });
  expect(await of.objects.listUploads("out", "")).toEqual([]);
}

test("a single object appears whole under its final name, without a manifest, and only at publish", async () => {
  await putMergeJob(world, ONE);
  await runStep(world, "assemble");

  const { answer } = await runStep(world, "deliver");

  expect(answer).toEqual({ next: "publish" });
  expect(delivered()).toEqual([]);
  expect(await uploads()).toHaveLength(1);
  expect((await runStep(world, "publish")).answer).toEqual({ next: "finish" });
  expect(delivered()).toEqual(["reports/all.csv"]);
  expect(text("reports/all.csv")).toBe(whole);
  expect((await jobOf(world)).state).toBe("DOWNLOADING");
});

test("many objects: each under its name, the manifest last", async () => {
  await putMergeJob(world, MANY);

  const puts: string[] = [];
  await runAll(world, {
    hook: ({ when, method, args }) => {
      const [place] = args as [{ bucket: string; key: string }];
      if (when === "before" && (method === "completeUpload" || method === "put") && place.bucket === "out")
        puts.push(place.key);
    },
  });

  await checkMany();
  expect(puts.at(-1)).toBe("reports/_manifest.json");
  const { results, total } = await listResults(world, await jobOf(world), await loadSpec(world.table, JOB));
  expect(total).toBe(130);
  expect(results[0]).toMatchObject({ name: "000_r.csv", place: { bucket: "out", key: "reports/000_r.csv" } });
});

test("no objects at all: a manifest alone", async () => {
  await putMergeJob(world, { ...MANY, tasks: [] });
  await runAll(world);

  expect(delivered()).toEqual(["reports/_manifest.json"]);
  expect(JSON.parse(text("reports/_manifest.json") ?? "")).toMatchObject({ complete: true, count: 0, objects: [] });
});

test("an output of no bytes is delivered", async () => {
  await putMergeJob(world, { ...ONE, tasks: [] });
  await runAll(world);

  expect(text("reports/all.csv")).toBe("");
});

test("the destinations bucket and bypass copy nothing", async () => {
  for (const kind of ["bucket", "bypass"] as const) {
    world = makeMergeWorld();
    await putMergeJob(world, { ...ONE, destination: { kind, descriptor: kind } });
    const { published } = await runAll(world);

    expect(published.answer).toEqual({ next: "finish" });
    const { results } = await listResults(world, await jobOf(world), await loadSpec(world.table, JOB));
    expect(results).toHaveLength(kind === "bucket" ? 1 : 0);
    if (results[0]) expect(world.objects.text(results[0].place)).toBe(whole);
    expect(await world.objects.listUploads(BUCKET, "")).toEqual([]);
  }
});

test("deliver and publish cut into invocations of 2 s give the same objects", async () => {
  world = makeMergeWorld({ stepBudgetMs: 2_000, publishBudgetMs: 2_000 });
  await putMergeJob(world, MANY);

  const { delivered: copied, published } = await runAll(world, { callMs: 100 });

  expect(copied.continuations).toBeGreaterThanOrEqual(3);
  expect(published.continuations).toBeGreaterThanOrEqual(3);
  await checkMany();
});

test("a crash before or after any call of deliver and publish leaves what the next invocation finishes, and no upload", async () => {
  const job: MergeJob = { ...MANY, tasks: tasks(4) };
  const calls = await countCalls(job);
  expect(calls).toBeGreaterThan(30);
  for (let crash = 1; crash <= calls; crash++) {
    for (const when of ["before", "after"] as const) {
      world = makeMergeWorld();
      await putMergeJob(world, job);
      await runStep(world, "assemble");
      let call = 0;
      const hook: FaultHook = (moment) => {
        if (moment.when === when && (when === "after" ? call === crash : ++call === crash)) {
          throw new JobJobError({ code: "STORE_UNAVAILABLE", message: "crashed", retryable: true });
        }
        if (when === "after" && moment.when === "before") call++;
      };
      for (const step of ["deliver", "publish"] as const) {
        await runStep(world, step, { hook }).catch((error: unknown) => {
          if (!(error instanceof JobJobError) || error.code !== "STORE_UNAVAILABLE") throw error;
          return runStep(world, step);
        });
      }
      expect(delivered()).toHaveLength(5);
      expect(text("reports/3_r.csv")).toBe(tasks(4)[3]?.results?.[0]?.body);
      expect(await uploads()).toEqual([]);
    }
  }
});

async function countCalls(job: MergeJob): Promise<number> {
  let calls = 0;
  await putMergeJob(world, job);
  await runStep(world, "assemble");
  const hook: FaultHook = ({ when }) => {
    if (when === "before") calls++;
  };
  await runStep(world, "deliver", { hook });
  await runStep(world, "publish", { hook });
  return calls;
}

test("a publish whose claim was taken over completes nothing more", async () => {
  await putMergeJob(world, MANY);
  await runStep(world, "assemble");
  await runStep(world, "deliver");
  let completions = 0;
  const zombie = STEPS.publish(
    invocation(world, {
      hook: async ({ when, method }) => {
        if (when !== "before" || method !== "completeUpload") return;
        if (++completions === 8) {
          // Another invocation takes the claim while this one stands before its eighth completion.
          await world.table.write({ update: jobKey(JOB), changes: { add: { claim: 1 } } });
        }
      },
    }),
  );

  // Were it the one that the workflow listens to, it would be called again: a late call mustn't strand the job.
  expect(await zombie).toEqual({ next: "again" });
  expect(completions).toBe(8);
  expect(text("reports/_manifest.json")).toBeUndefined();
  await runStep(world, "publish");
  await checkMany();
});

test("a wish to end the job stops publish before the next completion", async () => {
  await putMergeJob(world, MANY);
  await runStep(world, "assemble");
  await runStep(world, "deliver");
  await world.table.write({ update: jobKey(JOB), changes: { set: { wish: 3 } } });

  expect((await runStep(world, "publish")).answer).toEqual({ next: "superseded" });

  expect(delivered()).toEqual([]);
  await abortDelivery(world, await jobOf(world));
  expect(await uploads()).toEqual([]);
});

test("a zombie of deliver doesn't touch the uploads of its successor", async () => {
  await putMergeJob(world, MANY);
  await runStep(world, "assemble");
  let successor: Promise<unknown> | undefined;
  const zombie = await runStep(world, "deliver", {
    hook: async ({ when, method }) => {
      if (when !== "before" || method !== "list" || successor) return;
      successor = STEPS.deliver(world);
      await successor;
    },
  });

  expect(await successor).toEqual({ next: "publish" });
  // It was told `again`, and found the delivery done.
  expect(zombie).toMatchObject({ answer: { next: "publish" }, continuations: 1 });
  await runStep(world, "publish");
  await checkMany();
});

test("a name that is taken is refused before anything is copied, unless the job overwrites", async () => {
  await world.objects.put({ bucket: "out", key: "reports/all.csv" }, "old");
  await putMergeJob(world, ONE);
  await runStep(world, "assemble");
  await expect(runStep(world, "deliver")).rejects.toMatchObject({ code: "DESTINATION_TAKEN" });
  expect(await uploads()).toEqual([]);

  world = makeMergeWorld();
  await world.objects.put({ bucket: "out", key: "reports/all.csv" }, "old");
  await putMergeJob(world, { ...ONE, config: { overwrite: true } });
  await runAll(world);
  expect(text("reports/all.csv")).toBe(whole);
});

test("an object that appeared meanwhile is not overwritten", async () => {
  await putMergeJob(world, ONE);
  await runStep(world, "assemble");
  await runStep(world, "deliver");
  await world.objects.put({ bucket: "out", key: "reports/all.csv" }, "another's");

  await expect(runStep(world, "publish")).rejects.toMatchObject({ code: "DESTINATION_TAKEN" });

  expect(text("reports/all.csv")).toBe("another's");
  await abortDelivery(world, await jobOf(world));
  expect(await uploads()).toEqual([]);
});

test("uploads that a crash left without a recorded id are found and aborted; another's are not", async () => {
  await putMergeJob(world, MANY);
  await runStep(world, "assemble");
  await world.objects.createUpload({ bucket: "out", key: "reports/another.csv" });
  const early = await world.objects.createUpload({ bucket: "out", key: "reports/000_r.csv" });
  world.clock.advance(60_000);
  let created = 0;
  const hook: FaultHook = ({ when, method }) => {
    if (when === "after" && method === "createUpload" && ++created === 20) throw new Error("crashed");
  };
  await expect(runStep(world, "deliver", { hook })).rejects.toThrow("crashed");
  expect((await uploads()).length).toBeGreaterThan(20);

  await abortDelivery(world, await jobOf(world));

  expect((await uploads()).map(({ key, uploadId }) => [key, uploadId])).toEqual([
    ["reports/000_r.csv", early.uploadId],
    ["reports/another.csv", expect.any(String)],
  ]);
});

const info = (name: string) => {
  const found = assemblers.find((assembler) => assembler.name === name);
  if (!found) throw new Error(`no assembler ${name}`);
  return found;
};

test("a destination is checked before any work: granted, there, writable, free", async () => {
  await putMergeJob(world, ONE);
  const spec = await loadSpec(world.table, JOB);
  const check = (change: object, assembler = "csv") => checkDestination(world, { ...spec, ...change }, info(assembler));
  const to = (bucket: string, name: string) => ({ dataDestination: { ...DESTINATION, bucket, name } });
  await world.objects.put({ bucket: "out", key: "taken/output.csv" }, "");
  const bare = { params: { partitioner: {}, app: {}, assembler: {} } };

  await check({});
  await check({ ...bare, ...to("out", "taken") }, "json");
  await check({ ...bare, ...to("out", "taken"), config: { ...spec.config, overwrite: true } });
  await check({ ...bare, ...to(BUCKET, "o/ann/mine") });
  expect(await uploads()).toEqual([]);

  const refused: [object, string, string, string?][] = [
    [{ ...bare, ...to("out", "taken") }, "DESTINATION_TAKEN", "dataDestination.params.name"],
    [{ ...bare, ...to("out", "taken") }, "DESTINATION_TAKEN", "dataDestination.params.name", "passthrough"],
    [to("elsewhere", "x"), "DESTINATION_NOT_WRITABLE", "dataDestination.params.bucketName"],
    [to(BUCKET, "o/bob/x"), "DESTINATION_NOT_WRITABLE", "dataDestination.params.name"],
    [to(BUCKET, "o/ann/jobs/x"), "DESTINATION_NOT_WRITABLE", "dataDestination.params.name"],
    [to("out", "x".repeat(1_030)), "DESTINATION_NOT_WRITABLE", "dataDestination.params.name"],
  ];
  for (const [change, code, path, assembler] of refused) {
    await expect(check(change, assembler)).rejects.toMatchObject({ code, details: { path } });
  }
  world.objects.denied = ({ bucket }) => bucket === "out";
  await expect(check({})).rejects.toMatchObject({ code: "DESTINATION_NOT_WRITABLE" });
});
