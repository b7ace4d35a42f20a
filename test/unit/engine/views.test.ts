/**
 * Every state of the four systems that JobJob unites, as their own documents list them, is the word for a real situation: a
 * job or a task that the engine's own steps brought there, read back through the API. UNRUNNABLE comes with pipelines.
 */
import { describe, expect, it } from "vitest";
import { JOB_STATES, type JobState } from "../../../core/states/job-states.ts";
import type { TaskState } from "../../../core/states/task-states.ts";
import { JOB_WORDS, type JobRow, TASK_WORDS, VIEWS, type ViewName } from "../../../core/states/views.ts";
import { s3 } from "../../helpers/api-world.ts";
import { LifecycleWorld } from "../../helpers/lifecycle-world.ts";

/** The tables of states in the systems' documents, word for word. */
const SOURCES: Readonly<Record<ViewName, { readonly jobs: readonly string[]; readonly tasks: readonly string[] }>> = {
  pachyderm: {
    jobs: ["CREATED", "STARTING", "UNRUNNABLE", "RUNNING", "EGRESS", "FINISHING", "FAILURE", "KILLED", "SUCCESS"],
    tasks: [], // its documents name none of its datums' states
  },
  flamenco: {
    jobs: [
      "under-construction",
      "queued",
      "active",
      "completed",
      "failed",
      "cancel-requested",
      "canceled",
      "requeueing",
      "paused",
    ],
    tasks: ["queued", "active", "completed", "soft-failed", "failed", "canceled", "paused"],
  },
  ngenea: {
    jobs: ["Pending", "Started", "Success", "Failure", "Pausing", "Paused", "Cancelled", "Dequeuing"],
    tasks: ["Pending", "Started", "Success", "Failure", "Error", "Skipped", "Cancelled"],
  },
};
/** Of the JobJob record itself. */
const RECORD: readonly JobState[] = [
  "NEW",
  "STARTED",
  "UPLOADING",
  "PARTITIONING",
  "PARTITIONED",
  "TASKS_COMPLETED",
  "MERGING",
  "MERGED",
  "DOWNLOADING",
  "COMPLETE",
  "FAILED",
];
const NOT_YET: JobRow & JobState = "UNRUNNABLE";

type Way = (world: LifecycleWorld) => Promise<string>;

/** How a job gets into each row of the table; each answers the job's id. */
const JOBS: Readonly<Record<Exclude<JobRow, typeof NOT_YET>, Way>> = {
  NEW: async ({ api }) => (await api.job({ templateId: "numbers" })).id,
  STARTED_QUEUED: async (world) => {
    const id = await world.run({ startAt: "2026-03-02T00:00:00Z" });
    expect(await world.step(id, "prepare")).toMatchObject({ next: "wait" });
    return id;
  },
  STARTED: (world) =>
    world.run({
      templateId: "word-count",
      params: {},
      dataSource: { dataSourceDescriptor: "file", params: { name: "a" } },
    }),
  UPLOADING: async (world) => {
    const id = await world.run();
    await world.crash(id, "prepare");
    return id;
  },
  PARTITIONING: async (world) => {
    const id = await world.run();
    await world.stepsTo(id, "prepare");
    return id;
  },
  PARTITIONED_IDLE: (world) => planned(world),
  PARTITIONED: (world) => claimed(world),
  TASKS_COMPLETED: async (world) => {
    const id = await world.run();
    await world.stepsTo(id, "settle");
    return id;
  },
  MERGING: async (world) => {
    const id = await world.run();
    await world.stepsTo(id, "settle");
    await world.crash(id, "assemble");
    return id;
  },
  MERGED: async (world) => {
    const id = await world.run();
    await world.stepsTo(id, "assemble");
    return id;
  },
  DOWNLOADING: (world) => downloading(world),
  COMPLETE: (world) => complete(world),
  COMPLETE_INCOMPLETE: async (world) => {
    const id = await planned(world, { config: { toleratedFailurePercentage: 50 } });
    await world.tasks(id, (ordinal) => (ordinal === 0 ? "X" : "C"));
    for (const step of ["settle", "assemble", "deliver", "publish", "finish"] as const) await world.step(id, step);
    return id;
  },
  FAILED: (world) => failed(world),
  FAILED_TIMEOUT: async (world) => {
    const id = await claimed(world, { config: { jobTimeout: 60 } });
    world.api.clock.advance(61_000);
    await world.sweep(id);
    return id;
  },
  PAUSING: async (world) => {
    const id = await claimed(world);
    await world.act(id, "pause");
    await world.sweep(id);
    return id;
  },
  PAUSED: (world) => paused(world),
  CANCELING: async (world) => {
    const id = await downloading(world);
    await world.act(id, "abort");
    return id;
  },
  CANCELED: async (world) => {
    const id = await claimed(world);
    await world.act(id, "abort");
    return id;
  },
  REQUEUEING: async (world) => {
    const id = await complete(world);
    await world.act(id, "requeue");
    return id;
  },
};

