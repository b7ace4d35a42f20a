import { describe, expect, it } from "vitest";
import {
  costRecord,
  type ErrorAnswer,
  estimationAnswer,
  jobAnswer,
  jobsAnswer,
  resultsAnswer,
  type TaskRecord,
  type TasksAnswer,
  taskRecord,
  tasksAnswer,
} from "../../core/contracts/api/records.ts";
import type { ChildInput } from "../../core/contracts/workflow.ts";
import { byteniteState, progressText } from "../../core/job/progress.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { claim } from "../../core/steps/claim.ts";
import { commit } from "../../core/steps/commit.ts";
import { plan } from "../../core/steps/plan.ts";
import { ApiWorld, s3 } from "../helpers/api-world.ts";
import { children, type Engine, JOB, makeEngine, OWNER, putTasksJob, type Verdict, work } from "../helpers/engine.ts";

const JOBS = "/v1/customer/jobs";

/** A job of n tasks whose children have ended as `verdict` says, and the API on the same twins. */
async function ended(n: number, verdict: Verdict, options: Parameters<typeof putTasksJob>[2] = {}) {
  const { engine, world, batches } = await planned(n, options);
  for (const batch of batches) await runChild(engine, batch, verdict);
  return { engine, world, batches };
}

async function planned(n: number, options: Parameters<typeof putTasksJob>[2] = {}) {
  const engine = makeEngine();
  await putTasksJob(engine, n, options);
  const batches = children(engine, await plan(engine, { jobId: JOB, run: 1 }));
  const { table, objects, clock, workflow, nudge, settings } = engine;
  const world = new ApiWorld({ ports: { table, objects, clock, workflow, nudge, settings } });
  return { engine, world, batches };
}

async function runChild(engine: Engine, input: ChildInput, verdict: Verdict): Promise<void> {
  let hand = await claim(engine, input);
  while (hand.next !== "done") {
    const result = await work(engine, input, hand, verdict);
    hand = await commit(engine, { ...input, hand, result });
    if (hand.next !== "wait") continue;
    engine.clock.advance((hand.seconds ?? 1) * 1_000);
    hand = await claim(engine, { ...input, hand });
  }
}

const read = async (world: ApiWorld, path: string, owner = OWNER) =>
  (await world.call("GET", `${JOBS}/${JOB}${path}`, undefined, { owner })).body;
const tasks = async (world: ApiWorld, query = ""): Promise<TasksAnswer> =>
  tasksAnswer.parse(await read(world, `/tasks?${query}`));
const task = async (world: ApiWorld, ordinal: number): Promise<TaskRecord> =>
  taskRecord.parse(((await read(world, `/tasks/${ordinal}`)) as { task: unknown }).task);

describe("task rows", () => {
  it("page through all tasks, each once, reading a batch a page", async () => {
    const { world } = await planned(2_500);
    const seen: number[] = [];
    let cursor: string | null = "";
    let pages = 0;

    while (cursor !== null) {
      const page: TasksAnswer = await tasks(world, `limit=1000&cursor=${cursor}`);
      seen.push(...page.data.map(({ ordinal }) => ordinal));
      expect(page.pagination.total).toBe(2_500);
      cursor = page.pagination.cursor;
      pages++;
    }

    expect(pages).toBe(3);
    expect(seen).toEqual(Array.from({ length: 2_500 }, (_, i) => i));
  });

  it("tell state, attempts with their errors, times and chunk", async () => {
    const verdict: Verdict = (ordinal, attempt) => {
      if (ordinal === 1) return attempt < 3 ? "F" : "C";
      if (ordinal === 2) return "X";
      return ordinal === 3 ? "P" : ordinal === 4 ? "K" : "C";
    };
    const { world } = await ended(6, verdict);

    const rows = (await tasks(world)).data;
    const retried = await task(world, 1);
    const failed = await task(world, 2);

    expect(rows.map(({ state, attempt }) => `${state} ${attempt}`)).toEqual([
      "COMPLETED 1",
      "COMPLETED 3",
      "FAILED 1",
      "PARTIAL 1",
      "SKIPPED 1",
      "COMPLETED 1",
    ]);
    expect(rows[0]).toMatchObject({ jobId: JOB, ms: 1, bytesIn: 1, bytesOut: 1, error: null, chunk: { numbers: "0" } });
    expect(retried.attempts.map(({ outcome }) => outcome)).toEqual(["SOFT_FAILED", "SOFT_FAILED", "COMPLETED"]);
    expect(retried.attempts[0]).toMatchObject({ error: { code: "BOOM" }, worker: "w", requestId: "r" });
    expect(failed).toMatchObject({ error: { code: "BOOM", message: "boom" }, attempts: [{ outcome: "FAILED" }] });
  });

  it("filter by state, walking on over batches without such a task", async () => {
    const { world } = await ended(2_000, (ordinal) => (ordinal % 500 === 499 ? "X" : "C"));

    const first = await tasks(world, "state=failed&limit=3");
    const rest = await tasks(world, `state=FAILED&limit=3&cursor=${first.pagination.cursor}`);

    expect([...first.data, ...rest.data].map(({ ordinal }) => ordinal)).toEqual([499, 999, 1_499, 1_999]);
    expect([first.pagination.hasNext, rest.pagination.hasNext, first.pagination.total]).toEqual([true, false, null]);
  });

  it("derive CANCELED and PAUSED from the job", async () => {
    const { engine, world } = await planned(4);
    const become = (state: string) => engine.table.write({ update: jobKey(JOB), changes: { set: { state } } });

    await become("PAUSED");
    const paused = (await tasks(world)).data[0];
    await become("FAILED");
    const canceled = (await tasks(world, "state=CANCELED")).data;

    expect(paused?.state).toBe("PAUSED");
    expect(canceled.map(({ error }) => error?.code)).toEqual(Array(4).fill("JOB_FAILED"));
  });

  it("are none before the job has any, and a number too high is 404", async () => {
    const world = new ApiWorld();
    const { id } = await world.job();
    const none = await world.call<TasksAnswer>("GET", `${JOBS}/${id}/tasks`);
    const wrong = await (await planned(3)).world.call("GET", `${JOBS}/${JOB}/tasks/3`, undefined, { owner: OWNER });
    expect([none.body.data, none.body.pagination.total, wrong.status]).toEqual([[], 0, 404]);
  });

  it.each(["limit=0", "cursor=%2B%2B", "state=NEVER"])("refuse %s", async (query) => {
    const { world } = await planned(3);
    const { status } = await world.call("GET", `${JOBS}/${JOB}/tasks?${query}`, undefined, { owner: OWNER });
    expect(status).toBe(400);
  });
});

