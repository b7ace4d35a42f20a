/**
 * The only way a job's state changes: one transaction of the job item (condition: from-state, run, and what the caller
 * adds) and its timeline row.
 */
import { type EventItem, type JobItem, STANDING_STATES } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import { byDueKeys, byStateKeys, eventKey, jobKey, ownerEventKeys } from "../keys/item-keys.ts";
import type { Changes, Clock, Condition, Ids, Table, Value, Write } from "../ports/index.ts";
import { isRefused } from "../ports/index.ts";
import { isTerminal, type JobState, mayBecome } from "../states/job-states.ts";

/** Timeline rows live 400 days. */
const EVENT_SECONDS = 400 * 86_400;
/**
 * The sweeper looks at a job this long after its last transition: at an active one for what was lost, at an ended one for
 * what its run may have left. It puts the next look off itself, by as much. Less than its minute, by more than its ticks are
 * late: a look that is due just behind a tick comes a whole minute later.
 */
export const LOOK_AFTER_MS = 50_000;
/** Temporary results live 48 h. */
export const TEMPORARY_MS = 48 * 3_600_000;

export interface Transition {
  readonly jobId: string;
  readonly owner: string;
  readonly from: JobState | readonly JobState[];
  readonly to: JobState;
  /** The run on whose behalf the transition is made. */
  readonly run: number;
  /** Who does it: an owner, or a part of the engine. */
  readonly who: string;
  readonly why?: string;
  /** More conditions on the job item. */
  readonly if?: readonly Condition[];
  readonly changes?: Changes;
  /** When the sweeper looks next, ms; null = never. @default in a minute */
  readonly dueAt?: number | null;
  /** More writes of the same transaction. */
  readonly also?: readonly Write[];
  /** The run the job has afterwards, when the transition starts the next. @default run */
  readonly nextRun?: number;
}

export interface TransitionPorts {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** @throws RefusedError when the job isn't in one of the states, the run is another, or another condition fails. */
export async function transition(ports: TransitionPorts, t: Transition): Promise<void> {
  const now = ports.clock.now();
  await ports.table.transact([transitionWrite(t, now), eventWrite(ports, t, now), ...(t.also ?? [])]);
}

/**
 * `transition`, but a refusal is an answer. `made` when this run had already made it (a lost answer, a repeated call):
 * then the caller goes on as if it had just done so.
 */
export async function tryTransition(
  ports: TransitionPorts,
  t: Transition,
  isMade: (job: JobItem) => boolean,
  load: () => Promise<JobItem | undefined>,
): Promise<"done" | "made" | "refused"> {
  try {
    await transition(ports, t);
    return "done";
  } catch (error) {
    if (!isRefused(error)) throw error;
    const job = await load();
    return job && job.run === (t.nextRun ?? t.run) && isMade(job) ? "made" : "refused";
  }
}

function transitionWrite(t: Transition, now: number): Write {
  const from = typeof t.from === "string" ? [t.from] : t.from;
  for (const state of from) {
    if (!mayBecome(state, t.to)) {
      throw new JobJobError({
        code: "TRANSITION_UNKNOWN",
        message: `A job never goes from ${state} to ${t.to}; the matrix in core/states says so.`,
      });
    }
  }
  const due = t.dueAt === undefined ? now + LOOK_AFTER_MS : t.dueAt;
  const set: Record<string, Value> = {
    state: t.to,
    run: t.nextRun ?? t.run,
    [`stamps.${t.to}`]: now,
    ...byStateKeys(t.owner, t.to, t.jobId),
    ...(due === null ? {} : byDueKeys(due, t.jobId)),
    ...(isTerminal(t.to) ? { endedAt: now } : {}),
    ...standing(t.to),
    ...interrupted(from, t.to),
    ...t.changes?.set,
  };
  return {
    update: jobKey(t.jobId),
    changes: {
      ...t.changes,
      set,
      remove: [
        ...(t.changes?.remove ?? []),
        ...(due === null ? ["duePk", "dueSk"] : []),
        ...(isTerminal(t.to) ? [] : ["endedAt"]),
      ],
    },
    if: { all: [{ in: ["state", from] }, { eq: ["run", t.run] }, { missing: "deletedAt" }, ...(t.if ?? [])] },
  };
}

/** Entering one of these states says that its result stands; a requeue says otherwise itself. */
function standing(to: JobState): { readonly stands?: string } {
  const stands = STANDING_STATES.find((state) => state === to);
  return stands === undefined ? {} : { stands };
}

const INTERRUPTIONS: readonly JobState[] = ["PAUSING", "CANCELING", "FAILED"];

/** Noted when work is interrupted; PAUSING and PAUSED have noted theirs, which stays. */
function interrupted(from: readonly JobState[], to: JobState): { readonly interrupted?: string } {
  const [state] = from;
  const isNoted = state === "PAUSING" || state === "PAUSED";
  return INTERRUPTIONS.includes(to) && from.length === 1 && state !== undefined && !isNoted
    ? { interrupted: state }
    : {};
}

/**
 * The timeline row of a transition, or of anything else worth telling (`what`): it stands in the job's partition and, by its
 * owner, in the index behind the events of all jobs; the table's stream makes it an event on EventBridge (core/events).
 */
export function eventRow(
  ports: Pick<TransitionPorts, "ids">,
  event: Omit<EventItem, "pk" | "sk" | "id" | "expires" | "ownerPk" | "ownerSk"> & {
    readonly jobId: string;
    readonly owner: string;
  },
): Write {
  const { jobId, owner, ...rest } = event;
  const id = ports.ids.ulid();
  const time = new Date(rest.at).toISOString();
  const row: Record<string, Value> = { id, at: rest.at, who: rest.who, what: rest.what, run: rest.run };
  if (rest.from) row.from = rest.from;
  if (rest.to) row.to = rest.to;
  if (rest.why) row.why = rest.why.slice(0, 500);
  return {
    put: {
      ...eventKey(jobId, time, id),
      ...ownerEventKeys(owner, time, id),
      ...row,
      expires: Math.floor(rest.at / 1_000) + EVENT_SECONDS,
    },
  };
}

function eventWrite(ports: TransitionPorts, t: Transition, now: number): Write {
  const from = typeof t.from === "string" ? t.from : t.from.length === 1 ? t.from[0] : undefined;
  return eventRow(ports, {
    jobId: t.jobId,
    owner: t.owner,
    at: now,
    who: t.who,
    what: "STATE",
    run: t.nextRun ?? t.run,
    to: t.to,
    ...(from ? { from } : {}),
    ...(t.why ? { why: t.why } : {}),
  });
}
