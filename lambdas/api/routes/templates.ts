import type { Hono } from "hono";
import { ApiError } from "../../../core/contracts/api/errors.ts";
import { templateOut } from "../../../core/job/template-wire.ts";
import { type Call, type Env, queryInt } from "../context.ts";

/** Templates to read: the built-in ones. */
export function templateRoutes(app: Hono<Env>, families: readonly string[]): void {
  for (const path of [
    "/v1/dev/templates",
    ...families.flatMap((family) => [`${family}/jobs/templates`, `${family}/templates`]),
  ]) {
    app.get(path, listTemplates);
    app.get(`${path}/:templateId`, getTemplate);
  }
}

function listTemplates(c: Call): Response {
  const limit = queryInt(c, ["limit", "pagination.limit"], 1, 1_000) ?? 100;
  const offset = queryInt(c, ["offset", "pagination.offset"], 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const { templates } = c.get("ports").catalog;
  const hasNext = offset + limit < templates.length;
  return c.json({
    data: templates.slice(offset, offset + limit).map(templateOut),
    pagination: { total: templates.length, offset, hasPrevious: offset > 0, hasNext, cursor: null },
  });
}

function getTemplate(c: Call): Response {
  const id = c.req.param("templateId") ?? "";
  const template = c.get("ports").catalog.findTemplate(id);
  if (!template)
    throw new ApiError(
      "notFound",
      "TEMPLATE_NOT_FOUND",
      `There is no template ${id.slice(0, 200)}; GET /v1/dev/templates lists them.`,
    );
  return c.json(templateOut(template));
}
