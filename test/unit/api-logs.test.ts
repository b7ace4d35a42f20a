import { describe, expect, it } from "vitest";
import { type ErrorAnswer, type LogsAnswer, logPartsAnswer, logsAnswer } from "../../core/contracts/api/records.ts";
import { type TaskLogLine, taskLogHead } from "../../core/contracts/task-log.ts";
import { eventRow } from "../../core/job/transition.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { claimLogKey } from "../../core/keys/object-keys.ts";
import { ApiWorld, BUCKET } from "../helpers/api-world.ts";

const LOGS = "/v1/customer/logs";
const T0 = Date.parse("2026-03-01T10:00:00Z");
const line = (o: number, n: number, second: number, m: string, l: TaskLogLine["l"] = "INFO"): TaskLogLine => ({
  o,
  n,
  t: T0 + second * 1_000,
  l,
  m,
});

/** A job of 250 tasks in batches of 100, whose claims have printed. */
async function printed() {
  const world = new ApiWorld();
  const { id } = await world.job();
  await world.store.write({
    update: jobKey(id),
    changes: { set: { tasks: 250, batchSize: 100, batches: 3, gates: 1 } },
  });
  const put = async (batch: number, claim: number, lines: readonly TaskLogLine[], generation = 0) => {
    const key = claimLogKey({ owner: "alice", jobId: id }, generation, batch, claim);
    const head = taskLogHead.parse({ v: 1, batch, claim, run: 1, first: batch * 100, worker: "w", requestId: "r" });
    await world.put(key, [head, ...lines].map((entry) => `${JSON.stringify(entry)}\n`).join(""), BUCKET);
  };
  await put(0, 1, [line(7, 1, 3, "second"), line(7, 1, 1, "first"), line(8, 1, 2, "careful", "WARN")]);
  await put(0, 2, [line(7, 2, 9, "again"), { ...line(7, 2, 10, "Attempt 2 failed", "ERROR"), r: 1 }]);
  await put(2, 1, [line(1, 1, 4, "of task 201")]);
  const ask = async (body: Record<string, unknown> = {}): Promise<LogsAnswer> =>
    logsAnswer.parse((await world.call("POST", LOGS, { jobId: id, ...body })).body);
  const parts = async (query = "") =>
    logPartsAnswer.parse((await world.call("GET", `/v1/customer/jobs/${id}/logs?${query}`)).body);
  return { world, id, put, ask, parts };
}
const said = (answer: LogsAnswer) =>
  Object.fromEntries(Object.entries(answer.taskrunner).map(([task, { logs }]) => [task, logs.map(({ log }) => log)]));

