import type { Hono } from "hono";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { configBody, uploadsBody } from "../../../core/contracts/api/requests.ts";
import { runJob } from "../../../core/job/start.ts";
import { completeUploads, makeUploads } from "../../../core/job/uploads.ts";
import { answerOk, type Env, editOf, readBody } from "../context.ts";

/** What gets a job going: uploads and run. */
export function runRoutes(app: Hono<Env>, base: string): void {
  app.on("POST", [`${base}/:id/run`, `${base}/run/:id`], async (c) => {
    const config = parseWire(configBody, await readBody(c), "config");
    await runJob(c.get("ports"), editOf(c), config);
    return answerOk(c);
  });
  app.post(`${base}/:id/uploads`, async (c) => {
    const body = parseWire(uploadsBody, await readBody(c));
    return c.json(await makeUploads(c.get("ports"), editOf(c), body));
  });
  app.on(["PATCH", "POST"], [`${base}/:id/uploadcompleted`, `${base}/uploadcompleted/:id`], async (c) => {
    await completeUploads(c.get("ports"), editOf(c));
    return answerOk(c);
  });
}
