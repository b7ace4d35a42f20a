import type { Hono } from "hono";
import { signIn } from "../../../core/auth/sign-in.ts";
import { notAvailableYet } from "../../../core/contracts/api/errors.ts";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { accessTokenBody } from "../../../core/contracts/api/requests.ts";
import { type Env, readBody } from "../context.ts";

/** What needs no token. The gateway lets just these pass without one (cdk/api.ts). */
export function openRoutes(app: Hono<Env>): void {
  for (const path of ["/v1/auth/info", "/v1/customer/info", "/v1/computing/info", "/v1/dev/info"]) {
    app.get(path, (c) => c.json({ name: "jobjob", version: c.get("ports").version }));
  }
  app.get("/v1/health", (c) => c.json({ status: "ok", name: "jobjob", version: c.get("ports").version }));
  app.get("/v1/openapi.json", () => {
    throw notAvailableYet("The API's description");
  });
  app.post("/v1/auth/access_token", async (c) => {
    const { apiKey } = parseWire(accessTokenBody, await readBody(c));
    const { token, expiresIn } = await signIn(c.get("ports").auth, apiKey);
    return c.json({ token, expiresIn: String(expiresIn), scope: "" });
  });
}
