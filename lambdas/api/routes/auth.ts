import type { Hono } from "hono";
import { issueKey, listKeys, revokeKey } from "../../../core/auth/keys.ts";
import { editUser, getUser } from "../../../core/auth/owners.ts";
import { signOut } from "../../../core/auth/sign-in.ts";
import { invalid } from "../../../core/contracts/api/errors.ts";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { apiKeyBody, userBody } from "../../../core/contracts/api/requests.ts";
import { answerOk, callerOf, type Env, readBody } from "../context.ts";

export function authRoutes(app: Hono<Env>): void {
  app.post("/v1/auth/signout", async (c) => {
    await signOut(c.get("ports").auth, callerOf(c));
    return answerOk(c);
  });
  app.get("/v1/auth/user", async (c) => c.json({ user: await getUser(c.get("ports").table, callerOf(c).owner) }));
  app.patch("/v1/auth/user", async (c) => {
    const changes = parseWire(userBody, await readBody(c));
    return c.json({ user: await editUser(c.get("ports").table, callerOf(c).owner, changes) });
  });

  app.get("/v1/auth/api_keys", async (c) =>
    c.json({ apiKeys: await listKeys(c.get("ports").auth, callerOf(c).owner) }),
  );
  app.post("/v1/auth/api_keys", async (c) => {
    const { name, expiresAt } = parseWire(apiKeyBody, await readBody(c));
    const { auth, clock } = c.get("ports");
    const ends = expiresAt === undefined ? undefined : Date.parse(expiresAt);
    if (ends !== undefined && ends <= clock.now()) throw invalid("expiresAt", "lies in the past");
    const { owner } = callerOf(c);
    return c.json({
      apiKey: await issueKey(auth, { owner, name, ...(ends === undefined ? {} : { expiresAt: ends }) }),
    });
  });
  app.post("/v1/auth/api_keys/:keyId/revoke", async (c) => {
    await revokeKey(c.get("ports").auth, callerOf(c).owner, c.req.param("keyId"));
    return answerOk(c);
  });
}
