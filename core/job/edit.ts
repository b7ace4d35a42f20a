/** Edits of a NEW job's specification, and of any job's tags. */
import { type ConfigInput, mergeConfig } from "../contracts/api/config.ts";
import { ApiError, conflict } from "../contracts/api/errors.ts";
import type { DataSourceBody, ParamsInput } from "../contracts/api/requests.ts";
import { readDestination, readSource } from "../contracts/api/source.ts";
import type { SpecItem } from "../contracts/job-items.ts";
import { jobKey, specKey } from "../keys/item-keys.ts";
import { RefusedError } from "../ports/index.ts";
import type { Kind } from "./check.ts";
import type { JobContext } from "./context.ts";
import { checkSpec, givenParts, mergeParams } from "./create.ts";
import { type FoundJob, findJob } from "./find.ts";
import { asItem, asValue } from "./items.ts";

export interface Edit {
  readonly owner: string;
  readonly id: string;
}

/** What is left out stays as it is. */
export const editDataSource = (ctx: JobContext, edit: Edit, body: DataSourceBody): Promise<FoundJob> =>
  editSpec(ctx, edit, (spec) => ({
    ...spec,
    dataSource: readSource(body.dataSource) ?? spec.dataSource,
    dataDestination: readDestination(body.dataDestination) ?? spec.dataDestination,
  }));

/** The params object as a whole; what is left out comes from the template again. */
export const editParams = (ctx: JobContext, edit: Edit, params: ParamsInput): Promise<FoundJob> =>
  editSpec(
    ctx,
    edit,
    (spec) => {
      const template = ctx.catalog.findTemplate(spec.templateId);
      if (!template) throw new ApiError("notFound", "TEMPLATE_NOT_FOUND", `The template ${spec.templateId} is gone.`);
      return { ...spec, params: mergeParams(template, params) };
    },
    givenParts(params),
  );

/** Only the fields that are given change. */
export const editConfig = (ctx: JobContext, edit: Edit, config: ConfigInput): Promise<FoundJob> =>
  editSpec(ctx, edit, (spec) => ({ ...spec, config: mergeConfig(spec.config, config) }));

export const editName = (ctx: JobContext, edit: Edit, name: string): Promise<FoundJob> =>
  editSpec(ctx, edit, (spec) => ({ ...spec, name }));

export function notEditable(id: string, state: string): ApiError {
  return conflict(
    "JOB_NOT_EDITABLE",
    `The job ${id} is ${state}; only a NEW job can be edited. Create another one with the changed values.`,
  );
}

/** Edits that meet each other are put one after the other. */
const TRIES = 5;

/**
 * One transaction: the job is NEW still, and nobody has edited what was read.
 * @throws ApiError 404, 409 JOB_NOT_EDITABLE, 422
 */
export async function editSpec(
  ctx: JobContext,
  { owner, id }: Edit,
  change: (spec: SpecItem) => SpecItem,
  parts: readonly Kind[] = [],
): Promise<FoundJob> {
  for (let attempt = 1; ; attempt++) {
    const { job, spec } = await findJob(ctx.table, owner, id);
    if (job.state !== "NEW") throw notEditable(id, job.state);
    const edits = spec.edits ?? 0;
    const changed: SpecItem = { ...change(spec), edits: edits + 1 };
    checkSpec(ctx, owner, changed, parts);
    try {
      await ctx.table.transact([
        { check: jobKey(id), if: { all: [{ eq: ["state", "NEW"] }, { missing: "deletedAt" }] } },
        { put: asItem(changed), if: { eq: ["edits", edits] } },
      ]);
      return { job, spec: changed };
    } catch (error) {
      if (!(error instanceof RefusedError) || attempt === TRIES) throw error;
    }
  }
}

/** At any time; the new tags replace the old ones. */
export async function editTags(
  ctx: JobContext,
  { owner, id }: Edit,
  tags: Readonly<Record<string, string>>,
): Promise<FoundJob> {
  const { job, spec } = await findJob(ctx.table, owner, id);
  await ctx.table.write({
    update: specKey(id),
    changes: { set: { tags: asValue(tags) }, add: { edits: 1 } },
    if: { exists: "pk" },
  });
  return { job, spec: { ...spec, tags } };
}
