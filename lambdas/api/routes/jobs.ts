import type { Hono } from "hono";
import { invalid } from "../../../core/contracts/api/errors.ts";
import { parseJson, parseWire } from "../../../core/contracts/api/input.ts";
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
  queryInt,
  queryText,
  readBody,
  readText,
  shapeOf,
} from "../context.ts";
import { fingerprintOf } from "../fingerprint.ts";
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

/** Printable ASCII, as a header carries it. */
const TOKEN = /^[\x21-\x7e]{1,255}$/;

async function create(c: Call): Promise<Response> {
  const text = await readText(c);
  const raw = parseJson(text);
  const body = parseWire(createBody, raw);
  const key = c.req.header("idempotency-key");
  if (key !== undefined && !TOKEN.test(key))
    throw invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters without spaces");
  const ports = c.get("ports");
  const idempotency = key === undefined ? undefined : { key, fingerprint: ports.auth.sha256(fingerprintOf(raw)) };
  const found = await createJob(ports, { owner: callerOf(c).owner, body, idempotency });
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
    bytenite: shapeOf(c).bytenite,
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
    bytenite: shapeOf(c).bytenite,
  });
  return c.json(answer);
}
