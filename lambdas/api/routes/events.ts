import type { Hono } from "hono";
import { invalid } from "../../../core/contracts/api/errors.ts";
import { ownerEvents } from "../../../core/events/owner-events.ts";
import { MAX_WAIT_SECONDS } from "../../../core/job/wait.ts";
import { callerOf, type Env, queryInt, queryText } from "../context.ts";

/**
 * The events of all the caller's jobs, a line of JSON each. A gateway and a Lambda can't hold a stream open for hours: each
 * call answers what is new, at the latest after `timeout`, and `x-next-cursor` goes on from there.
 */
export function eventRoutes(app: Hono<Env>, families: readonly string[]): void {
  for (const family of families) {
    app.get(`${family}/events`, async (c) => {
      const since = queryText(c, "since");
      const at = since === undefined ? undefined : Date.parse(since);
      if (at !== undefined && !(at >= 0)) throw invalid("since", "must be a time, as 2026-01-02T03:04:05Z");
      const { lines, cursor } = await ownerEvents(c.get("ports"), {
        owner: callerOf(c).owner,
        cursor: queryText(c, "cursor"),
        since: at,
        limit: queryInt(c, ["limit"], 1, 100) ?? 100,
        seconds: queryInt(c, ["timeout"], 0, MAX_WAIT_SECONDS) ?? 20,
      });
      return new Response(lines.map((line) => `${JSON.stringify(line)}\n`).join(""), {
        headers: { "content-type": "application/json; charset=UTF-8", "x-next-cursor": cursor },
      });
    });
  }
}
