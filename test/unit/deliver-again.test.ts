/** A later run's publication: it replaces what earlier runs of the job left, and nobody else's. */
import { beforeEach, expect, test } from "vitest";
import type { FaultHook } from "../../adapters/memory/index.ts";
import { assemblers } from "../../apps/assemblers/index.ts";
import { abortDelivery } from "../../core/delivery/abort.ts";
import { checkDestination } from "../../core/delivery/check-destination.ts";
import { publishedSoFar } from "../../core/delivery/published.ts";
import { JobJobError } from "../../core/errors.ts";
import { loadSpec } from "../../core/job/load.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { finish } from "../../core/steps/finish.ts";
import { sweep } from "../../core/steps/sweep.ts";
import { ApiWorld } from "../helpers/api-world.ts";
import { BUCKET, type Engine, JOB } from "../helpers/engine.ts";
import {
  completed,
  invocation,
  jobOf,
  type MergeJob,
  makeMergeWorld,
  nextMergeRun,
  PLACE,
  putMergeJob,
  runAll,
  runStep,
  STEPS,
} from "../helpers/merge-world.ts";

const DESTINATION = { kind: "s3", bucket: "out", name: "reports", descriptor: "s3" } as const;
/** Task o wrote `files[o]`: name → body. */
const job = (assembler: string, files: readonly Record<string, string>[], more: Partial<MergeJob> = {}): MergeJob => ({
  assembler,
  destination: DESTINATION,
  tasks: files.map((of) => completed(...Object.entries(of).map(([name, body]) => ({ name, body })))),
  ...more,
});
const ONE = job("concat", [{ r: "a" }, { r: "b" }], { params: { name: "all.txt" } });
const SET = job("passthrough", [{ keep: "1" }, { change: "2" }, { drop: "3" }]);
const SET_2 = job("passthrough", [{ keep: "1" }, { change: "TWO" }, { more: "4" }]);
const AFTER_SET = { "reports/0_keep": "1", "reports/1_change": "2", "reports/2_drop": "3" };
const AFTER_SET_2 = { "reports/0_keep": "1", "reports/1_change": "TWO", "reports/2_more": "4" };

let world: Engine;
beforeEach(() => {
  world = makeMergeWorld();
});

/** What stands at the destination: key → text, the manifest's own summed up. */
function there(of: Engine = world): Record<string, unknown> {
  return Object.fromEntries(
    of.objects.keys("out").map((key) => {
      const text = of.objects.text({ bucket: "out", key }) ?? "";
      if (!key.endsWith("_manifest.json")) return [key, text];
      const { run, complete, objects } = JSON.parse(text);
      return [key, { run, complete, names: objects?.map(({ name }: { name: string }) => name) }];
    }),
  );
}
const manifest = (run: number, objects: object) => ({
  "reports/_manifest.json": {
    run,
    complete: true,
    names: Object.keys(objects).map((key) => key.replace("reports/", "")),
  },
});
const uploads = () => world.objects.listUploads("out", "");
const put = (key: string, body: string) => world.objects.put({ bucket: "out", key: `reports/${key}` }, body);
const check = async (of: MergeJob) => {
  const info = assemblers.find(({ name }) => name === of.assembler);
  if (!info) throw new Error(`no assembler ${of.assembler}`);
  return checkDestination(world, await loadSpec(world.table, JOB), info, await jobOf(world));
};

async function first(of: MergeJob): Promise<void> {
  await putMergeJob(world, of);
  await runAll(world);
}

test("a single object is replaced in one step", async () => {
  await first(ONE);
  await expect(check(ONE)).resolves.toBeUndefined();

  const run = await nextMergeRun(world, "TASKS_COMPLETED", { ...ONE, tasks: [completed({ name: "r", body: "new" })] });
  const seen = new Set<unknown>();
  const hook: FaultHook = () => void seen.add(JSON.stringify(there()));
  await runAll(world, { run, hook });

  expect(there()).toEqual({ "reports/all.txt": "new" });
  expect([...seen]).toEqual(['{"reports/all.txt":"ab"}', '{"reports/all.txt":"new"}']);
});

