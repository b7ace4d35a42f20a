import type { Hono } from "hono";
import { notAvailableYet } from "../../../core/contracts/api/errors.ts";
import type { Env } from "../context.ts";

type Method = "GET" | "POST" | "PATCH" | "PUT" | "DELETE";

/** Documented calls of later rounds, so that a client learns that they are coming and not that it mistyped. */
export function laterRoutes(app: Hono<Env>, families: readonly string[]): void {
  const jobs: [Method, string, string][] = [["POST", "/datasource/test", "The test of a data source"]];
  for (const family of families) {
    for (const [method, path, what] of jobs) later(app, method, family + path, what);
    later(app, "GET", `${family}/wallet/*`, "The wallet");
  }
  for (const method of ["GET", "POST", "PATCH", "PUT", "DELETE"] as const) {
    later(app, method, "/v1/auth/secrets/*", "Secrets");
    later(app, method, "/v1/dev/apps/*", "Apps of your own");
    later(app, method, "/v1/dev/engines/*", "Engines of your own");
    later(app, method, "/v1/wallet/*", "The wallet");
    if (method !== "GET") later(app, method, "/v1/dev/templates/*", "Templates of your own");
  }
}

/** Hono's `/*` matches the path without it, too. */
function later(app: Hono<Env>, method: Method, path: string, what: string): void {
  app.on(method, path, () => {
    throw notAvailableYet(what);
  });
}
