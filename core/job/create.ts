import { mergeConfig } from "../contracts/api/config.ts";
import { ApiError, conflict } from "../contracts/api/errors.ts";
import { type CreateBody, type ParamsInput, UNDEFINED_PRIORITY } from "../contracts/api/requests.ts";
import { readDestination, readSource } from "../contracts/api/source.ts";
import type { TemplateInfo } from "../contracts/blocks.ts";
import type { JobItem, Params, SpecItem } from "../contracts/job-items.ts";
import { byOwnerKeys, byStateKeys, jobKey, ownerKey, specKey } from "../keys/item-keys.ts";
import { RefusedError, type Write } from "../ports/index.ts";
import { checkParams, checkPlace, checkRegions, findBlocks, type Kind } from "./check.ts";
import type { JobContext } from "./context.ts";
import { type FoundJob, findJob } from "./find.ts";
import { asItem, loadToken, tokenWrite } from "./items.ts";
import { templateConfig } from "./template-wire.ts";
import { eventRow } from "./transition.ts";

export interface CreateRequest {
  readonly owner: string;
  readonly body: CreateBody;
  /** The Idempotency-Key header, and the hash of what came with it. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
}

/**
 * Makes a NEW job from a template: one transaction of job, specification, timeline row, the owner's counter and, with an
 * Idempotency-Key, its token. The same key and body again give the same job, also when both arrive at once.
 * @throws ApiError 400, 404 TEMPLATE_NOT_FOUND, 409 IDEMPOTENCY_KEY_…, 422
 */
export async function createJob(ctx: JobContext, request: CreateRequest): Promise<FoundJob> {
  const earlier = await jobOfToken(ctx, request);
  if (earlier) return earlier;
  const made = makeJob(ctx, request);
  try {
    await ctx.table.transact(createWrites(ctx, request, made));
    return made;
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    const winner = await jobOfToken(ctx, request);
    if (winner) return winner;
    throw new ApiError(
      "unavailable",
      "CREATE_BUSY",
      "Other requests were in the way; send the same request again.",
      [],
      error,
    );
  }
}

async function jobOfToken(ctx: JobContext, { owner, idempotency }: CreateRequest): Promise<FoundJob | undefined> {
  if (!idempotency) return undefined;
  const token = await loadToken(ctx.table, owner, idempotency.key);
  // DynamoDB removes what has expired within days, not at once.
  if (!token || token.expires * 1_000 <= ctx.clock.now()) return undefined;
  if (token.deleted) {
    throw conflict(
      "IDEMPOTENCY_KEY_DELETED",
      `The job that this Idempotency-Key made (${token.jobId}) was deleted; use a new key for a new job.`,
    );
  }
  if (token.fingerprint !== idempotency.fingerprint) {
    throw conflict(
      "IDEMPOTENCY_KEY_REUSED",
      `This Idempotency-Key came before with another body (job ${token.jobId}); use a new key for a new job.`,
    );
  }
  return findJob(ctx.table, owner, token.jobId);
}

function makeJob(ctx: JobContext, { owner, body, idempotency }: CreateRequest): FoundJob {
  const template = ctx.catalog.findTemplate(body.templateId);
  if (!template) {
    throw new ApiError(
      "notFound",
      "TEMPLATE_NOT_FOUND",
      `There is no template ${body.templateId}; GET /v1/customer/jobs/templates lists them.`,
      [{ path: "templateId", problem: "is not known" }],
    );
  }
  const id = ctx.ids.ulid();
  const now = ctx.clock.now();
  const spec: SpecItem = {
    ...specKey(id),
    sk: "SPEC",
    owner,
    templateId: template.id,
    name: body.name ?? defaultName(template.id),
    description: body.description ?? "",
    tags: body.tags ?? {},
    priority: body.priority ?? UNDEFINED_PRIORITY,
    ...(body.startAt === undefined ? {} : { startAt: body.startAt }),
    regions: body.regions ? { whitelist: body.regions.whitelist ?? [], blacklist: body.regions.blacklist ?? [] } : null,
    dataSource: readSource(body.dataSource),
    dataDestination: readDestination(body.dataDestination) ?? { kind: "bucket", descriptor: "bucket" },
    params: mergeParams(template, body.params),
    config: mergeConfig(templateConfig(template), body.config),
    blocks: { app: template.app, partitioner: template.partitioner, assembler: template.assembler },
    ...(idempotency ? { idempotencyKey: idempotency.key } : {}),
    edits: 0,
  };
  checkSpec(ctx, owner, spec, givenParts(body.params));
  const job: JobItem = {
    ...jobKey(id),
    sk: "JOB",
    id,
    owner,
    state: "NEW",
    run: 0,
    round: 0,
    wish: 0,
    createdAt: now,
    stamps: { NEW: now },
    generation: 0,
    claim: 0,
    ...byOwnerKeys(owner, id),
    ...byStateKeys(owner, "NEW", id),
  };
  return { job, spec };
}

/** A name needs four characters; a template's id may be shorter. */
const defaultName = (templateId: string): string => (templateId.length >= 4 ? templateId : `${templateId} job`);

/** What the caller leaves out comes from the template, field by field of each part. */
export function mergeParams(template: TemplateInfo, given: ParamsInput | undefined): Params {
  return {
    partitioner: { ...template.params.partitioner, ...given?.partitioner },
    app: { ...template.params.app, ...given?.app },
    assembler: { ...template.params.assembler, ...given?.assembler },
  };
}

/** The parts of params to check now: what wasn't given may still come, until `run` checks all. */
export function givenParts(given: ParamsInput | undefined): readonly Kind[] {
  return (["partitioner", "app", "assembler"] as const).filter((kind) => given?.[kind] !== undefined);
}

/** What can be told without looking at any data; at create and at every edit. @throws ApiError 422 */
export function checkSpec(ctx: JobContext, owner: string, spec: SpecItem, parts: readonly Kind[]): void {
  checkParams(findBlocks(ctx.catalog, spec.blocks), spec, parts);
  checkRegions(spec.regions, ctx.settings.region);
  checkPlace(ctx.settings, owner, spec.dataSource, "dataSource");
  checkPlace(ctx.settings, owner, spec.dataDestination, "dataDestination");
}

function createWrites(ctx: JobContext, { owner, idempotency }: CreateRequest, { job, spec }: FoundJob): Write[] {
  const now = job.createdAt;
  return [
    { put: asItem(job), if: { missing: "pk" } },
    { put: asItem(spec), if: { missing: "pk" } },
    eventRow(ctx, { jobId: job.id, owner, at: now, who: owner, what: "CREATED", run: 0, to: "NEW" }),
    { update: ownerKey(owner), changes: { add: { jobs: 1 } } },
    ...(idempotency ? [tokenWrite(owner, idempotency, job.id, now)] : []),
  ];
}
