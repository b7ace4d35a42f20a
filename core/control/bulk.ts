/** One action on many jobs: named by their ids, or found by filters. */
import { invalid } from "../contracts/api/errors.ts";
import type { ActionsAnswer } from "../contracts/api/records.ts";
import type { Action, ActionsBody } from "../contracts/api/requests.ts";
import { concurrently } from "../job/concurrently.ts";
import type { JobContext } from "../job/context.ts";
import { deleteJob } from "../job/delete.ts";
import type { Edit } from "../job/edit.ts";
import { cursorAfter, findJobs } from "../job/list.ts";
import { abortJob } from "./abort.ts";
import { rehearse } from "./dry-run.ts";
import { pauseJob } from "./pause.ts";
import { type RequeueOptions, requeueJob } from "./requeue.ts";
import { resumeJob } from "./resume.ts";

/** Jobs that one call acts on; the cursor leads to the others. */
const MOST_JOBS = 100;
/** The call must answer within the gateway's 29 s: no further job is begun after this. */
const BUDGET_MS = 18_000;
/** An abort alone may make 40 calls. */
const AT_ONCE = 8;

export interface BulkRequest {
  readonly owner: string;
  readonly body: ActionsBody;
  /** The Idempotency-Key header, and the hash of what came with it: each job's requeue is remembered by it. */
  readonly idempotency?: RequeueOptions["idempotency"];
  /** How a job's refusal is told; faults of ours too, for one job's must not hide what became of the others. */
  readonly explain: (error: unknown) => { readonly code: string; readonly why: string };
}

/**
 * Acts on each job by itself, so some may be done and others refused. A dry run goes the same way and stops at each job's
 * first effect.
 * @throws ApiError 400 for a filter or cursor that can't be read
 */
export async function actOnJobs(ctx: JobContext, request: BulkRequest): Promise<ActionsAnswer> {
  const dryRun = request.body.dryRun === true;
  const page = await nextJobs(ctx, request);
  const until = ctx.clock.now() + BUDGET_MS;
  const outcomes = await concurrently(page.ids, AT_ONCE, async (id) => {
    if (ctx.clock.now() >= until) return undefined;
    return outcomeOf(ctx, request, id, dryRun);
  });
  const reached = outcomes.filter((outcome) => outcome !== undefined);
  const done = reached.filter((outcome) => outcome.code === undefined).map(({ id }) => id);
  return {
    ok: done.length,
    ids: done,
    skipped: reached.flatMap(({ id, code, why }) => (code === undefined ? [] : [{ id, code, why: why ?? "" }])),
    dryRun,
    // They are begun in order, so what was not reached is the end of the page.
    cursor: reached.length < page.ids.length ? page.cursorAt(reached.length) : page.cursor,
  };
}

interface Outcome {
  readonly id: string;
  /** Only when it was skipped. */
  readonly code?: string;
  readonly why?: string;
}

async function outcomeOf(ctx: JobContext, request: BulkRequest, id: string, dryRun: boolean): Promise<Outcome> {
  const act = (on: JobContext): Promise<void> => ACTS[request.body.action](on, { owner: request.owner, id }, request);
  try {
    await (dryRun ? rehearse(ctx, act) : act(ctx));
    return { id };
  } catch (error) {
    return { id, ...request.explain(error) };
  }
}

const ACTS: Readonly<Record<Action, (ctx: JobContext, ask: Edit, request: BulkRequest) => Promise<void>>> = {
  abort: (ctx, ask) => abortJob(ctx, ask),
  pause: (ctx, ask) => pauseJob(ctx, ask),
  resume: (ctx, ask) => resumeJob(ctx, ask),
  delete: (ctx, ask) => deleteJob(ctx, ask),
  requeue: (ctx, ask, { body: { tasks, repartition }, idempotency }) =>
    requeueJob(ctx, ask, {
      tasks,
      repartition,
      idempotency: idempotency && { ...idempotency, key: `${idempotency.key}#${ask.id}` },
    }),
};

interface Page {
  readonly ids: readonly string[];
  readonly cursor: string | null;
  /** Where to go on when only so many of them were reached. */
  readonly cursorAt: (reached: number) => string;
}

async function nextJobs(ctx: JobContext, { owner, body }: BulkRequest): Promise<Page> {
  if (body.ids !== undefined) {
    const all = [...new Set(body.ids)];
    const from = readPosition(body.cursor);
    const ids = all.slice(from, from + MOST_JOBS);
    const cursorAt = (reached: number): string => writePosition(from + reached);
    return { ids, cursor: from + ids.length < all.length ? cursorAt(ids.length) : null, cursorAt };
  }
  const { filters = [], cursor: given } = body;
  const { found, cursor } = await findJobs(ctx, { owner, filters, cursor: given, limit: MOST_JOBS });
  const ids = found.map(({ job }) => job.id);
  return { ids, cursor, cursorAt: (reached) => cursorAfter(ids[reached - 1] ?? "") };
}

const writePosition = (position: number): string => Buffer.from(`i1.${position}`).toString("base64url");

function readPosition(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  const [, position] = /^i1\.(\d{1,6})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (position === undefined) {
    throw invalid(
      "cursor",
      "is not one that these ids were answered with; leave it out to begin anew",
      "CURSOR_INVALID",
    );
  }
  return Number(position);
}
