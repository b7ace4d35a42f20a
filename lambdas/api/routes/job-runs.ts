import type { Hono } from "hono";
import { notAvailableYet } from "../../../core/contracts/api/errors.ts";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { configBody, uploadsBody } from "../../../core/contracts/api/requests.ts";
import { deleteJob } from "../../../core/job/delete.ts";
import { findJob } from "../../../core/job/find.ts";
import { runJob } from "../../../core/job/start.ts";
import { completeUploads, makeUploads } from "../../../core/job/uploads.ts";
import { answerOk, type Call, type Env, editOf, readBody } from "../context.ts";

/** What moves a job: uploads, run, and its end. */
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
  app.on("POST", [`${base}/:id/abort`, `${base}/abort/:id`], abort);
}

/** A NEW job has nothing to stop: it is deleted. */
async function abort(c: Call): Promise<Response> {
  const edit = editOf(c);
  const { job } = await findJob(c.get("ports").table, edit.owner, edit.id);
  if (job.state !== "NEW")
    throw notAvailableYet(`Abort of a job that is ${job.state}`, "A NEW job can be aborted, an ended one deleted.");
  await deleteJob(c.get("ports"), edit);
  return answerOk(c);
}
