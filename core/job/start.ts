/** `run`: everything is checked again, versions are pinned, one transaction NEW → STARTED, then the execution is started. */
import { type ConfigInput, mergeConfig } from "../contracts/api/config.ts";
import { conflict, unrunnable } from "../contracts/api/errors.ts";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import { checkDestination } from "../delivery/check-destination.ts";
import { toErrorData } from "../errors.ts";
import { executionName } from "../keys/execution-name.ts";
import { specKey } from "../keys/item-keys.ts";
import { methodOf, needsSource } from "../partition/method.ts";
import { checkSource } from "../partition/source.ts";
import { RefusedError, type Value } from "../ports/index.ts";
import { isActive } from "../states/job-states.ts";
import { BUILT_IN_REVISION } from "./catalog.ts";
import { checkParams, checkPlace, checkRegions, findBlocks, paramsOf } from "./check.ts";
import type { JobContext } from "./context.ts";
import type { Edit } from "./edit.ts";
import { type FoundJob, findJob } from "./find.ts";
import { asValue } from "./items.ts";
import { transition } from "./transition.ts";
import { isUploaded } from "./uploads.ts";

/** A Step Functions execution lives a year at most; the job itself needs some of it. */
const MAX_WAIT_MS = 300 * 86_400_000;
const TRIES = 5;

/**
 * Takes a NEW job into its first run. Called again, it answers as the first time, and makes sure that the execution exists.
 * @param over what wins over the job's config
 * @throws ApiError 404, 409 JOB_ENDED, 422 with the field that can't run; JobJobError OBJECT_MISSING, BUCKET_MISSING,
 * ACCESS_DENIED, DESTINATION_TAKEN, DESTINATION_NOT_WRITABLE
 */
export async function runJob(ctx: JobContext, edit: Edit, over: ConfigInput): Promise<FoundJob> {
  for (let attempt = 1; ; attempt++) {
    const found = await findJob(ctx.table, edit.owner, edit.id);
    if (found.job.state !== "NEW") return startAgain(ctx, found);
    const ready = await makeReady(ctx, found, over);
    try {
      const started = await takeRun(ctx, found, ready);
      await startExecution(ctx, started.job);
      return started;
    } catch (error) {
      // An edit or another run call was faster: look again.
      if (!(error instanceof RefusedError) || attempt === TRIES) throw error;
    }
  }
}

/** The same call again. A job that has ended needs a requeue, and saying "ok" would hide that nothing happens. */
async function startAgain(ctx: JobContext, found: FoundJob): Promise<FoundJob> {
  const { job } = found;
  if (!isActive(job.state) && job.state !== "COMPLETE") {
    throw conflict(
      "JOB_ENDED",
      `The job ${job.id} has run and is ${job.state}; requeue it (POST …/requeue) to run what is left or all of it again.`,
    );
  }
  await startExecution(ctx, job);
  return found;
}

/** What `run` pins, checked. */
interface Ready {
  readonly spec: SpecItem;
  readonly awaitsUpload: boolean;
}

async function makeReady(ctx: JobContext, { job, spec: given }: FoundJob, over: ConfigInput): Promise<Ready> {
  const spec: SpecItem = { ...given, config: mergeConfig(given.config, over) };
  const blocks = findBlocks(ctx.catalog, spec.blocks);
  checkParams(blocks, spec);
  const method = methodOf(spec);
  const input = blocks.partitioner.inputFormat(paramsOf(spec, "partitioner"));
  const resultFormat = ctx.catalog.resultFormat(blocks.app, blocks.assembler, input);
  checkRegions(spec.regions, ctx.settings.region);
  checkStart(ctx, spec);
  checkPlace(ctx.settings, job.owner, spec.dataSource, "dataSource");
  checkPlace(ctx.settings, job.owner, spec.dataDestination, "dataDestination");
  if (needsSource(method) === "required" && (spec.dataSource === null || spec.dataSource.kind === "bypass")) {
    throw unrunnable(
      "dataSource",
      `the partitioner ${spec.blocks.partitioner} cuts a source; set one (s3 or file)`,
      "SOURCE_MISSING",
    );
  }
  const awaitsUpload = spec.dataSource?.kind === "file" && !(await isUploaded(ctx, job, spec.dataSource));
  if (!awaitsUpload && needsSource(method) !== "none") {
    await checkSource(ctx, { owner: job.owner, jobId: job.id }, spec.dataSource);
  }
  await checkDestination(ctx, spec, blocks.assembler);
  const pin = ({ name, version }: { name: string; version: string }) => ({
    name,
    version,
    revision: BUILT_IN_REVISION,
  });
  return {
    awaitsUpload,
    spec: {
      ...spec,
      input,
      resultFormat,
      taskSeconds: blocks.app.taskSeconds,
      versions: { app: pin(blocks.app), partitioner: pin(blocks.partitioner), assembler: pin(blocks.assembler) },
    },
  };
}

