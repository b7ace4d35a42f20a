/** requeue: one transaction from an end to REQUEUEING, with the next run and what it selects; the workflow does the rest. */
import { conflict } from "../contracts/api/errors.ts";
import type { JobItem, Selection } from "../contracts/job-items.ts";
import { checkDestination } from "../delivery/check-destination.ts";
import { endUnnamedGates } from "../gates/range.ts";
import type { Catalog } from "../job/catalog.ts";
import type { Edit } from "../job/edit.ts";
import type { FoundJob } from "../job/find.ts";
import { asValue, loadToken, tokenWrite } from "../job/items.ts";
import { gateSums } from "../job/progress.ts";
import { startExecution } from "../job/start.ts";
import { transition } from "../job/transition.ts";
import { jobPrefix, selectionKey } from "../keys/object-keys.ts";
import { isTerminal, WISHES } from "../states/job-states.ts";
import type { ControlContext } from "../steps/context.ts";
import { checkInput } from "./input-check.ts";
import { insist } from "./insist.ts";
import { MOST_RANGES_TEXT, type Selected, select, type TaskChoice } from "./select.ts";

export interface RequeueContext extends ControlContext {
  /** Tells where the assembler's output goes: the destination is looked at before any work. @default deliver looks alone */
  readonly catalog?: Pick<Catalog, "findAssembler">;
}

export interface RequeueOptions {
  /** Which tasks get fresh attempts; what has not ended runs too. @default see `select` */
  readonly tasks?: TaskChoice | undefined;
  /** Cut the source anew: all tasks run. */
  readonly repartition?: boolean | undefined;
  /** The Idempotency-Key header, and the hash of what came with it. */
  readonly idempotency?: { readonly key: string; readonly fingerprint: string } | undefined;
}

/**
 * Takes a job that has ended into its next run. The same selection again while it is REQUEUEING changes nothing; so does the
 * same Idempotency-Key, whenever it comes.
 * @throws ApiError 400, 404, 409 NOT_REQUEUEABLE naming the state, NOTHING_TO_REQUEUE, REQUEUE_IN_PROGRESS, INPUT_CHANGED,
 * IDEMPOTENCY_KEY_REUSED; JobJobError DESTINATION_TAKEN by anybody else's object, DESTINATION_NOT_WRITABLE
 */
export async function requeueJob(ctx: RequeueContext, ask: Edit, options: RequeueOptions = {}): Promise<void> {
  const started = await insist(ctx, ask, async (found) => {
    if (await isAnswered(ctx, ask, options)) return found.job;
    if (found.job.state === "REQUEUEING") return again(ctx, found.job, options);
    if (!isTerminal(found.job.state) || found.job.state === "UNRUNNABLE") throw notRequeueable(found.job);
    return takeNextRun(ctx, ask, found, options);
  });
  await startExecution(ctx, started);
}

const notRequeueable = ({ id, state }: JobItem): Error =>
  conflict(
    "NOT_REQUEUEABLE",
    state === "PAUSED"
      ? `The job ${id} is PAUSED; resume it, or abort it first.`
      : `The job ${id} is ${state}; only a job that is COMPLETE, FAILED or CANCELED can be requeued.`,
  );

/** The same Idempotency-Key came before: then what it asked for is done or under way. */
async function isAnswered(ctx: ControlContext, ask: Edit, { idempotency }: RequeueOptions): Promise<boolean> {
  if (!idempotency) return false;
  const token = await loadToken(ctx.table, ask.owner, idempotency.key);
  if (!token || token.expires * 1_000 <= ctx.clock.now()) return false;
  if (token.jobId === ask.id && token.fingerprint === idempotency.fingerprint) return true;
  throw conflict(
    "IDEMPOTENCY_KEY_REUSED",
    `This Idempotency-Key came before with another request (job ${token.jobId}); use a new key for a new request.`,
  );
}

async function again(ctx: ControlContext, job: JobItem, options: RequeueOptions): Promise<JobItem> {
  const sums = await gateSums(ctx.table, [job]);
  // A run from the start selects all tasks, whether repartition was asked for or nothing else was left to do.
  const isWhole = options.tasks === undefined || options.tasks === "all" || options.tasks === "unfinished";
  const isAnew = job.stands === "STARTED" ? isWhole : options.repartition === true;
  // As the job stood before the requeue that is under way; its own selection is what this one is compared with.
  const asked = isAnew
    ? { kind: "all" as const }
    : options.tasks === undefined
      ? job.selection
      : typeof options.tasks === "string"
        ? { kind: options.tasks }
        : select(job, sumOf(sums, job), options.tasks).selection;
  const isSame =
    asked?.kind === job.selection?.kind &&
    (asked?.ranges === undefined || asked.ranges === (await rangesOf(ctx, job, job.selection))) &&
    isAnew === (job.stands === "STARTED");
  if (!isSame) {
    throw conflict(
      "REQUEUE_IN_PROGRESS",
      `The job ${job.id} is REQUEUEING already, with another selection (${job.selection?.kind}); wait for its end, then requeue again.`,
    );
  }
  return job;
}