test("a set is marked first, then replaced, listed anew, and what is no longer listed removed", async () => {
  await first(SET);
  expect(there()).toEqual({ ...AFTER_SET, ...manifest(1, AFTER_SET) });
  await expect(check(SET)).resolves.toBeUndefined();

  const run = await nextMergeRun(world, "TASKS_COMPLETED", SET_2);
  const writes: string[] = [];
  const hook: FaultHook = ({ when, method, args }) => {
    if (when !== "after" || !["put", "completeUpload", "delete"].includes(method)) return;
    const [place, keys] = args as [{ bucket: string; key: string } | string, string[]];
    if (typeof place === "string") {
      if (place === "out") writes.push(`delete ${keys}`);
    } else if (place.bucket === "out") {
      writes.push(`${method} ${place.key}${place.key.endsWith("json") ? ` ${JSON.stringify(manifestNow())}` : ""}`);
    }
  };
  await runAll(world, { run, hook });

  expect(there()).toEqual({ ...AFTER_SET_2, ...manifest(2, AFTER_SET_2) });
  expect(writes[0]).toBe('put reports/_manifest.json {"run":2,"complete":false}');
  expect(writes.slice(1, 4).sort()).toEqual(Object.keys(AFTER_SET_2).map((key) => `completeUpload ${key}`));
  expect(writes.slice(4)).toEqual(['put reports/_manifest.json {"run":2,"complete":true}', "delete reports/2_drop"]);
  expect(await uploads()).toEqual([]);
});
function manifestNow(): object {
  const { run, complete } = JSON.parse(world.objects.text({ bucket: "out", key: "reports/_manifest.json" }) ?? "{}");
  return { run, complete };
}

test("a third run replaces what the second left; the same results again change nothing but the manifest", async () => {
  await first(SET);
  for (const [of, objects] of [
    [SET_2, AFTER_SET_2],
    [SET_2, AFTER_SET_2],
    [SET, AFTER_SET],
  ] as const) {
    const run = await nextMergeRun(world, "TASKS_COMPLETED", of);
    await runAll(world, { run });
    expect(there()).toEqual({ ...objects, ...manifest(run, objects) });
  }
});

test("one output after several, and several after one: nothing of the earlier is left", async () => {
  await first(SET);
  const single = job("passthrough", [{ only: "x" }]);

  await runAll(world, { run: await nextMergeRun(world, "TASKS_COMPLETED", single) });
  // Once there was a manifest, it is kept up.
  expect(there()).toEqual({ "reports/0_only": "x", ...manifest(2, { "reports/0_only": "" }) });

  await runAll(world, { run: await nextMergeRun(world, "TASKS_COMPLETED", SET) });
  expect(there()).toEqual({ ...AFTER_SET, ...manifest(3, AFTER_SET) });
});

test("delivering alone: a later run goes on from the merge of an earlier one", async () => {
  await putMergeJob(world, SET);
  await runStep(world, "assemble");
  await runStep(world, "deliver");
  await world.table.write({ update: jobKey(JOB), changes: { set: { state: "FAILED" } } });
  await abortDelivery(world, await jobOf(world));

  const run = await nextMergeRun(world, "MERGED");
  await runStep(world, "deliver", { run });
  expect((await runStep(world, "publish", { run })).answer).toEqual({ next: "finish" });

  expect(there()).toEqual({ ...AFTER_SET, ...manifest(2, AFTER_SET) });
});

test("another's object in the way is refused before work, before copying and before it is replaced, and stays", async () => {
  const taken = { code: "DESTINATION_TAKEN" };
  for (const of of [ONE, SET]) {
    const name = of === ONE ? "all.txt" : "1_change";
    for (const moment of ["before", "deliver", "publish"] as const) {
      world = makeMergeWorld();
      await first(of);
      const run = await nextMergeRun(world, "TASKS_COMPLETED", of === SET ? SET_2 : of);
      if (moment === "before") {
        await put(name, "another's");
        await expect(check(of)).rejects.toMatchObject(taken);
      }
      await runStep(world, "assemble", { run });
      if (moment === "publish") await runStep(world, "deliver", { run });
      await put(name, "another's");

      await expect(runStep(world, moment === "publish" ? "publish" : "deliver", { run })).rejects.toMatchObject(taken);

      expect(there()[`reports/${name}`]).toBe("another's");
      await abortDelivery(world, await jobOf(world));
      expect(await uploads()).toEqual([]);
    }
  }
});

