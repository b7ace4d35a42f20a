/** Pause, resume, abort, requeue, delete and bulk actions, through HTTP, on the deployed stack. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type ActionsAnswer, actionsAnswer, type JobRecord, tasksAnswer } from "../../core/contracts/api/records.ts";
import {
  BYPASS,
  createJob,
  downloadResults,
  folder,
  getJob,
  newOwner,
  type Owner,
  putInput,
  s3Source,
  startJob,
  TEMPORARY,
  waitForJob,
} from "./harness.ts";

const JOBS = "/v1/customer/jobs";

/**
 * A task a number, declared as 0.2 s: eight batches of 900, one at a time, so that there is much left when the first one has
 * ended, however slow the requests are that find that out and act on it: a batch takes at least three calls itself.
 */
const TASKS = 7_200;
const NUMBERS = Array.from({ length: TASKS }, (_, i) => `${i + 1}\n`).join("");
async function startNumbers(owner: Owner): Promise<string> {
  const { id } = await createJob(owner, {
    templateId: "numbers",
    dataSource: BYPASS,
    dataDestination: TEMPORARY,
    params: { partitioner: { range: `1-${TASKS}`, perChunk: 1 } },
    config: { maxConcurrency: 1 },
  });
  await startJob(owner, id);
  return id;
}
const textOf = async (owner: Owner, id: string) => (await downloadResults(owner, id)).values().next().value?.toString();

async function act(owner: Owner, id: string, action: string, body: unknown = {}): Promise<void> {
  const answer = await owner.call("POST", `${JOBS}/${id}/${action}`, body);
  expect([answer.status, answer.body.ok], JSON.stringify(answer.body)).toEqual([200, true]);
}

/** Looks until the job is as wanted. @throws when it has ended otherwise */
async function until(owner: Owner, id: string, wanted: (job: JobRecord) => boolean, seconds = 90): Promise<JobRecord> {
  const deadline = Date.now() + seconds * 1_000;
  for (;;) {
    const job = await getJob(owner, id);
    if (wanted(job)) return job;
    if (job.endedAt !== null || Date.now() > deadline) {
      throw new Error(`${id} is ${job.state}, ${job.progress.text}: ${job.errorMessage}`);
    }
    await sleep(50);
  }
}
const isIn = (state: string) => (job: JobRecord) => job.state === `JOB_STATE_${state}`;
const hasEnded = (least: number) => (job: JobRecord) => job.progress.completed >= least && isIn("PARTITIONED")(job);