/** The ordinals of a selection of tasks by number. */
async function rangesOf(
  ctx: ControlContext,
  job: JobItem,
  selection: Selection | undefined,
): Promise<string | undefined> {
  if (selection?.key === undefined) return selection?.ranges;
  const key = jobPrefix({ owner: job.owner, jobId: job.id }) + selection.key;
  return new TextDecoder().decode(await ctx.objects.get({ bucket: ctx.settings.bucket, key }));
}

function sumOf(sums: Awaited<ReturnType<typeof gateSums>>, job: JobItem) {
  const sum = sums.get(job.id);
  if (!sum) throw new Error("gateSums answers for every job it was given");
  return sum.counts;
}

/** What a new storage generation begins without. */
const OF_A_GENERATION = [
  "tasks",
  "gates",
  "batches",
  "batchSize",
  "chunks",
  "table",
  "prepared",
  "output",
] as const satisfies readonly (keyof JobItem)[];
/** What belonged to the run that has ended. */
const OF_A_RUN = [
  "failure",
  "lost",
  "purgeAt",
  "purged",
  "published",
  "waitingFor",
  "work",
] as const satisfies readonly (keyof JobItem)[];

async function takeNextRun(
  ctx: RequeueContext,
  ask: Edit,
  { job, spec }: FoundJob,
  options: RequeueOptions,
): Promise<JobItem> {
  const sums = await gateSums(ctx.table, [job]);
  const selected: Selected = options.repartition
    ? { selection: { kind: "all" }, stands: "STARTED" }
    : select(job, sumOf(sums, job), options.tasks);
  const isAnew = selected.stands === "STARTED";
  if (!isAnew && selected.selection.kind !== "none") await checkInput(ctx, job);
  const assembler = ctx.catalog?.findAssembler(spec.blocks.assembler);
  if (assembler) await checkDestination(ctx, spec, assembler, job);
  // Once there is another generation, nobody looks at the gates of this one any more.
  if (isAnew) await endUnnamedGates(ctx.table, job);
  const now = ctx.clock.now();
  const run = job.run + 1;
  const generation = isAnew ? job.generation + 1 : job.generation;
  const selection = await stored(ctx, job, run, selected.selection);
  const timeoutAt = now + spec.config.jobTimeout * 1_000;
  // Gaps between an end and the next run are no running time.
  const pausedMs = (job.pausedMs ?? 0) + Math.max(0, now - (job.endedAt ?? now));
  await transition(ctx, {
    jobId: job.id,
    owner: job.owner,
    from: job.state,
    to: "REQUEUEING",
    run: job.run,
    nextRun: run,
    who: ask.owner,
    why: `requeued ${describe(selected, options)}`,
    changes: {
      set: {
        wish: WISHES.NONE,
        round: 0,
        stands: selected.stands,
        selection: asValue(selection),
        startedBy: "requeue",
        timeoutAt,
        pausedMs,
        generation,
      },
      remove: [...OF_A_RUN, ...(isAnew ? OF_A_GENERATION : [])],
    },
    also: options.idempotency ? [tokenWrite(ask.owner, options.idempotency, job.id, now)] : [],
  });
  return { ...job, state: "REQUEUEING", run, generation, startedBy: "requeue" };
}

function describe({ selection, stands }: Selected, { repartition }: RequeueOptions): string {
  if (repartition) return "with a new partition";
  if (selection.kind === "none") return `behind ${stands}`;
  return selection.kind === "tasks" ? "single tasks" : `${selection.kind} tasks`;
}

/** Long ones lie in an object, written before the transition that names it. */
async function stored(ctx: ControlContext, job: JobItem, run: number, selection: Selection): Promise<Selection> {
  if ((selection.ranges?.length ?? 0) <= MOST_RANGES_TEXT) return selection;
  const place = { owner: job.owner, jobId: job.id };
  const key = selectionKey(place, run, ctx.ids.ulid());
  await ctx.objects.put({ bucket: ctx.settings.bucket, key }, selection.ranges ?? "", { contentType: "text/plain" });
  return { kind: selection.kind, key: key.slice(jobPrefix(place).length) };
}
