import type { Hono } from "hono";
import { createOwner, listOwners } from "../../../core/auth/owners.ts";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { ownerBody } from "../../../core/contracts/api/requests.ts";
import { callerOf, type Env, readBody } from "../context.ts";

/** Only for the owner admin. */
export function adminRoutes(app: Hono<Env>): void {
  app.post("/v1/admin/owners", async (c) => {
    const { name } = parseWire(ownerBody, await readBody(c));
    return c.json(await createOwner(c.get("ports").auth, callerOf(c).owner, name));
  });
  app.get("/v1/admin/owners", async (c) =>
    c.json({ owners: await listOwners(c.get("ports").auth, callerOf(c).owner) }),
  );
}