describe("control of jobs, on the deployed stack", () => {
  it("a job that was paused and resumed gives the same bytes as one that wasn't", async () => {
    const owner = await newOwner();
    const paused = await startNumbers(owner);
    await until(owner, paused, hasEnded(1));

    await act(owner, paused, "pause");
    await act(owner, paused, "pause");
    const held = await until(owner, paused, isIn("PAUSED"));
    const events = await timeline(owner, paused);
    await act(owner, paused, "resume");
    await act(owner, paused, "resume");
    const complete = await waitForJob(owner, paused);
    const plain = await waitForJob(owner, await startNumbers(owner));

    expect(held.progress.active + held.progress.queued).toBe(0);
    expect(held.progress.completed + held.progress.paused).toBe(TASKS);
    expect(held.progress.paused).toBeGreaterThan(0);
    expect(events.map(({ to }) => to)).toEqual(expect.arrayContaining(["JOB_STATE_PAUSING", "JOB_STATE_PAUSED"]));
    expect([complete.state, complete.run, complete.stats.restarts, plain.state]).toEqual([
      "JOB_STATE_COMPLETE",
      2,
      1,
      "JOB_STATE_COMPLETE",
    ]);
    expect(await textOf(owner, paused)).toBe(NUMBERS);
    expect(await textOf(owner, plain.id)).toBe(NUMBERS);
  });

  it("a job that was aborted while its tasks ran is CANCELED; a requeue runs the rest alone", async () => {
    const owner = await newOwner();
    const id = await startNumbers(owner);
    await until(owner, id, hasEnded(1));

    await act(owner, id, "abort");
    await act(owner, id, "abort");
    const canceled = await getJob(owner, id);
    const tooLate = await owner.call("POST", `${JOBS}/${id}/resume`);
    const again = await owner.call("POST", `${JOBS}/${id}/run`);
    const headers = { "Idempotency-Key": "once" };
    const first = await owner.call("POST", `${JOBS}/${id}/requeue`, {}, headers);
    await owner.call("POST", `${JOBS}/${id}/requeue`, {}, headers);
    const complete = await waitForJob(owner, id);
    await owner.call("POST", `${JOBS}/${id}/requeue`, {}, headers);

    expect([canceled.state, canceled.progress.canceled]).toEqual([
      "JOB_STATE_CANCELED",
      TASKS - canceled.progress.completed,
    ]);
    expect([tooLate.status, tooLate.body.reason]).toEqual([409, "NOT_RESUMABLE"]);
    expect([again.status, again.body.reason]).toEqual([409, "JOB_ENDED"]);
    expect(first.status).toBe(200);
    expect([complete.state, complete.run, complete.progress.completed]).toEqual(["JOB_STATE_COMPLETE", 2, TASKS]);
    expect((await getJob(owner, id)).state).toBe("JOB_STATE_COMPLETE"); // the key has been used
    expect(await textOf(owner, id)).toBe(NUMBERS);
  });

  it("requeue runs just the tasks that it selects", async () => {
    const owner = await newOwner();
    const at = folder();
    for (let i = 0; i < 6; i++) await putInput(`${at}${i}.csv`, i === 3 ? "n\n1\n" : `n,m\n${i},2\n`);
    const { id } = await createJob(owner, {
      templateId: "csv-select",
      dataSource: s3Source(at),
      dataDestination: TEMPORARY,
      params: { partitioner: { chunks: 1 }, app: { columns: ["n", "m"] } },
      config: { toleratedFailurePercentage: 50 },
    });
    await startJob(owner, id);
    const first = await waitForJob(owner, id);
    const output = await textOf(owner, id);
    const requeue = async (tasks: unknown): Promise<readonly number[]> => {
      const before = await beginnings(owner, id);
      await act(owner, id, "requeue", { tasks });
      expect((await waitForJob(owner, id)).state).toBe("JOB_STATE_COMPLETE");
      const after = await beginnings(owner, id);
      return after.flatMap((began, ordinal) => (began === before[ordinal] ? [] : [ordinal]));
    };

    const failed = await requeue("failed");
    const numbered = await requeue("0-1,4");
    const none = await owner.call("POST", `${JOBS}/${id}/requeue`, { tasks: "partial" });
    const wrong = await owner.call("POST", `${JOBS}/${id}/requeue`, { tasks: [6] });
    const last = await getJob(owner, id);

    expect([first.state, first.incomplete]).toEqual(["JOB_STATE_COMPLETE", { tasks: 1, items: 0 }]);
    expect([failed, numbered]).toEqual([[3], [0, 1, 4]]);
    expect([none.status, none.body.reason]).toEqual([409, "NOTHING_TO_REQUEUE"]);
    expect([wrong.status, wrong.body.details[0].path]).toEqual([400, "tasks"]);
    expect([last.run, last.incomplete, await textOf(owner, id)]).toEqual([3, first.incomplete, output]);
  });

  it("a COMPLETE job's input that was changed asks for repartition, which cuts it anew", async () => {
    const owner = await newOwner();
    const at = folder();
    await putInput(`${at}a.txt`, "one two two\n");
    const { id } = await createJob(owner, {
      templateId: "word-count",
      dataSource: s3Source(at),
      dataDestination: TEMPORARY,
    });
    await startJob(owner, id);
    await waitForJob(owner, id);
    await putInput(`${at}a.txt`, "three three three\n");

    const refused = await owner.call("POST", `${JOBS}/${id}/requeue`, { tasks: "all" });
    await act(owner, id, "requeue", { repartition: true });
    const complete = await waitForJob(owner, id);

    expect([refused.status, refused.body.reason]).toEqual([409, "INPUT_CHANGED"]);
    expect(refused.body.message).toContain("repartition");
    expect([complete.state, complete.run]).toEqual(["JOB_STATE_COMPLETE", 2]);
    expect(await textOf(owner, id)).toMatch(/three\W+3/);
  });

  it("many at once: a dry run tells and changes nothing, then each gets its own outcome; deleted ones are gone", async () => {
    const owner = await newOwner();
    const make = async (name: string, run: boolean) => {
      const { id } = await createJob(owner, {
        templateId: "numbers",
        name,
        dataSource: BYPASS,
        dataDestination: TEMPORARY,
        params: { partitioner: { range: "1-4", perChunk: 1 } },
      });
      if (run) await startJob(owner, id);
      return id;
    };
    const done = [await make("batch one", true), await make("batch two", true)];
    const fresh = await make("batch new", false);
    const other = await make("something else", true);
    for (const id of [...done, other]) await waitForJob(owner, id);
    const filters = [{ field: "name", condition: "FILTER_CONDITION_CONTAINS", value: "batch" }];
    const actions = async (body: object): Promise<ActionsAnswer> =>
      actionsAnswer.parse((await owner.call("POST", `${JOBS}/actions`, body)).body);

    const dry = await actions({ action: "requeue", filters, dryRun: true });
    const untouched = await Promise.all(done.map((id) => getJob(owner, id)));
    const real = await actions({ action: "requeue", filters });
    const again = await Promise.all(done.map((id) => waitForJob(owner, id)));
    const removed = await actions({ action: "delete", ids: [...done, fresh, "NOBODYS"] });

    expect([dry.ids.toSorted(), dry.skipped.map(({ id, code }) => [id, code])]).toEqual([
      done.toSorted(),
      [[fresh, "NOT_REQUEUEABLE"]],
    ]);
    expect(untouched.map(({ state, run }) => [state, run])).toEqual(Array(2).fill(["JOB_STATE_COMPLETE", 1]));
    expect({ ...real, dryRun: true }).toEqual(dry);
    expect(again.map(({ state, run }) => [state, run])).toEqual(Array(2).fill(["JOB_STATE_COMPLETE", 2]));
    expect([removed.ok, removed.skipped.map(({ code }) => code)]).toEqual([3, ["JOB_NOT_FOUND"]]);
    const gone = await Promise.all([...done, fresh].map((id) => owner.call("GET", `${JOBS}/${id}`)));
    expect(gone.map(({ status }) => status)).toEqual([404, 404, 404]);
    expect((await getJob(owner, other)).run).toBe(1);
  });
});

/** When each task's latest attempt began. */
async function beginnings(owner: Owner, id: string): Promise<readonly (string | null)[]> {
  const { body } = await owner.call("GET", `${JOBS}/${id}/tasks`);
  return tasksAnswer.parse(body).data.map(({ startedAt }) => startedAt);
}

async function timeline(owner: Owner, id: string): Promise<readonly { readonly to: string | null }[]> {
  return (await owner.call("GET", `${JOBS}/${id}/events`)).body.data;
}
