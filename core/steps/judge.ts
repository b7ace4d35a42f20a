/**
 * How a worker came to its end, and what it left: commit's reading of `$.result` and of the claim's index object. A cautious
 * worker announces each task in that object before it begins it; after its death the announcement is sealed: the begun task
 * gets the entry that its worker can't write any more, and the rest of the hand none. Writing on condition of the announcement
 * that was read fences a worker that isn't as dead as it seemed: its next write is refused, and it stops.
 */
import { WORKER_DIED, type WorkerOutcome } from "../batches/outcome.ts";
import { type ClaimIndex, claimIndex, type TaskEntry } from "../contracts/worker.ts";
import type { ChildInput, Hand } from "../contracts/workflow.ts";
import { type ErrorData, JobJobError, toErrorData } from "../errors.ts";
import { claimIndexKey } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import type { Place } from "../ports/index.ts";
import type { StepContext } from "./context.ts";

const TRIES = 20;

/** What commit judges by; `failure` is why a worker couldn't work at all, or what it died of. */
export interface Judged extends WorkerOutcome {
  readonly failure?: ErrorData;
}

/** @throws JobJobError of a store that can't be read now (retryable): then nothing is judged yet */
export async function judge(ctx: StepContext, input: ChildInput, held: Hand): Promise<Judged> {
  const { result } = input;
  const key = claimIndexKey({ owner: input.owner, jobId: input.jobId }, input.generation, input.b.n, held.claim);
  const place = { bucket: ctx.settings.bucket, key };
  const ended = endOf(input);
  if (!result || "claim" in result) {
    const index = result?.claim === held.claim ? await readIndex(ctx, input, held, place, result.etag) : undefined;
    return index && index !== "changed" ? { end: "answered", index } : ended;
  }
  const index = await sealed(ctx, input, held, place, ended);
  return { ...ended, ...(index ? { index } : {}) };
}

interface Ended {
  readonly end: "failed" | "died";
  readonly failure: ErrorData;
}

/**
 * What the Catch around the app λ means. Lambda's own faults and throttling are charged to no task and are no deaths: the
 * function wasn't begun, or isn't known to have ended. Everything else (a timeout, an exit, memory) is its death.
 * `Lambda.Unknown` is how Step Functions calls an end that Lambda didn't describe.
 */
function endOf({ result }: ChildInput): Ended {
  if (!result || "claim" in result) {
    const message = "The worker's result can't be read, or is another claim's";
    return { end: "failed", failure: { code: "WORKER_RESULT_UNREADABLE", message, retryable: true } };
  }
  if ("error" in result) {
    const { code, message, retryable } = result.error;
    return { end: "failed", failure: { code, message, retryable } };
  }
  const { Error: name, Cause: cause = "" } = result;
  if (!name.startsWith("Lambda.") || name === "Lambda.Unknown") return { end: "died", failure: deathOf(name, cause) };
  const message = `The app function could not be invoked: ${name}: ${cause.slice(0, 300)}`;
  return { end: "failed", failure: { code: "APP_NOT_INVOCABLE", message, retryable: !LASTING.test(name) } };
}

/** Faults that no wait mends: the function is gone, or may not be called, or can't be started as it is. */
const LASTING = /ResourceNotFound|AccessDenied|KMS|Invalid|RequestTooLarge|UnsupportedMediaType/;

/** @param cause Lambda's description, JSON or prose; names memory or time where it knows. */
function deathOf(name: string, cause: string): ErrorData {
  const told = `${name} ${cause}`;
  const what = cause.slice(0, 300);
  let why = `its process ended (${name}${what ? `: ${what}` : ""})`;
  let remedy = "look at the app function's log";
  if (/timed?.?out/i.test(told)) {
    why = "the function's time was over";
    remedy = "make chunks smaller (config.maxChunkSize)";
  } else if (/memory|signal: killed|SIGKILL/i.test(told)) {
    why = `it was killed, most likely for want of memory (${name}${what ? `: ${what}` : ""})`;
    remedy = "make chunks smaller (config.maxChunkSize), or stream them instead of holding them";
  }
  return { code: WORKER_DIED, message: `The whole worker died: ${why}; ${remedy}.`, retryable: true };
}

/** The index as its worker left it; undefined when it can't be read, "changed" when it is another by now. */
async function readIndex(
  ctx: StepContext,
  input: ChildInput,
  held: Hand,
  place: Place,
  etag: string,
): Promise<ClaimIndex | "changed" | undefined> {
  try {
    const index = await readJson(ctx.objects, place, claimIndex, { ifMatch: etag });
    if (index.batch === input.b.n && index.claim === held.claim) return index;
  } catch (error) {
    if (!(error instanceof JobJobError) || error.retryable) throw error;
    if (error.code === "PRECONDITION_FAILED") return "changed";
    ctx.log.warn("INDEX_UNREADABLE", {
      jobId: input.jobId,
      batch: input.b.n,
      claim: held.claim,
      error: error.toData(),
    });
  }
  return undefined;
}

/** What a worker left that gave no answer; an announcement is sealed first. */
async function sealed(
  ctx: StepContext,
  input: ChildInput,
  held: Hand,
  place: Place,
  ended: Ended,
): Promise<ClaimIndex | undefined> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const etag = await etagOf(ctx, place);
    if (etag === undefined) return undefined;
    const index = await readIndex(ctx, input, held, place, etag);
    if (index === "changed") continue;
    if (!index?.begun) return index;
    const { begun, ...rest } = index;
    const whole: ClaimIndex = {
      ...rest,
      endedAt: ctx.clock.now(),
      tasks: ended.end === "died" ? [...rest.tasks, entryOfDeath(begun, ended, index, ctx.clock.now())] : rest.tasks,
    };
    try {
      await ctx.objects.put(place, JSON.stringify(whole), { contentType: "application/json", ifMatch: etag });
      return whole;
    } catch (error) {
      if (toErrorData(error).code !== "PRECONDITION_FAILED") throw error; // it has been written again: read again
    }
  }
  throw new JobJobError({
    code: "BATCH_BUSY",
    message: `The worker of batch ${input.b.n} goes on writing, though its invocation has ended; its commit is tried again.`,
    retryable: true,
  });
}

function entryOfDeath(begun: readonly [number, number], { failure }: Ended, index: ClaimIndex, now: number): TaskEntry {
  const [o, startedAt] = begun;
  const memory = `it held ${Math.ceil(index.maxRss / 1024 / 1024)} MiB when this task began`;
  return {
    o,
    x: "F",
    t: [startedAt, Math.max(0, now - startedAt)],
    b: [0, 0],
    e: { ...failure, message: `${failure.message} (${memory})` },
  };
}

async function etagOf(ctx: StepContext, place: Place): Promise<string | undefined> {
  try {
    return (await ctx.objects.head(place)).etag;
  } catch (error) {
    if (toErrorData(error).code === "OBJECT_MISSING") return undefined;
    throw error;
  }
}
