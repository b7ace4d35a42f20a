import type { Hono } from "hono";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { logsBody } from "../../../core/contracts/api/logs.ts";
import { listLogParts } from "../../../core/logs/parts.ts";
import { readLogs } from "../../../core/logs/read.ts";
import { callerOf, type Env, editOf, queryInt, queryText, readBody } from "../context.ts";

/** Above every task's and claim's number. */
const MOST = 999_999_999;

/** What apps and engines had to say: in one answer, and as the objects that hold it, for whoever follows. */
export function logRoutes(app: Hono<Env>, family: string): void {
  app.post(`${family}/logs`, async (c) => {
    const body = parseWire(logsBody, await readBody(c));
    return c.json(await readLogs(c.get("ports"), callerOf(c).owner, body));
  });
  app.get(`${family}/jobs/:id/logs`, async (c) => {
    const query = {
      task: queryInt(c, ["task"], 0, MOST),
      claim: queryInt(c, ["claim"], 1, MOST),
      limit: queryInt(c, ["limit", "pagination.limit"], 1, 1_000) ?? 100,
      cursor: queryText(c, "cursor"),
    };
    return c.json(await listLogParts(c.get("ports"), editOf(c), query));
  });
}
