/**
 * The states that a deployed stack holds still in, read in the words of the systems that JobJob unites. The states that are
 * over in an instant are in test/unit/engine/views.test.ts.
 */
import { describe, expect, it } from "vitest";
import type { TaskState } from "../../core/states/task-states.ts";
import { JOB_WORDS, type JobRow, TASK_WORDS, VIEWS } from "../../core/states/views.ts";
import {
  BYPASS,
  createJob,
  folder,
  newOwner,
  type Owner,
  putInput,
  s3Source,
  startJob,
  TEMPORARY,
  waitForJob,
} from "./harness.ts";
import { catchMoment, isIn, stop, until } from "./moments.ts";

const JOBS = "/v1/customer/jobs";
/** The sweeper comes every minute, and a job is due within one of its move; emulators now and then lose a minute's call. */
const SWEPT_S = 270;

async function started(owner: Owner, body: Record<string, unknown>): Promise<string> {
  const { id } = await createJob(owner, { dataDestination: TEMPORARY, ...body });
  await startJob(owner, id);
  return id;
}

const numbers = (owner: Owner, last: number, more: Record<string, unknown> = {}): Promise<string> =>
  started(owner, {
    templateId: "numbers",
    dataSource: BYPASS,
    params: { partitioner: { range: `1-${last}` } },
    ...more,
  });

const uploading = { templateId: "word-count", dataSource: { dataSourceDescriptor: "file", params: { name: "a.txt" } } };

/** Two files, and the app needs a column that only the first one has. */
async function halfBroken(owner: Owner, config: Record<string, unknown>): Promise<string> {
  const at = folder();
  await putInput(`${at}a.csv`, "state,n\nCA,1\n");
  await putInput(`${at}b.csv`, "country,n\nNL,2\n");
  const params = { app: { by: "state" } };
  const id = await started(owner, { templateId: "csv-group-by", dataSource: s3Source(at), params, config });
  await waitForJob(owner, id);
  return id;
}

const PAUSED_TASKS = 60_000;
/** Its last task waits for the resume. */
const paused = (owner: Owner): Promise<string> =>
  catchMoment(async (times) => {
    const id = await numbers(owner, times * PAUSED_TASKS);
    await until(owner, id, isIn("PARTITIONED"));
    await stop(owner, id, "pause");
    await until(owner, id, isIn("PAUSED"));
    return id;
  });

interface Situation {
  readonly bring: (owner: Owner) => Promise<string>;
  /** A task to look at, and the state it is in. */
  readonly task?: readonly [ordinal: number, state: TaskState];
}

const SITUATIONS: Readonly<Partial<Record<JobRow, Situation>>> = {
  NEW: { bring: async (owner) => (await createJob(owner, uploading)).id },
  STARTED_QUEUED: { bring: (owner) => numbers(owner, 3, { startAt: new Date(Date.now() + 3_600_000).toISOString() }) },
  STARTED: { bring: (owner) => started(owner, uploading) },
  COMPLETE: {
    bring: async (owner) => {
      const id = await numbers(owner, 3);
      await waitForJob(owner, id);
      return id;
    },
    task: [2, "COMPLETED"],
  },
  COMPLETE_INCOMPLETE: {
    bring: (owner) => halfBroken(owner, { toleratedFailurePercentage: 50 }),
    task: [1, "FAILED"],
  },
  FAILED: { bring: (owner) => halfBroken(owner, {}), task: [1, "FAILED"] },
  // Only the sweeper's own round ends it: no event tells of it, and nobody nudges.
  FAILED_TIMEOUT: {
    bring: async (owner) => {
      const id = await started(owner, { ...uploading, config: { jobTimeout: 1 } });
      const job = await waitForJob(owner, id, SWEPT_S);
      expect(job.failure).toMatchObject({ code: "JOB_TIMEOUT", retryable: true });
      return id;
    },
  },
  PAUSED: { bring: paused, task: [PAUSED_TASKS - 1, "PAUSED"] },
  CANCELED: {
    bring: async (owner) => {
      const id = await paused(owner);
      await stop(owner, id, "abort");
      await until(owner, id, isIn("CANCELED"));
      return id;
    },
    task: [PAUSED_TASKS - 1, "CANCELED"],
  },
};

describe.concurrent("a job of the deployed stack in the words of other systems", () => {
  it.each(Object.entries(SITUATIONS) as [JobRow, Situation][])("%s", async (row, { bring, task }) => {
    const owner = await newOwner();

    const id = await bring(owner);

    for (const view of VIEWS) {
      const answer = await owner.call("GET", `${JOBS}/${id}?view=${view}`);
      expect(answer.body.view.state).toBe(JOB_WORDS[row][view]);
      if (!task) continue;
      const [ordinal, state] = task;
      const told = await owner.call("GET", `${JOBS}/${id}/tasks/${ordinal}?view=${view}`);
      expect(told.body.task).toMatchObject({ state, view: TASK_WORDS[state][view] });
    }
  });
});
