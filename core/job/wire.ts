/** The job record on the wire (api.md, **job**), from the job item, what the user gave, and the gates. */
import { configOut } from "../contracts/api/config.ts";
import type { JobAnswer, JobRecord, TemplateRecord } from "../contracts/api/records.ts";
import { sourceOut } from "../contracts/api/source.ts";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import type { GateSum } from "../gates/gates.ts";
import { uploadPrefix } from "../keys/object-keys.ts";
import type { ViewName } from "../states/views.ts";
import type { JobContext } from "./context.ts";
import { costOf, expectedCostOf } from "./cost.ts";
import type { FoundJob } from "./find.ts";
import { byteniteState, gateSums, progressOut, stateOut, viewOut } from "./progress.ts";
import { templateOut } from "./template-wire.ts";

/** How the caller wants the record. */
export interface Shape {
  readonly view?: ViewName | undefined;
  /** States in ByteNite's words. */
  readonly bytenite: boolean;
}

/** Links live an hour at most; the session that signs one may end before. */
export const LINK_SECONDS = 3_600;

const time = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());

/** One job with its template, its live counts and, while an upload is awaited, a fresh place to PUT to. */
export async function answerJob(ctx: JobContext, found: FoundJob, shape: Shape): Promise<JobAnswer> {
  const [sums, tempUrl] = await Promise.all([gateSums(ctx.table, [found.job]), uploadLink(ctx, found)]);
  const sum = sums.get(found.job.id);
  if (!sum) throw new Error("gateSums answers for every job it was given");
  const templateInfo = templateOf(ctx, found.spec);
  return {
    job: jobOut(ctx, found, sum, { bytenite: shape.bytenite, tempUrl }),
    templateInfo,
    ...(shape.view ? { view: viewOut(shape.view, found.job, sum) } : {}),
  };
}

async function uploadLink(ctx: JobContext, { job, spec }: FoundJob): Promise<string | null> {
  const source = spec.dataSource;
  const awaited = job.state === "NEW" || job.waitingFor === "UPLOAD";
  if (source?.kind !== "file" || source.uploaded || source.folder || !awaited) return null;
  const key = uploadPrefix({ owner: job.owner, jobId: job.id }) + source.name;
  return ctx.objects.presignPut({ bucket: ctx.settings.bucket, key }, { expiresIn: LINK_SECONDS });
}

function templateOf(ctx: Pick<JobContext, "catalog">, spec: SpecItem): TemplateRecord | null {
  const template = ctx.catalog.findTemplate(spec.templateId);
  return template ? templateOut(template) : null;
}

export function jobOut(
  ctx: Pick<JobContext, "catalog" | "clock">,
  { job, spec }: FoundJob,
  sum: GateSum,
  options: { readonly bytenite: boolean; readonly tempUrl?: string | null },
): JobRecord {
  const ended = time(job.endedAt);
  return {
    id: job.id,
    templateId: spec.templateId,
    name: spec.name,
    description: spec.description,
    config: configOut(spec.config),
    priority: spec.priority,
    startAt: spec.startAt ?? null,
    submittedAt: time(job.submittedAt),
    startedAt: time(sum.startedAt),
    endedAt: ended,
    completedAt: ended,
    deadline: null,
    regions: spec.regions,
    state: stateOut(options.bytenite ? byteniteState(job) : job.state),
    dataSource: sourceOut(spec.dataSource, options.tempUrl ?? null),
    params: spec.params,
    dataDestination: sourceOut(spec.dataDestination),
    duration: duration(job, ctx.clock.now()),
    deletedAt: time(job.deletedAt),
    createdAt: new Date(job.createdAt).toISOString(),
    paymentAmount: 0,
    numUnitsEstimation: null,
    numChunks: job.tasks ?? null,
    errorMessage: errorMessage(job),
    stateTimestamps: Object.fromEntries(
      Object.entries(job.stamps).map(([state, at]) => [`JOB_STATE_${state}`, new Date(at).toISOString()]),
    ),
    appId: spec.blocks.app,
    templateInfo: templateOf(ctx, spec),
    owner: job.owner,
    run: job.run,
    tags: spec.tags,
    versions: spec.versions ?? null,
    maxAttempts: spec.config.maxTaskRetries + 1,
    outcome: stateOut(job.state),
    incomplete: incomplete(job),
    waitingFor: job.state === "STARTED" ? (job.waitingFor ?? null) : null,
    failure: job.failure && job.state === "FAILED" ? { ...job.failure, details: job.failure.details ?? null } : null,
    progress: progressOut(job, sum),
    stats: {
      downloadBytes: sum.stats.downloadBytes,
      uploadBytes: sum.stats.uploadBytes,
      downloadMs: sum.stats.downloadMs,
      processMs: sum.stats.processMs,
      uploadMs: sum.stats.uploadMs,
      restarts: Math.max(0, job.run - 1),
    },
    cost: costOf(ctx.catalog, job, spec, sum),
    estimatedCost: expectedCostOf(ctx.catalog, job, spec, sum),
  };
}

/** Seconds from submitted to ended, or until now, without pauses. */
function duration(job: JobItem, now: number): number | null {
  if (job.submittedAt === undefined) return null;
  const pausing = job.state === "PAUSED" ? now - (job.stamps.PAUSED ?? now) : 0;
  const ms = (job.endedAt ?? now) - job.submittedAt - (job.pausedMs ?? 0) - pausing;
  return Math.max(0, Math.round(ms / 100) / 10);
}

function errorMessage(job: JobItem): string | null {
  if (job.state === "FAILED" && job.failure) return `${job.failure.step}: ${job.failure.message}`;
  if (job.state === "CANCELED") {
    const { objects, of } = job.published ?? { objects: 0, of: 0 };
    const left =
      objects === 0 ? "" : ` ${objects} of its ${of} objects were at the destination before, and stay there.`;
    return `The job was canceled.${left}`;
  }
  return job.state === "UNRUNNABLE"
    ? (job.failure?.message ?? "A job that this one depends on did not complete.")
    : null;
}

function incomplete(job: JobItem): { tasks: number; items: number } | null {
  const tasks = job.incompleteTasks ?? 0;
  const items = job.incompleteItems ?? 0;
  return job.state === "COMPLETE" && tasks + items > 0 ? { tasks, items } : null;
}