describe("the record of a job at work", () => {
  it("shows counts that add up, progress, stats, cost and the words of other systems", async () => {
    const { engine, world } = await ended(10, (ordinal) => (ordinal === 0 ? "X" : ordinal === 1 ? "K" : "C"));
    await engine.table.write({ update: jobKey(JOB), changes: { set: { submittedAt: engine.clock.now() - 1_500 } } });

    const { job, view } = jobAnswer.parse(await read(world, "?view=pachyderm"));

    expect(job.progress).toEqual({
      total: 10,
      queued: 0,
      active: 0,
      completed: 8,
      partial: 0,
      softFailed: 0,
      failed: 1,
      skipped: 1,
      canceled: 0,
      paused: 0,
      text: "8 + 1 / 10, 1 failed",
    });
    expect(job).toMatchObject({ numChunks: 10, state: "JOB_STATE_PARTITIONED", duration: 1.5 });
    expect(job.startedAt).not.toBeNull();
    expect(job.stats.downloadBytes).toBeGreaterThan(0);
    expect(job.cost?.usd).toBeGreaterThan(0);
    expect(view).toEqual({ state: "RUNNING", tasks: expect.objectContaining({ success: 8, failed: 1, skipped: 1 }) });
    expect(costRecord.parse(((await read(world, "/cost")) as { cost: unknown }).cost)).toEqual(job.cost);
  });

  it("reads at most the job, its specification and its gates", async () => {
    const { engine, world } = await planned(2_500);
    const gates = engine.table.dump().filter(({ sk }) => sk === "GATE").length;
    engine.table.resetStats();

    await read(world, "");

    expect(engine.table.stats.itemsRead).toBe(2 + gates);
  });

  it("counts running tasks, and speaks ByteNite's words when asked", async () => {
    const { engine, world, batches } = await planned(10);
    const [first] = batches;
    if (!first) throw new Error("no batch");
    await claim(engine, first);
    const running = await world.call("POST", `${JOBS}/runningTasks`, { jobs_ids: [JOB, "nonsense"] }, { owner: OWNER });
    await engine.table.write({ update: jobKey(JOB), changes: { set: { state: "PAUSED" } } });

    const { job } = jobAnswer.parse(await read(world, "?compat=bytenite"));

    expect(running.body).toEqual({ data: [{ jobId: JOB, runningTasks: first.b.count }] });
    expect([job.state, job.outcome]).toEqual(["JOB_STATE_PARTITIONED", "JOB_STATE_PAUSED"]);
  });

  it.each([
    ["CANCELED", undefined, "FAILED"],
    ["UNRUNNABLE", undefined, "FAILED"],
    ["REQUEUEING", "MERGING", "STARTED"],
    ["PAUSING", "PARTITIONED", "PARTITIONED"],
    ["PAUSED", "PARTITIONED", "PARTITIONED"],
    ["CANCELING", "MERGING", "MERGING"],
    ["CANCELING", "PARTITIONED", "PARTITIONED"],
    ["CANCELING", "REQUEUEING", "STARTED"],
    ["COMPLETE", undefined, "COMPLETE"],
    ["FAILED", "DOWNLOADING", "FAILED"],
  ] as const)("ByteNite's clients see %s (out of %s) as %s", (state, interrupted, seen) => {
    expect(byteniteState({ state, interrupted })).toBe(seen);
  });

  it("lists jobs and tasks in another system's words when asked to, and says which systems there are", async () => {
    const { world } = await ended(3, (o) => (o === 0 ? "P" : o === 1 ? "X" : "C"));
    const asAnn = { owner: OWNER };

    const list = jobsAnswer.parse((await world.call("GET", `${JOBS}?view=flamenco`, undefined, asAnn)).body);
    const rows = await tasks(world, "view=ngenea");
    const one = (await read(world, "/tasks/1?view=pachyderm")) as { task: TaskRecord };
    const plain = await tasks(world);
    const refused = await world.call<ErrorAnswer>("GET", `${JOBS}/${JOB}/tasks?view=slurm`, undefined, asAnn);

    expect(list.data.map(({ view }) => view)).toMatchObject([{ state: "active", tasks: { completed: 2, failed: 1 } }]);
    expect(rows.data.map(({ view }) => view)).toEqual(["Error", "Failure", "Success"]);
    expect(taskRecord.parse(one.task).view).toBe("failed");
    expect(plain.data.map((row) => "view" in row)).toEqual([false, false, false]);
    expect([refused.status, refused.body.details[0]?.path]).toEqual([400, "view"]);
  });

  it("a resumed job is queued in Flamenco's words until a task of its present run begins", async () => {
    const { engine, world, batches } = await planned(30);
    const word = async () => jobAnswer.parse(await read(world, "?view=flamenco")).view?.state;
    const [first] = batches;
    if (!first) throw new Error("no batch");

    const idle = await word();
    engine.clock.advance(1_000);
    await claim(engine, first);
    const begun = await word();
    engine.clock.advance(1_000);
    await engine.table.write({
      update: jobKey(JOB),
      changes: { set: { run: 2, "stamps.PARTITIONED": engine.clock.now() } },
    });
    const resumed = await word();

    expect([idle, begun, resumed]).toEqual(["queued", "active", "queued"]);
  });

  it("says what a canceled job had published", async () => {
    const { engine, world } = await planned(2);
    const cancel = (more: object) =>
      engine.table.write({ update: jobKey(JOB), changes: { set: { state: "CANCELED", ...more } } });

    await cancel({});
    const nothing = jobAnswer.parse(await read(world, "")).job.errorMessage;
    await cancel({ published: { objects: 3, of: 10 } });
    const some = jobAnswer.parse(await read(world, "")).job.errorMessage;

    expect(nothing).toBe("The job was canceled.");
    expect(some).toMatch(/^The job was canceled\. 3 of its 10 objects were at the destination/);
  });

  it("writes progress as Pachyderm does", () => {
    expect([progressText(0, 0, 0, 0), progressText(95, 3, 2, 100)]).toEqual(["0 + 0 / 0", "95 + 3 / 100, 2 failed"]);
  });
});