function checkStart(ctx: JobContext, spec: SpecItem): void {
  const startAt = spec.startAt === undefined ? 0 : Date.parse(spec.startAt);
  if (startAt - ctx.clock.now() > MAX_WAIT_MS) {
    throw unrunnable("startAt", "lies more than 300 days ahead; a job can't wait that long", "START_TOO_LATE");
  }
}

/** jobTimeout counts from when the job may begin. */
function timesOf(spec: SpecItem, now: number): { readonly begins: number; readonly timeoutAt: number } {
  const startAt = spec.startAt === undefined ? now : Date.parse(spec.startAt);
  const begins = Math.max(startAt, now + spec.config.gracePeriod * 1_000);
  return { begins, timeoutAt: begins + spec.config.jobTimeout * 1_000 };
}

async function takeRun(
  ctx: JobContext,
  { job, spec: read }: FoundJob,
  { spec, awaitsUpload }: Ready,
): Promise<FoundJob> {
  const now = ctx.clock.now();
  const { begins, timeoutAt } = timesOf(spec, now);
  const waitingFor = awaitsUpload ? "UPLOAD" : begins > now ? "START_AT" : undefined;
  const run = job.run + 1;
  const pinned: Record<string, Value> = {};
  for (const field of ["config", "versions", "input", "resultFormat", "taskSeconds"] as const)
    pinned[field] = asValue(spec[field]);
  await transition(ctx, {
    jobId: job.id,
    owner: job.owner,
    from: "NEW",
    to: "STARTED",
    run: job.run,
    nextRun: run,
    who: job.owner,
    changes: { set: { submittedAt: now, timeoutAt, startedBy: "run", ...(waitingFor ? { waitingFor } : {}) } },
    also: [
      {
        update: specKey(job.id),
        changes: { set: { ...pinned, edits: (read.edits ?? 0) + 1 } },
        if: { eq: ["edits", read.edits ?? 0] },
      },
    ],
  });
  const stamps = { ...job.stamps, STARTED: now };
  return {
    spec,
    job: { ...job, state: "STARTED", run, submittedAt: now, timeoutAt, stamps, ...(waitingFor ? { waitingFor } : {}) },
  };
}

/** The run has been accepted, and nothing of it is seen yet: its execution may not have been started. */
export function awaitsExecution(job: JobItem): boolean {
  if (job.state === "STARTED") return job.waitingFor !== "UPLOAD";
  return job.state === "REQUEUEING" || (job.state === "PARTITIONED" && job.startedBy === "resume" && job.round === 0);
}

/**
 * Starts the run's execution; one that exists is fine. A job that waits for its upload has none yet. When Step Functions
 * can't be reached the job is accepted all the same: the sweeper starts what stands still for 30 s.
 */
export async function startExecution(ctx: Pick<JobContext, "workflow" | "log">, job: JobItem): Promise<void> {
  if (!awaitsExecution(job)) return;
  try {
    await ctx.workflow.start(executionName(job.id, job.run), { jobId: job.id, run: job.run });
  } catch (error) {
    ctx.log.warn("START_LOST", { jobId: job.id, run: job.run, error: toErrorData(error) });
  }
}