test("a requeue is refused by another's object before anything is begun, and not by the job's own", async () => {
  await first(ONE);
  const { table, objects, clock, workflow, nudge, settings } = world;
  const api = new ApiWorld({ ports: { table, objects, clock, workflow, nudge, settings } });
  await table.write({ update: jobKey(JOB), changes: { set: { state: "FAILED", stands: "TASKS_COMPLETED" } } });
  const requeue = () =>
    api.call<{ reason?: string }>("POST", `/v1/customer/jobs/${JOB}/requeue`, {}, { owner: PLACE.owner });

  await put("all.txt", "another's");
  const refused = await requeue();
  expect([refused.status, refused.body.reason]).toEqual([422, "DESTINATION_TAKEN"]);
  expect(await jobOf(world)).toMatchObject({ state: "FAILED", run: 1 });

  await world.objects.delete("out", ["reports/all.txt"]);
  await runStep(world, "deliver", { run: await nextMergeRun(world, "MERGED") });
  await runStep(world, "publish", { run: 2 });
  await table.write({ update: jobKey(JOB), changes: { set: { state: "FAILED", stands: "TASKS_COMPLETED" } } });
  expect((await requeue()).status).toBe(200);
  expect(await jobOf(world)).toMatchObject({ state: "REQUEUEING", run: 3 });
});

test("a manifest of another hand is not replaced, and nothing else either", async () => {
  await first(SET);
  await put("_manifest.json", '{"jobId":"theirs","run":1,"complete":true}');
  const run = await nextMergeRun(world, "TASKS_COMPLETED", SET_2);
  await runStep(world, "assemble", { run });
  await runStep(world, "deliver", { run });

  await expect(runStep(world, "publish", { run })).rejects.toMatchObject({ code: "DESTINATION_TAKEN" });

  expect(there()).toMatchObject(AFTER_SET);
});

test("what was taken away in between is put there again; what another put under an old name is not removed", async () => {
  await first(SET);
  const run = await nextMergeRun(world, "TASKS_COMPLETED", SET_2);
  await runStep(world, "assemble", { run });
  await runStep(world, "deliver", { run });
  await world.objects.delete("out", ["reports/0_keep"]);
  await put("2_drop", "another's");

  await runStep(world, "publish", { run });

  expect(there()).toEqual({ ...AFTER_SET_2, "reports/2_drop": "another's", ...manifest(2, AFTER_SET_2) });
});

test("a publication that broke off in the middle is the job's own too", async () => {
  await first(SET);
  const second = await nextMergeRun(world, "TASKS_COMPLETED", SET_2);
  await runStep(world, "assemble", { run: second });
  await runStep(world, "deliver", { run: second });
  let completions = 0;
  const hook: FaultHook = ({ when, method }) => {
    if (when === "after" && method === "completeUpload" && ++completions === 2) throw new Error("crashed");
  };
  await expect(runStep(world, "publish", { run: second, hook })).rejects.toThrow("crashed");
  expect(there()).toMatchObject({ "reports/_manifest.json": { run: 2, complete: false }, "reports/2_drop": "3" });
  await abortDelivery(world, await jobOf(world));

  const third = await nextMergeRun(world, "TASKS_COMPLETED", job("passthrough", [{ change: "III" }]));
  await expect(check(SET)).resolves.toBeUndefined();
  await runAll(world, { run: third });

  expect(there()).toEqual({ "reports/0_change": "III", ...manifest(3, { "reports/0_change": "" }) });
});