describe("results", () => {
  it("are none until COMPLETE, nor when it failed", async () => {
    const { engine, world } = await ended(30, (ordinal) => (ordinal === 0 ? "X" : "C"));
    const before = resultsAnswer.parse(await read(world, "/results"));
    await engine.table.write({ update: jobKey(JOB), changes: { set: { state: "FAILED" } } });

    const plain = resultsAnswer.parse(await read(world, "/results"));

    expect([before.results, plain.results]).toEqual([[], []]);
  });

  it("say so when their 48 h are over", async () => {
    const { engine, world } = await planned(1);
    await engine.table.write({
      update: jobKey(JOB),
      changes: { set: { state: "COMPLETE", purgeAt: engine.clock.now() } },
    });
    const { status, body } = await world.call<{ reason: string }>("GET", `${JOBS}/${JOB}/results`, undefined, {
      owner: OWNER,
    });
    expect([status, body.reason]).toEqual([409, "RESULTS_EXPIRED"]);
  });
});

describe("looking ahead", () => {
  it("shows the chunks that would be made and starts nothing", async () => {
    const world = new ApiWorld();
    await world.put("in/a.csv", `n\n${"1\n".repeat(100)}`);
    const { id } = await world.job({
      templateId: "csv-echo",
      dataSource: s3("in/a.csv"),
      config: { maxChunkSize: 50 },
    });

    const dry = await world.call<{ tasks: number; exact: boolean; chunks: unknown[] }>(
      "POST",
      `${JOBS}/${id}/partition`,
    );
    const estimated = estimationAnswer.parse((await world.call("GET", `${JOBS}/estimation/${id}`)).body);

    expect(dry.body).toMatchObject({ tasks: 4, exact: true });
    expect(dry.body.chunks).toHaveLength(4);
    expect(estimated.estimation).toMatchObject({ chunks: 4, exact: true, taskSeconds: 2, totalEstimation: "1" });
    expect((await world.get(id)).job.state).toBe("JOB_STATE_NEW");
  });

  it("fails as a run would, with the field", async () => {
    const world = new ApiWorld();
    const { id } = await world.job({ templateId: "csv-echo", dataSource: s3("in/none.csv") });
    const { status, body } = await world.call<{ details: { path: string }[] }>("POST", `${JOBS}/${id}/partition`);
    expect([status, body.details[0]?.path]).toEqual([422, "dataSource.params.name"]);
  });
});
