/** The report of what tolerated failures left out: what it says, where it lies, and that the merge is as without it. */
import { crc32 } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import { type IncompleteTask, incompleteHead, incompleteTask } from "../../core/contracts/incomplete.ts";
import { listResults } from "../../core/delivery/results.ts";
import { loadSpec } from "../../core/job/load.ts";
import { finish } from "../../core/steps/finish.ts";
import { BUCKET, type Engine, JOB } from "../helpers/engine.ts";
import {
  completed,
  jobOf,
  type MergeJob,
  makeMergeWorld,
  nextMergeRun,
  putMergeJob,
  runAll,
  runStep,
  type TaskSpec,
} from "../helpers/merge-world.ts";

const TO_OUT = { kind: "s3", bucket: "out", name: "reports", descriptor: "s3" } as const;
const rejections = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ item: `line ${i}`, reason: `is no number: "${i}"` }));
const TASKS: readonly TaskSpec[] = [
  completed({ name: "r", body: "a\n" }),
  { letter: "F", error: { code: "COLUMN_MISSING", message: "no column x" } },
  { letter: "P", results: [{ name: "r", body: "b\n" }], rejected: rejections(130) },
  { letter: "K" },
  completed({ name: "r", body: "c\n" }),
  { letter: "F", died: "OUT_OF_MEMORY" },
  completed({ name: "r", body: "d\n" }),
];
const ONE: MergeJob = { assembler: "concat", params: { name: "all.txt" }, destination: TO_OUT, tasks: TASKS };
const SET: MergeJob = { assembler: "passthrough", destination: TO_OUT, tasks: TASKS };
/** As ONE, with nothing missing. */
const whole = (job: MergeJob): MergeJob => ({
  ...job,
  tasks: TASKS.map((task, i) => (task.letter === "C" ? task : completed({ name: "r", body: `new ${i}\n` }))),
});

let world: Engine;
beforeEach(() => {
  world = makeMergeWorld();
});

const text = (key: string, bucket = "out") => world.objects.text({ bucket, key });
const results = async () => (await listResults(world, await jobOf(world), await loadSpec(world.table, JOB))).results;
function readReport(report: string | undefined) {
  const [head, ...tasks] = (report ?? "")
    .trimEnd()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  return { head: incompleteHead.parse(head), tasks: tasks.map((task): IncompleteTask => incompleteTask.parse(task)) };
}

test("it names each failed task with its reason and chunk, and the items that each partial one rejected", async () => {
  await putMergeJob(world, ONE);
  await runAll(world);

  const { head, tasks } = readReport(text("reports/all.txt.incomplete.ndjson"));
  expect(head).toEqual({
    report: "incomplete",
    version: 1,
    jobId: JOB,
    run: 1,
    tasks: { total: 7, failed: 2, partial: 1 },
  });
  const chunk = (o: number) => ({
    sources: [{ bucket: "input", key: "in.txt", size: 70 }],
    from: 10 * o,
    to: 10 * o + 10,
    exact: true,
    objects: null,
    numbers: null,
    replica: null,
  });
  expect(tasks.map(({ ordinal, state, error, rejected }) => [ordinal, state, error?.code, rejected])).toEqual([
    [1, "FAILED", "COLUMN_MISSING", 0],
    [2, "PARTIAL", undefined, 130],
    [5, "FAILED", "OUT_OF_MEMORY", 0],
  ]);
  expect(tasks[0]).toMatchObject({ attempts: 1, error: { message: "no column x" }, chunk: chunk(1), items: [] });
  expect(tasks[1]?.items).toEqual(rejections(100));
  expect(tasks[2]?.chunk).toEqual(chunk(5));
  expect(await jobOf(world)).toMatchObject({ incompleteTasks: 2, incompleteItems: 130 });
});

test("the merge's bytes are those without a report; nothing missing, no report", async () => {
  await putMergeJob(world, ONE);
  await runAll(world);
  expect(text("reports/all.txt")).toBe("a\nb\nc\nd\n");

  world = makeMergeWorld();
  await putMergeJob(world, whole(ONE));
  await runAll(world);
  expect(world.objects.keys("out")).toEqual(["reports/all.txt"]);
  expect(await jobOf(world)).toMatchObject({ incompleteTasks: 0, incompleteItems: 0 });
});