test("a crash before or after any call of a replacing delivery, by the same run or the next, ends well", async () => {
  const later = { ...SET_2 };
  await first(SET);
  let calls = 0;
  const counting: FaultHook = ({ when }) => void (when === "before" && calls++);
  const second = await nextMergeRun(world, "TASKS_COMPLETED", later);
  await runStep(world, "assemble", { run: second });
  for (const step of ["deliver", "publish"] as const) await runStep(world, step, { run: second, hook: counting });
  expect(calls).toBeGreaterThan(50);
  for (let crash = 1; crash <= calls; crash++) {
    for (const when of ["before", "after"] as const) {
      // Before one call is as after another, for a run that begins anew.
      for (const by of when === "after" ? (["same", "next"] as const) : (["same"] as const)) {
        world = makeMergeWorld();
        await first(SET);
        let run = await nextMergeRun(world, "TASKS_COMPLETED", later);
        await runStep(world, "assemble", { run });
        let call = 0;
        const hook: FaultHook = (moment) => {
          if (moment.when === when && ++call === crash) throw new JobJobError({ code: "CRASHED", message: "crashed" });
        };
        const crashed = async () => {
          for (const step of ["deliver", "publish"] as const) await runStep(world, step, { run, hook });
        };
        await expect(crashed()).rejects.toMatchObject({ code: "CRASHED" });
        if (by === "next") {
          await world.table.write({ update: jobKey(JOB), changes: { set: { state: "FAILED" } } });
          await abortDelivery(world, await jobOf(world));
          run = await nextMergeRun(world, "MERGED");
        }
        await runStep(world, "deliver", { run });
        await runStep(world, "publish", { run });

        expect(there(), `${crash} ${when} ${by}`).toEqual({ ...AFTER_SET_2, ...manifest(run, AFTER_SET_2) });
        world.clock.advance(17 * 60_000);
        await abortDelivery(world, await jobOf(world));
        expect(await uploads()).toEqual([]);
        const records = world.objects.keys(BUCKET).filter((key) => key.includes("/group-"));
        expect(records).toEqual([]);
      }
    }
  }
}, 120_000);

test("cut into invocations of 2 s, a replacement gives the same objects", async () => {
  world = makeMergeWorld({ stepBudgetMs: 2_000, publishBudgetMs: 2_000 });
  const many = (text: string, count: number) =>
    job(
      "passthrough",
      Array.from({ length: count }, (_, i) => ({ [`${text}${i % 3 === 0 ? "" : i}`]: `${text} ${i}` })),
    );
  await first(many("a", 120));
  const run = await nextMergeRun(world, "TASKS_COMPLETED", many("b", 90));

  const { delivered, published } = await runAll(world, { run, callMs: 60 });

  expect(delivered.continuations).toBeGreaterThanOrEqual(2);
  expect(published.continuations).toBeGreaterThanOrEqual(3);
  const objects = Object.fromEntries(Object.entries(there()).filter(([key]) => !key.endsWith(".json")));
  expect(Object.keys(objects)).toHaveLength(90);
  expect(Object.values(objects).every((text) => String(text).startsWith("b "))).toBe(true);
  expect(there()).toMatchObject(manifest(2, objects));
});

test("overwrite replaces another's objects, and removes its own alone", async () => {
  const config = { overwrite: true };
  await put("0_keep", "theirs");
  await put("theirs", "theirs");
  await first({ ...SET, config });
  await put("1_change", "theirs too");

  await runAll(world, { run: await nextMergeRun(world, "TASKS_COMPLETED", { ...SET_2, config }) });

  expect(there()).toEqual({ ...AFTER_SET_2, "reports/theirs": "theirs", ...manifest(2, AFTER_SET_2) });
});

test("a late publish of an earlier run can't undo a later one", async () => {
  await putMergeJob(world, SET);
  await runStep(world, "assemble");
  await runStep(world, "deliver");
  let later: Promise<unknown> | undefined;
  const rerun = async () => {
    await world.table.write({ update: jobKey(JOB), changes: { set: { state: "FAILED" } } });
    // fail λ's abort is late: the next run must do without.
    const run = await nextMergeRun(world, "TASKS_COMPLETED", SET_2);
    await runAll(world, { run });
  };
  const zombie = STEPS.publish(
    invocation(world, {
      hook: async ({ when, method, args }) => {
        const [place] = args as [{ key?: string }];
        if (when !== "before" || method !== "completeUpload" || later || place.key !== "reports/1_change") return;
        later = rerun();
        await later;
      },
    }),
  );

  await expect(zombie).rejects.toMatchObject({ code: "DELIVERY_LOST" });

  expect(there()).toEqual({ ...AFTER_SET_2, ...manifest(2, AFTER_SET_2) });
  expect(await uploads()).toEqual([]);
});