async function planned(world: LifecycleWorld, body: Record<string, unknown> = {}): Promise<string> {
  const id = await world.run(body);
  for (const step of ["prepare", "partition", "plan"] as const) await world.step(id, step);
  return id;
}

async function claimed(world: LifecycleWorld, body: Record<string, unknown> = {}): Promise<string> {
  const id = await planned(world, body);
  await world.claim(id);
  return id;
}

async function paused(world: LifecycleWorld): Promise<string> {
  const id = await planned(world);
  await world.act(id, "pause");
  await world.sweep(id);
  return id;
}

async function downloading(world: LifecycleWorld): Promise<string> {
  const id = await world.run({ dataDestination: s3("results/") });
  await world.stepsTo(id, "deliver");
  return id;
}

async function complete(world: LifecycleWorld): Promise<string> {
  const id = await world.run();
  await world.stepsTo(id, "finish");
  return id;
}

async function failed(world: LifecycleWorld): Promise<string> {
  const id = await planned(world);
  await world.tasks(id, (ordinal) => (ordinal === 0 ? "X" : "C"));
  await world.step(id, "settle");
  return id;
}

/** How task 0 of a job gets into each state. */
const TASKS: Readonly<Record<TaskState, Way>> = {
  QUEUED: (world) => planned(world),
  ACTIVE: (world) => claimed(world),
  COMPLETED: (world) => attempted(world, "C"),
  PARTIAL: (world) => attempted(world, "P"),
  SKIPPED: (world) => attempted(world, "K"),
  SOFT_FAILED: (world) => attempted(world, "F"),
  FAILED: (world) => attempted(world, "X"),
  PAUSED: (world) => paused(world),
  CANCELED: JOBS.CANCELED,
};

async function attempted(world: LifecycleWorld, end: "C" | "P" | "K" | "F" | "X"): Promise<string> {
  const id = await planned(world);
  await world.tasks(id, () => end);
  return id;
}

const cases = <K extends string>(table: Readonly<Record<K, Way>>): [K, Way][] => Object.entries(table) as [K, Way][];

describe("a job's state in the words of the systems it unites", () => {
  it.each(cases(JOBS))("%s", async (row, bring) => {
    const world = new LifecycleWorld();

    const id = await bring(world);

    const state = JOB_STATES.find((one) => row === one) ?? row.replace(/_[A-Z]+$/, "");
    for (const view of VIEWS) {
      const answer = await world.view(id, view);
      expect(answer.job.outcome).toBe(`JOB_STATE_${state}`);
      expect(answer.view?.state).toBe(JOB_WORDS[row][view]);
    }
  });
});

describe("a task's state in the words of the systems it unites", () => {
  it.each(cases(TASKS))("%s", async (state, bring) => {
    const world = new LifecycleWorld();

    const id = await bring(world);

    for (const view of VIEWS) {
      const task = await world.task(id, 0, view);
      const word = TASK_WORDS[state][view];
      expect(task).toMatchObject({ state, view: word });
      const { view: counts } = await world.view(id, view);
      expect(counts?.tasks[word]).toBeGreaterThanOrEqual(1);
    }
  });
});

describe("the words themselves", () => {
  const brought = Object.keys(JOBS) as (keyof typeof JOBS)[];

  it.each(VIEWS)(
    "%s: every state of its documents is brought about above, but for what comes with pipelines",
    (view) => {
      const jobs: string[] = [...brought.map((row) => JOB_WORDS[row][view]), JOB_WORDS[NOT_YET][view]];
      const tasks: string[] = (Object.keys(TASKS) as TaskState[]).map((state) => TASK_WORDS[state][view]);

      expect(SOURCES[view].jobs.filter((word) => !jobs.includes(word))).toEqual([]);
      expect(SOURCES[view].tasks.filter((word) => !tasks.includes(word))).toEqual([]);
      // And the other way: nothing is called by a word that the system doesn't know.
      expect(jobs.filter((word) => !SOURCES[view].jobs.includes(word))).toEqual([]);
      if (view !== "pachyderm") expect(tasks.filter((word) => !SOURCES[view].tasks.includes(word))).toEqual([]);
    },
  );

  it("the record's own eleven states are brought about above", () => {
    expect(RECORD.filter((state) => !brought.some((row) => row === state))).toEqual([]);
  });
});
