import { Hono } from "hono/tiny";
import { ApiError } from "../../core/contracts/api/errors.ts";
import { toErrorData } from "../../core/errors.ts";
import { answerOf } from "./answer-error.ts";
import { type ApiPorts, type Call, callerOf, type Env } from "./context.ts";
import { adminRoutes } from "./routes/admin.ts";
import { authRoutes } from "./routes/auth.ts";
import { eventRoutes } from "./routes/events.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { laterRoutes } from "./routes/later.ts";
import { logRoutes } from "./routes/logs.ts";
import { openRoutes } from "./routes/open.ts";
import { templateRoutes } from "./routes/templates.ts";

/** Both families reach the same handlers: 2023 and 2025. */
const FAMILIES = ["/v1/customer", "/v1/computing"] as const;

/**
 * The HTTP API on its ports. In a Lambda the gateway's event becomes the request; a test calls `app.request(path, init, env)`.
 *
 * @example
 * const app = createApi(ports);
 * const response = await app.request("/v1/customer/jobs", { method: "POST", body }, { caller: { owner: "alice", … } });
 */
export function createApi(ports: ApiPorts): Hono<Env> {
  const app = new Hono<Env>();
  app.use("*", async (c, next) => {
    const began = ports.clock.now();
    c.set("ports", ports);
    c.set("requestId", c.env?.requestId ?? ports.ids.ulid());
    await next();
    c.res.headers.set("x-request-id", c.get("requestId"));
    ports.log.info("REQUEST_ENDED", {
      requestId: c.get("requestId"),
      owner: c.env?.caller?.owner ?? null,
      method: c.req.method,
      path: c.req.path.slice(0, 200),
      status: c.res.status,
      reason: c.get("reason") ?? null,
      ms: ports.clock.now() - began,
    });
  });
  app.onError((error, c) => answerError(c, error));
  app.notFound((c) =>
    answerError(
      c,
      new ApiError(
        "notFound",
        "NOT_FOUND",
        `There is no ${c.req.method} ${c.req.path.slice(0, 200)}; see the API's description.`,
      ),
    ),
  );

  openRoutes(app);
  app.use("*", async (c, next) => {
    callerOf(c); // nothing else is looked at for a caller whom nobody knows
    await next();
  });
  authRoutes(app);
  adminRoutes(app);
  templateRoutes(app, FAMILIES);
  for (const family of FAMILIES) {
    jobRoutes(app, `${family}/jobs`);
    logRoutes(app, family);
  }
  eventRoutes(app, FAMILIES);
  laterRoutes(app, FAMILIES);
  return app;
}

function answerError(c: Call, error: unknown): Response {
  const { status, body, fault } = answerOf(error, c.get("requestId"));
  c.set("reason", body.reason);
  if (fault) {
    const { log } = c.get("ports");
    log.error("REQUEST_BROKE", {
      requestId: body.requestId,
      method: c.req.method,
      path: c.req.path.slice(0, 200),
      error: toErrorData(error),
      thrown: error,
    });
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json; charset=UTF-8",
      ...(status === 503 || status === 429 ? { "retry-after": "1" } : {}),
    },
  });
}