test("a zombie deliver that begins uploads after the job has ended leaves none behind the last look", async () => {
  await putMergeJob(world, SET);
  await runStep(world, "assemble");
  let created = 0;
  const ends: FaultHook = async ({ when, method }) => {
    if (method !== "createUpload") return;
    if (when === "before" && ++created === 1) {
      await world.table.write({
        update: jobKey(JOB),
        changes: { set: { state: "CANCELING", wish: 3 } },
      });
      expect(await abortDelivery(world, await jobOf(world))).toBe(false);
      expect(await uploads()).toEqual([]);
    }
    // It dies before it can note a single id.
    if (when === "after" && created === 3) throw new Error("died");
  };
  await expect(runStep(world, "deliver", { hook: ends })).rejects.toThrow("died");
  expect((await uploads()).length).toBeGreaterThan(0);
  const foreign = await world.objects.createUpload({ bucket: "out", key: "reports/0_keep_too" });

  world.clock.advance(16 * 60_000 + 1);
  expect(await abortDelivery(world, await jobOf(world))).toBe(true);

  expect((await uploads()).map(({ uploadId }) => uploadId)).toEqual([foreign.uploadId]);
  expect(world.objects.keys(BUCKET).filter((key) => key.includes("/group-"))).toEqual([]);
});

test("the sweeper looks at a COMPLETE job again as long as a deliver that died may begin uploads", async () => {
  await putMergeJob(world, SET);
  await runStep(world, "assemble");
  const dies: FaultHook = ({ when, method }) => {
    if (when === "after" && method === "createUpload") throw new Error("died");
  };
  await expect(runStep(world, "deliver", { hook: dies })).rejects.toThrow("died");
  await runStep(world, "deliver");
  await runStep(world, "publish");
  await finish(world, { jobId: JOB, run: 1 });

  world.clock.advance(61_000);
  await sweep(world, {});
  const late = await world.objects.createUpload({ bucket: "out", key: "reports/0_keep" });
  world.clock.advance(16 * 60_000);
  await sweep(world, {});

  expect((await uploads()).filter(({ uploadId }) => uploadId === late.uploadId)).toEqual([]);
  expect(await jobOf(world)).not.toHaveProperty("dueSk");
  expect(there()).toEqual({ ...AFTER_SET, ...manifest(1, AFTER_SET) });
});

test("what an abort finds published is told by name and content", async () => {
  await putMergeJob(world, SET);
  expect(await publishedSoFar(world, await jobOf(world))).toBeUndefined();
  await runStep(world, "assemble");
  await runStep(world, "deliver");
  expect(await publishedSoFar(world, await jobOf(world))).toEqual({ objects: 0, of: 3 });
  let completions = 0;
  const hook: FaultHook = ({ when, method }) => {
    if (when === "after" && method === "completeUpload" && ++completions === 2) throw new Error("crashed");
  };
  await expect(runStep(world, "publish", { hook })).rejects.toThrow("crashed");
  const found = await publishedSoFar(world, await jobOf(world));
  expect(found?.of).toBe(3);
  expect(found?.objects).toBeGreaterThanOrEqual(2);
  await put("0_keep", "another's");
  expect((await publishedSoFar(world, await jobOf(world)))?.objects).toBe((found?.objects ?? 0) - 1);
});

test("a merged output that is gone is told so, and merged again by the next run", async () => {
  await putMergeJob(world, ONE);
  await runStep(world, "assemble");
  const gone = world.objects.keys(BUCKET).filter((key) => key.includes("/output/"));
  await world.objects.delete(BUCKET, gone);

  await expect(runStep(world, "deliver")).rejects.toMatchObject({ code: "RESULTS_EXPIRED" });

  expect(await jobOf(world)).toMatchObject({ purged: true });
});

test("task results that are gone are told so", async () => {
  for (const kind of ["index.json", "pack"]) {
    world = makeMergeWorld();
    await putMergeJob(world, ONE);
    const gone = world.objects.keys(BUCKET).filter((key) => key.includes("/results/") && key.endsWith(kind));
    await world.objects.delete(BUCKET, gone);

    await expect(runStep(world, "assemble")).rejects.toMatchObject({
      code: "RESULTS_EXPIRED",
      details: { key: expect.stringContaining(`o/${PLACE.owner}/jobs/`) },
    });
  }
});
