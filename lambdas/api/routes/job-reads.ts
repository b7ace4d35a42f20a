import type { Hono } from "hono";
import { invalid } from "../../../core/contracts/api/errors.ts";
import type { TaskRecord } from "../../../core/contracts/api/records.ts";
import { listEvents } from "../../../core/job/events.ts";
import { readState } from "../../../core/job/list.ts";
import { dryRun, estimateJob, measuredCost } from "../../../core/job/plan-ahead.ts";
import { resultsOf } from "../../../core/job/results.ts";
import { getTask, listTasks, MAX_TASK_ROWS } from "../../../core/job/tasks.ts";
import { MAX_WAIT_SECONDS, waitForJob } from "../../../core/job/wait.ts";
import { answerJob } from "../../../core/job/wire.ts";
import { TASK_STATES } from "../../../core/states/task-states.ts";
import { taskWord, type ViewName } from "../../../core/states/views.ts";
import { type Call, type Env, editOf, queryInt, queryText, shapeOf } from "../context.ts";

/** What can be read of one job. */
export function readRoutes(app: Hono<Env>, base: string): void {
  app.get(`${base}/:id/results`, async (c) => {
    const page = queryInt(c, ["page"], 0, Number.MAX_SAFE_INTEGER) ?? 0;
    return c.json(await resultsOf(c.get("ports"), editOf(c), page, queryText(c, "partial") === "true"));
  });
  app.get(`${base}/:id/tasks`, async (c) => {
    const limit = queryInt(c, ["limit", "pagination.limit"], 1, MAX_TASK_ROWS) ?? 100;
    const query = { state: taskStateOf(c), limit, cursor: queryText(c, "cursor") };
    const { view } = shapeOf(c);
    const answer = await listTasks(c.get("ports"), editOf(c), query);
    return c.json(view ? { ...answer, data: answer.data.map((task) => viewed(task, view)) } : answer);
  });
  app.get(`${base}/:id/tasks/:ordinal`, async (c) => {
    const ordinal = c.req.param("ordinal");
    if (!/^\d{1,9}$/.test(ordinal)) throw invalid("ordinal", "must be a task's number, from 0");
    const { view } = shapeOf(c);
    const task = await getTask(c.get("ports"), editOf(c), Number(ordinal));
    return c.json({ task: view ? viewed(task, view) : task });
  });
  app.get(`${base}/:id/events`, async (c) => {
    const limit = queryInt(c, ["limit", "pagination.limit"], 1, 1_000) ?? 100;
    return c.json(await listEvents(c.get("ports"), editOf(c), limit, queryText(c, "cursor")));
  });
  app.get(`${base}/:id/wait`, wait);
  const partition = async (c: Call) =>
    c.json(await dryRun(c.get("ports"), editOf(c), queryInt(c, ["limit"], 1, 1_000) ?? 1_000));
  app.post(`${base}/:id/partition`, partition);
  app.on("GET", [`${base}/estimation/:id`, `${base}/:id/estimation`], async (c) =>
    c.json(await estimateJob(c.get("ports"), editOf(c))),
  );
  app.get(`${base}/:id/cost`, async (c) => c.json({ cost: await measuredCost(c.get("ports"), editOf(c)) }));
}

function viewed(task: TaskRecord, view: ViewName): TaskRecord {
  const state = TASK_STATES.find((one) => one === task.state);
  return state ? { ...task, view: taskWord(view, state) } : task;
}

function taskStateOf(c: Call) {
  const text = queryText(c, "state");
  if (text === undefined) return undefined;
  const name = text.toUpperCase().replace(/^TASK_STATE_/, "");
  const state = TASK_STATES.find((one) => one === name);
  if (!state) throw invalid("state", `is no state of a task; use one of ${TASK_STATES.join(", ")}`);
  return state;
}

async function wait(c: Call): Promise<Response> {
  const ports = c.get("ports");
  const seconds = queryInt(c, ["timeout"], 0, MAX_WAIT_SECONDS) ?? 20;
  const state = queryText(c, "state");
  const waited = await waitForJob(
    ports,
    editOf(c),
    seconds,
    state === undefined ? undefined : readState(state, "state"),
  );
  return c.json({ ...(await answerJob(ports, waited, shapeOf(c))), changed: waited.changed });
}
