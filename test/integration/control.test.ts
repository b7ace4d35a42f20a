/** Pause, resume, abort, requeue, delete and bulk actions, through HTTP, on the deployed stack. */
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
import { catchMoment, isIn, Missed, stop, until } from "./moments.ts";

const JOBS = "/v1/customer/jobs";

/** A task a number, declared as 0.2 s: 16 batches of 900, of which an emulator's stack runs four at a time. */
const TASKS = 14_400;
const numbersTo = (last: number): string => Array.from({ length: last }, (_, i) => `${i + 1}\n`).join("");
async function startNumbers(owner: Owner, tasks: number): Promise<string> {
  const { id } = await createJob(owner, {
    templateId: "numbers",
    dataSource: BYPASS,
    dataDestination: TEMPORARY,
    params: { partitioner: { range: `1-${tasks}`, perChunk: 1 } },
  });
  await startJob(owner, id);
  return id;
}

interface Midway {
  readonly id: string;
  readonly tasks: number;
  /** The job as it then stood, with tasks that have ended and tasks that haven't. */
  readonly held: JobRecord;
}

/** Stops a job, asking twice, when some of its tasks have ended and others not. */
function stoppedMidway(owner: Owner, action: "pause" | "abort", state: "PAUSED" | "CANCELED"): Promise<Midway> {
  return catchMoment(async (times) => {
    const tasks = times * TASKS;
    const id = await startNumbers(owner, tasks);
    await until(owner, id, (job) => job.progress.completed > 0 && isIn("PARTITIONED")(job));
    await stop(owner, id, action);
    await stop(owner, id, action);
    const held = await until(owner, id, isIn(state));
    if (held.progress.completed === tasks) throw new Missed(`${id} is ${state} with all its tasks done`);
    return { id, tasks, held };
  });
}

const textOf = async (owner: Owner, id: string) => (await downloadResults(owner, id)).values().next().value?.toString();

async function act(owner: Owner, id: string, action: string, body: unknown = {}): Promise<void> {
  const answer = await owner.call("POST", `${JOBS}/${id}/${action}`, body);
  expect([answer.status, answer.body.ok], JSON.stringify(answer.body)).toEqual([200, true]);
}

describe("control of jobs, on the deployed stack", () => {
  it("a job that was paused and resumed gives the same bytes as one that wasn't", async () => {
    const owner = await newOwner();
    const { id, tasks, held } = await stoppedMidway(owner, "pause", "PAUSED");
    const events = await timeline(owner, id);

    await Promise.all([act(owner, id, "resume"), act(owner, id, "resume")]);
    const complete = await waitForJob(owner, id);
    const plain = await waitForJob(owner, await startNumbers(owner, tasks));

    expect(held.progress.active + held.progress.queued).toBe(0);
    expect(held.progress.completed + held.progress.paused).toBe(tasks);
    expect(held.progress.paused).toBeGreaterThan(0);
    expect(events.map(({ to }) => to)).toEqual(expect.arrayContaining(["JOB_STATE_PAUSING", "JOB_STATE_PAUSED"]));
    expect([complete.state, complete.run, complete.stats.restarts, plain.state]).toEqual([
      "JOB_STATE_COMPLETE",
      2,
      1,
      "JOB_STATE_COMPLETE",
    ]);
    expect(await textOf(owner, id)).toBe(numbersTo(tasks));
    expect(await textOf(owner, plain.id)).toBe(numbersTo(tasks));
  });

  it("a job that was aborted while its tasks ran is CANCELED; a requeue runs the rest alone", async () => {
    const owner = await newOwner();
    const { id, tasks, held } = await stoppedMidway(owner, "abort", "CANCELED");

    const tooLate = await owner.call("POST", `${JOBS}/${id}/resume`);
    const again = await owner.call("POST", `${JOBS}/${id}/run`);
    const headers = { "Idempotency-Key": "once" };
    const first = await owner.call("POST", `${JOBS}/${id}/requeue`, {}, headers);
    await owner.call("POST", `${JOBS}/${id}/requeue`, {}, headers);
    const complete = await waitForJob(owner, id);
    await owner.call("POST", `${JOBS}/${id}/requeue`, {}, headers);

    expect(held.progress.canceled).toBe(tasks - held.progress.completed);
    expect([tooLate.status, tooLate.body.reason]).toEqual([409, "NOT_RESUMABLE"]);
    expect([again.status, again.body.reason]).toEqual([409, "JOB_ENDED"]);
    expect(first.status).toBe(200);
    expect([complete.state, complete.run, complete.progress.completed]).toEqual(["JOB_STATE_COMPLETE", 2, tasks]);
    expect((await getJob(owner, id)).state).toBe("JOB_STATE_COMPLETE"); // the key has been used
    expect(await textOf(owner, id)).toBe(numbersTo(tasks));
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
