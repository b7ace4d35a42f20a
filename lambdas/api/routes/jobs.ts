import type { Hono } from "hono";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { createBody, type Filter, filterBody, runningTasksBody } from "../../../core/contracts/api/requests.ts";
import { createJob } from "../../../core/job/create.ts";
import { deleteJob } from "../../../core/job/delete.ts";
import { findJob } from "../../../core/job/find.ts";
import { listJobs } from "../../../core/job/list.ts";
import { runningTasks } from "../../../core/job/running-tasks.ts";
import { answerJob } from "../../../core/job/wire.ts";
import {
  answerOk,
  type Call,
  callerOf,
  type Env,
  editOf,
  idempotencyOf,
  queryInt,
  queryText,
  readBody,
  shapeOf,
} from "../context.ts";
import { controlRoutes } from "./job-control.ts";
import { editRoutes } from "./job-edits.ts";
import { readRoutes } from "./job-reads.ts";
import { runRoutes } from "./job-runs.ts";

/** Create, list, get, delete; the others have files of their own. Fixed paths come before those with an id. */
export function jobRoutes(app: Hono<Env>, base: string): void {
  app.post(base, create);
  app.get(base, list);
  app.post(`${base}/filter`, filter);
  app.post(`${base}/runningTasks`, async (c) => {
    const { jobsIds, jobIds } = parseWire(runningTasksBody, await readBody(c));
    return c.json({ data: await runningTasks(c.get("ports"), callerOf(c).owner, jobsIds ?? jobIds ?? []) });
  });
  controlRoutes(app, base);
  runRoutes(app, base);
  editRoutes(app, base);
  readRoutes(app, base);
  app.get(`${base}/:id`, async (c) => {
    const { owner, id } = editOf(c);
    const found = await findJob(c.get("ports").table, owner, id);
    return c.json(await answerJob(c.get("ports"), found, shapeOf(c)));
  });
  const remove = async (c: Call) => {
    await deleteJob(c.get("ports"), editOf(c));
    return answerOk(c);
  };
  app.delete(`${base}/:id`, remove);
}

async function create(c: Call): Promise<Response> {
  const raw = await readBody(c);
  const body = parseWire(createBody, raw);
  const ports = c.get("ports");
  const found = await createJob(ports, { owner: callerOf(c).owner, body, idempotency: idempotencyOf(c, raw) });
  return c.json(await answerJob(ports, found, shapeOf(c)));
}

async function list(c: Call): Promise<Response> {
  const filters: Filter[] = [];
  const state = queryText(c, "state");
  const name = queryText(c, "name");
  if (state !== undefined) filters.push({ field: "state", condition: "EQ", value: state });
  if (name !== undefined) filters.push({ field: "name", condition: "CONTAINS", value: name });
  const answer = await listJobs(c.get("ports"), {
    owner: callerOf(c).owner,
    limit: queryInt(c, ["limit", "pagination.limit"], 1, 1_000),
    offset: queryInt(c, ["offset", "pagination.offset"], 0, Number.MAX_SAFE_INTEGER),
    cursor: queryText(c, "cursor") ?? queryText(c, "pagination.cursor"),
    orderBy: queryText(c, "orderBy") ?? queryText(c, "order_by"),
    filters,
    ...shapeOf(c),
  });
  return c.json(answer);
}

async function filter(c: Call): Promise<Response> {
  const { pagination, filters, orderBy } = parseWire(filterBody, await readBody(c));
  const answer = await listJobs(c.get("ports"), {
    owner: callerOf(c).owner,
    limit: pagination?.limit,
    offset: pagination?.offset,
    cursor: pagination?.cursor,
    orderBy,
    filters: filters ?? [],
    ...shapeOf(c),
  });
  return c.json(answer);
}