describe("POST /logs", () => {
  it("answers each task's lines by their time, with attempt and claim", async () => {
    const { ask } = await printed();

    const answer = await ask();

    expect(said(answer)).toEqual({
      7: ["first", "second", "again", "Attempt 2 failed"],
      8: ["careful"],
      201: ["of task 201"],
    });
    expect(answer.taskrunner[7]?.logs.at(-1)).toEqual({
      log: "Attempt 2 failed",
      timestamp: "2026-03-01T10:00:10.000Z",
      level: "ERROR",
      container: "runtime",
      attempt: 2,
      claim: 2,
    });
    expect(answer.taskrunner[8]?.logs[0]).toMatchObject({ container: "echo", attempt: 1, claim: 1 });
  });

  it("takes tasks, levels and services, in either spelling", async () => {
    const { ask, world, id } = await printed();

    expect(said(await ask({ taskIds: ["8", 201] }))).toEqual({ 8: ["careful"], 201: ["of task 201"] });
    expect(said(await ask({ levels: ["LOG_LEVEL_WARN", "error"] }))).toEqual({
      7: ["Attempt 2 failed"],
      8: ["careful"],
    });
    expect(said(await ask({ services: ["assembler"] }))).toEqual({});
    expect(said(await ask({ taskIds: [], levels: [], services: ["TaskRunner"] }))).toHaveProperty("201");
    const snake = await world.call<LogsAnswer>("POST", "/v1/computing/logs", { job_id: id, task_ids: ["201"] });
    expect(said(snake.body)).toEqual({ 201: ["of task 201"] });
  });

  it.each([
    [{ levels: ["LOUD"] }, 400, "INVALID_REQUEST"],
    [{ services: ["printer"] }, 400, "INVALID_REQUEST"],
    [{ taskIds: ["-1"] }, 400, "INVALID_REQUEST"],
    [{ taskIds: ["250"] }, 404, "TASK_NOT_FOUND"],
    [{ jobId: "01ARZ3NDEKTSV4RRFFQ69G5FAV" }, 404, "JOB_NOT_FOUND"],
  ])("refuses %j", async (body, status, reason) => {
    const { world, id } = await printed();

    const answer = await world.call<ErrorAnswer>("POST", LOGS, { jobId: id, ...body });

    expect([answer.status, answer.body.reason]).toEqual([status, reason]);
  });

  it("never shows another owner's", async () => {
    const { world, id } = await printed();

    const body = await world.call<ErrorAnswer>("POST", LOGS, { jobId: id }, { owner: "mallory" });
    const parts = await world.call("GET", `/v1/customer/jobs/${id}/logs`, undefined, { owner: "mallory" });

    expect([body.status, parts.status]).toEqual([404, 404]);
  });

  it("shows the present chunks' logs only, and skips what is no line", async () => {
    const { ask, put, world, id } = await printed();
    await put(0, 1, [line(7, 1, 1, "of other chunks")], 1);
    const key = claimLogKey({ owner: "alice", jobId: id }, 0, 1, 1);
    const broken = ['{"o":-1}', "no json", "[1]", JSON.stringify(line(3, 1, 1, "whole")), '{"o":1,"n":1,"t":1e99'];
    await world.put(key, broken.join("\n"), BUCKET);
    await world.put(key.replace("c0001", "c0002"), "", BUCKET);

    const answer = said(await ask());

    expect(answer[7]).not.toContain("of other chunks");
    expect(answer[103]).toEqual(["whole"]);
  });

  it("stays below what a function may answer, and says that there is more", async () => {
    const { put, world, id } = await printed();
    const quotes = '"'.repeat(1_000);
    for (let claim = 3; claim < 8; claim++)
      await put(
        1,
        claim,
        Array.from({ length: 500 }, (_, i) => line(i % 100, 1, i, quotes)),
      );

    const answer = await world.call<LogsAnswer>("POST", LOGS, { jobId: id });

    const wire = Buffer.byteLength(JSON.stringify({ body: JSON.stringify(answer.body) }));
    expect(wire).toBeLessThan(6 * 1024 * 1024);
    expect(wire).toBeGreaterThan(4.5 * 1024 * 1024);
    const last = Object.values(answer.body.taskrunner).flatMap(({ logs }) => logs.slice(-1));
    expect(last.some(({ log, container }) => container === "runtime" && log.startsWith("There is more"))).toBe(true);
  });

  it("tells what partitioner and assembler did, and how they failed", async () => {
    const { ask, world, id } = await printed();
    const rows = [
      ["UPLOADING", "PARTITIONING", undefined],
      ["PARTITIONING", "PARTITIONED", "made 250 chunks"],
      ["TASKS_COMPLETED", "MERGING", undefined],
      ["MERGING", "FAILED", "The results don't fit."],
      ["FAILED", "REQUEUEING", undefined],
      ["REQUEUEING", "TASKS_COMPLETED", undefined],
      ["TASKS_COMPLETED", "MERGING", undefined],
      ["MERGING", "MERGED", "merged the results of 250 tasks into 1 object, 9 bytes"],
    ] as const;
    for (const [i, [from, to, why]] of rows.entries()) {
      const at = T0 + i * 1_000;
      const event = { jobId: id, owner: "alice", at, who: "workflow", what: "STATE", run: i < 5 ? 1 : 2, from, to };
      await world.store.transact([eventRow(world.ports, { ...event, ...(why ? { why } : {}) })]);
    }

    const { partitioner, assembler } = await ask({ services: ["partitioner", "assembler"] });

    expect(partitioner.map(({ level, log }) => `${level} ${log}`)).toEqual([
      "INFO range begins (run 1).",
      "INFO range is done: made 250 chunks.",
    ]);
    expect(assembler.map(({ level, log }) => `${level} ${log}`)).toEqual([
      "INFO concat begins (run 1).",
      "ERROR The results don't fit.",
      "INFO concat begins (run 2).",
      "INFO concat is done: merged the results of 250 tasks into 1 object, 9 bytes.",
    ]);
    expect(assembler[0]).toMatchObject({ container: "concat", timestamp: "2026-03-01T10:00:02.000Z", claim: null });
    expect((await ask({ levels: ["ERROR"] })).assembler).toHaveLength(1);
  });
});

describe("GET /jobs/{id}/logs", () => {
  it("lists the objects with links, in the order of the tasks, page by page", async () => {
    const { parts } = await printed();
    const seen: string[] = [];

    for (let cursor: string | null = ""; cursor !== null; ) {
      const page = await parts(`limit=2&cursor=${cursor}`);
      seen.push(...page.data.map(({ batch, claim, first }) => `${batch} ${claim} ${first}`));
      cursor = page.pagination.cursor;
    }

    expect(seen).toEqual(["0 1 0", "0 2 0", "2 1 200"]);
    const [part] = (await parts()).data;
    expect(part?.size).toBeGreaterThan(100);
    expect(part?.link).toContain("b0000000");
  });

  it("takes a task, and one of its claims", async () => {
    const { parts } = await printed();

    expect((await parts("task=7")).data.map(({ claim }) => claim)).toEqual([1, 2]);
    expect((await parts("task=7&claim=2")).data.map(({ claim }) => claim)).toEqual([2]);
    expect((await parts("task=100")).data).toEqual([]);
  });

  it("refuses tasks and cursors that there aren't", async () => {
    const { world, id } = await printed();
    const ask = async (query: string) =>
      (await world.call<ErrorAnswer>("GET", `/v1/customer/jobs/${id}/logs?${query}`)).body.reason;

    expect(await ask("task=250")).toBe("TASK_NOT_FOUND");
    expect(await ask("task=x")).toBe("INVALID_REQUEST");
    expect(await ask("cursor=bm9uZQ")).toBe("CURSOR_INVALID");
  });
});
