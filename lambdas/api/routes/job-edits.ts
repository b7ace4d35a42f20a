import type { Hono } from "hono";
import { parseWire } from "../../../core/contracts/api/input.ts";
import { configBody, dataSourceBody, nameBody, paramsBody, tagsBody } from "../../../core/contracts/api/requests.ts";
import { editConfig, editDataSource, editName, editParams, editTags } from "../../../core/job/edit.ts";
import type { FoundJob } from "../../../core/job/find.ts";
import { answerJob } from "../../../core/job/wire.ts";
import { type Call, type Env, editOf, readBody, shapeOf } from "../context.ts";

type Handler = (c: Call) => Promise<Response>;

const answering =
  (edit: (c: Call, body: unknown) => Promise<FoundJob>): Handler =>
  async (c) => {
    const found = await edit(c, await readBody(c));
    return c.json(await answerJob(c.get("ports"), found, shapeOf(c)));
  };

/** Edits of a NEW job, and of any job's tags. Both spellings: `/jobs/{id}/params` and 2023's `/jobs/params/{id}`. */
export function editRoutes(app: Hono<Env>, base: string): void {
  const edits = {
    datasource: answering((c, body) => editDataSource(c.get("ports"), editOf(c), parseWire(dataSourceBody, body))),
    params: answering((c, body) => editParams(c.get("ports"), editOf(c), parseWire(paramsBody, body, "params"))),
    configs: answering((c, body) => editConfig(c.get("ports"), editOf(c), parseWire(configBody, body, "config"))),
    jobname: answering((c, body) => editName(c.get("ports"), editOf(c), parseWire(nameBody, body).name)),
  };
  for (const [name, handler] of Object.entries(edits)) {
    app.on(["PATCH", "POST"], [`${base}/:id/${name}`, `${base}/${name}/:id`], handler);
  }
  app.patch(
    `${base}/:id/tags`,
    answering((c, body) => editTags(c.get("ports"), editOf(c), parseWire(tagsBody, body).tags)),
  );
}
