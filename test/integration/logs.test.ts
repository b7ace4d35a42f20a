/** What tasks have to say, read from outside while they run and after: API, links, command line. */
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { LogPartsAnswer, LogRecord, LogsAnswer, TaskRecord } from "../../core/contracts/api/records.ts";
import { logPartsAnswer, logsAnswer, taskRecord } from "../../core/contracts/api/records.ts";
import { cliWorld } from "../helpers/cli-world.ts";
import {
  createJob,
  folder,
  getJob,
  newOwner,
  type Owner,
  putInput,
  s3Source,
  startJob,
  TEMPORARY,
  theStack,
  waitForJob,
} from "./harness.ts";
import { catchMoment, Missed } from "./moments.ts";

/** Rows so short that a worker is at them for seconds: it takes a million or two a second. */
const ROWS = 4_000_000;
const RAGGED = "a,b\n1,2\n3\n4,5\n6,7,8\n";

/** csv-select on two files, one task each, in one batch: the first has rows to reject, the second takes long. */
async function startSelect(owner: Owner, rows: number, config: Record<string, unknown> = {}): Promise<string> {
  const at = folder();
  const long = `a,b\n${"1,2\n".repeat(rows)}`;
  await putInput(`${at}0.csv`, RAGGED);
  await putInput(`${at}1.csv`, long);
  const job = await createJob(owner, {
    templateId: "csv-select",
    dataSource: s3Source(at),
    dataDestination: TEMPORARY,
    params: { app: { where: { a: "4" } }, partitioner: { chunks: 1 } },
    config: { maxConcurrency: 1, maxChunkSize: 2 * long.length, ...config },
  });
  await startJob(owner, job.id);
  return job.id;
}

async function logsOf(owner: Owner, jobId: string, more: Record<string, unknown> = {}): Promise<LogsAnswer> {
  const answer = await owner.call("POST", "/v1/customer/logs", { jobId, ...more });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return logsAnswer.parse(answer.body);
}

const taskOf = async (owner: Owner, id: string, ordinal: number): Promise<TaskRecord> =>
  taskRecord.parse((await owner.call("GET", `/v1/customer/jobs/${id}/tasks/${ordinal}`)).body.task);

/** What task `speaker` says in the API before task `busy` has ended. @throws Missed when it ended first */
async function wordsDuring(owner: Owner, id: string, speaker: number, busy: number): Promise<readonly LogRecord[]> {
  for (;;) {
    const said = (await logsOf(owner, id)).taskrunner[speaker]?.logs;
    const { state, failure } = await getJob(owner, id);
    if (/FAILED|CANCELED/.test(state)) throw new Error(`${state}: ${JSON.stringify(failure)}`);
    // A job that is only beginning has no tasks to ask for.
    const task = state === "JOB_STATE_PARTITIONED" ? (await taskOf(owner, id, busy)).state : undefined;
    if (said && task === "ACTIVE") return said;
    if (said) throw new Missed(`${id} is ${state}, its task ${busy} ${task ?? "over"}`);
    await sleep(100);
  }
}

const lines = (logs: readonly LogRecord[] = []) => logs.map(({ attempt, level, log }) => `${attempt} ${level} ${log}`);
const REJECTED = /^1 WARN 2 items were rejected; the first: .+/;

describe("logs on the deployed stack", () => {
  it("are read while the batch still runs, and after; by API, link and command line", async () => {
    const owner = await newOwner();
    const { id, early } = await catchMoment(async (times) => {
      const id = await startSelect(owner, times * ROWS);
      return { id, early: await wordsDuring(owner, id, 0, 1) };
    });
    expect(lines(early)).toEqual([expect.stringMatching(REJECTED)]);

    const job = await waitForJob(owner, id);
    expect(job.state, JSON.stringify(job.failure)).toBe("JOB_STATE_COMPLETE");
    const all = await logsOf(owner, id);
    // A worker that the emulator lost said the same, under the claim before.
    const said = all.taskrunner[0]?.logs ?? [];
    expect(Object.keys(all.taskrunner)).toEqual(["0"]);
    expect(said).toEqual(expect.arrayContaining([...early]));
    for (const line of lines(said)) expect(line).toMatch(REJECTED);
    expect(all.partitioner.map(({ log }) => log)).toEqual([
      "csv 1.0 begins (run 1).",
      "csv 1.0 is done: made 2 chunks.",
    ]);
    expect(all.assembler.at(-1)?.log).toMatch(
      /^csv 1.0 is done: merged the results of 2 tasks into \d objects?, \d+ bytes\.$/,
    );

    const { attempts, logLink } = await taskOf(owner, id, 0);
    for (const path of [logLink, attempts[0]?.logLink]) {
      const { data }: LogPartsAnswer = logPartsAnswer.parse((await owner.call("GET", path ?? "")).body);
      expect(data.length).toBeGreaterThan(0);
      for (const { link, size } of data) {
        const text = await (await fetch(link)).text();
        expect(text.length).toBe(size);
        expect(text).toContain("2 items were rejected");
      }
    }
  });

  it("tell of each attempt, and follow on the command line to the job's end", async () => {
    const owner = await newOwner();
    const made = await owner.call("POST", "/v1/auth/api_keys", { name: "logs test" });
    await using shell = await cliWorld({
      env: { JOBJOB_URL: theStack().apiUrl, JOBJOB_API_KEY: made.body.apiKey },
    });
    Object.assign(shell.cli, { sleep: (ms: number) => sleep(ms) });
    const id = await startSelect(owner, 3 * ROWS, {
      taskTimeout: 2,
      maxTaskRetries: 1,
      retryBackoff: { initialMs: 1_000, rate: 1, maxMs: 1_000 },
    });

    const code = await shell.run("--json", "logs", id, "--follow");

    const said = shell.err.filter((line) => !line.startsWith("The connection is ")); // a machine that stalls may lose it
    expect([code, said]).toEqual([0, ["The job is FAILED."]]);
    const followed = shell.out.map((text) => JSON.parse(text));
    const ofTask = followed
      .filter(({ task }) => task === 1)
      .map(({ attempt, level, text }) => `${attempt} ${level} ${text}`);
    expect(ofTask).toEqual([
      expect.stringMatching(/^1 ERROR Attempt 1 failed: TASK_TIMEOUT: /),
      expect.stringMatching(/^2 ERROR Attempt 2 failed: TASK_TIMEOUT: /),
    ]);
    expect(followed.filter(({ task }) => task === 0)).toHaveLength(1);
    const whole = await logsOf(owner, id, { taskIds: [1], services: ["taskrunner"] });
    expect(lines(whole.taskrunner[1]?.logs)).toEqual(ofTask);

    shell.out.length = 0;
    await shell.run("logs", id, "--level", "error", "--task", "1");
    expect(shell.out).toHaveLength(2);
    expect(shell.out[1]).toMatch(/^\S+Z {2}#1\/2 {9}ERROR {2}Attempt 2 failed: TASK_TIMEOUT/);
  });
});