test("beside a single object it appears first, without a manifest; it is listed in the results", async () => {
  await putMergeJob(world, ONE);
  const completions: string[] = [];
  await runAll(world, {
    hook: ({ when, method, args }) => {
      if (when === "after" && method === "completeUpload") completions.push((args[0] as { key: string }).key);
    },
  });

  expect(completions.filter((key) => key.startsWith("reports/"))).toEqual([
    "reports/all.txt.incomplete.ndjson",
    "reports/all.txt",
  ]);
  expect(world.objects.keys("out")).toHaveLength(2);
  const report = (await results())[1];
  expect(report).toMatchObject({ name: "all.txt.incomplete.ndjson", contentType: "application/x-ndjson" });
  const bytes = world.objects.peek({ bucket: "out", key: "reports/all.txt.incomplete.ndjson" })?.body ?? "";
  expect(report?.size).toBe(bytes.length);
  expect(report?.checksum).toBe(`crc32:${crc32(bytes).toString(16).padStart(8, "0")}`);
});

test("in a set it is an object like the others, named by the manifest", async () => {
  await putMergeJob(world, SET);
  await runAll(world);

  const manifest = JSON.parse(text("reports/_manifest.json") ?? "");
  expect(manifest).toMatchObject({ report: "_incomplete.ndjson", count: 5, complete: true });
  expect(manifest.objects.map(({ name }: { name: string }) => name)).toEqual([
    ...["0_r", "2_r", "4_r", "6_r"],
    "_incomplete.ndjson",
  ]);
  expect(readReport(text("reports/_incomplete.ndjson")).tasks).toHaveLength(3);
});

test("a later run with nothing missing takes the report away, after the output is whole", async () => {
  for (const job of [ONE, SET]) {
    world = makeMergeWorld();
    await putMergeJob(world, job);
    await runAll(world);

    const run = await nextMergeRun(world, "TASKS_COMPLETED", whole(job));
    await runAll(world, { run });

    expect(world.objects.keys("out").filter((key) => key.includes("incomplete"))).toEqual([]);
    expect(await jobOf(world)).toMatchObject({ incompleteTasks: 0, incompleteItems: 0 });
    expect((await results()).some(({ name }) => name.includes("incomplete"))).toBe(false);
  }
});

test("a later run that is missing something else replaces the report", async () => {
  await putMergeJob(world, ONE);
  await runAll(world);
  const less = TASKS.map((task) => (task.letter === "P" ? completed({ name: "r", body: "B\n" }) : task));

  await runAll(world, { run: await nextMergeRun(world, "TASKS_COMPLETED", { ...ONE, tasks: less }) });

  expect(readReport(text("reports/all.txt.incomplete.ndjson"))).toMatchObject({
    head: { run: 2, tasks: { failed: 2, partial: 0 } },
  });
  expect(text("reports/all.txt")).toBe("a\nB\nc\nd\n");
});

test("the destination bucket shows it among the results; bypass shows it alone", async () => {
  for (const kind of ["bucket", "bypass"] as const) {
    world = makeMergeWorld();
    await putMergeJob(world, { ...ONE, destination: { kind, descriptor: kind } });
    await runAll(world);
    await finish(world, { jobId: JOB, run: 1 });

    const found = await results();
    expect(found.map(({ name }) => name)).toEqual(
      kind === "bucket" ? ["all.txt", "all.txt.incomplete.ndjson"] : ["all.txt.incomplete.ndjson"],
    );
    const place = found.at(-1)?.place ?? { bucket: "", key: "" };
    expect(place.bucket).toBe(BUCKET);
    expect(readReport(world.objects.text(place)).tasks).toHaveLength(3);
    expect(await jobOf(world)).toMatchObject({ state: "COMPLETE", incompleteTasks: 2, incompleteItems: 130 });
  }
});

test("a long one is written in parts by several invocations, to the same bytes", async () => {
  const many: MergeJob = {
    ...ONE,
    tasks: Array.from({ length: 300 }, (_, i) =>
      i % 2 === 0
        ? { letter: "F", error: { code: "TASK_TIMEOUT", message: `took too long (${i})` } }
        : completed({ name: "r", body: `${i}\n` }),
    ),
  };
  await putMergeJob(world, many);
  await runAll(world);
  const atOnce = text("reports/all.txt.incomplete.ndjson");
  expect(readReport(atOnce).tasks).toHaveLength(150);

  world = makeMergeWorld({ stepBudgetMs: 2_000 });
  await putMergeJob(world, many);
  const { continuations } = await runStep(world, "assemble", { callMs: 50 });
  await runStep(world, "deliver");
  await runStep(world, "publish");

  expect(continuations).toBeGreaterThanOrEqual(3);
  expect(text("reports/all.txt.incomplete.ndjson")).toBe(atOnce);
  expect(await world.objects.listUploads(BUCKET, "")).toEqual([]);
});
