/**
 * The way of a timeline row to EventBridge. The row is written in the transaction of the change it tells of, so the table's
 * stream is an outbox: each change comes here at least once, also when whoever made it died the moment after.
 */
import { EVENT_SOURCE, STATE_CHANGE, type StateChangeDetail, type StreamRecord } from "../contracts/events.ts";
import { type JobItem, jobItem } from "../contracts/job-items.ts";
import { JobJobError } from "../errors.ts";
import { totalOf } from "../gates/gates.ts";
import { parseItem } from "../job/load.ts";
import { gateSums, stateOut } from "../job/progress.ts";
import { jobKey } from "../keys/item-keys.ts";
import type { BusEvent, EventBusPort, Log, Table } from "../ports/index.ts";
import { type Change, changeOf } from "./change.ts";

export interface EventsContext {
  readonly table: Table;
  readonly bus: EventBusPort;
  readonly log: Log;
}

export interface PublishReport {
  /** Events that the bus took. */
  readonly sent: number;
  /** Records that are no state change. */
  readonly passed: number;
  /** Events that can never be sent, each with a line in the log; the timeline has them. */
  readonly dropped: number;
  /** Sequence numbers of the records to be given again. */
  readonly unsent: readonly string[];
}

/** @throws JobJobError EVENTS_UNSENT (retryable) when there was something to send and the bus took none of it. */
export async function publishEvents(ctx: EventsContext, records: readonly StreamRecord[]): Promise<PublishReport> {
  const read = records.map((record) => readRecord(ctx, record));
  const changes = read.flatMap((one) => (typeof one === "string" ? [] : [one]));
  const malformed = read.filter((one) => one === "malformed").length;
  const passed = read.filter((one) => one === "passed").length;
  if (changes.length === 0) return { sent: 0, passed, dropped: malformed, unsent: [] };
  const counts = await countsOf(ctx.table, [...new Set(changes.map(({ jobId }) => jobId))]);
  const failures = await ctx.bus.send(changes.map((change) => eventOf(change, counts.get(change.jobId) ?? null)));
  const unsent: string[] = [];
  let refused = 0;
  for (const { index, code, retryable } of failures) {
    const change = changes[index];
    if (!change) continue;
    if (retryable) unsent.push(change.sequence);
    else {
      refused++;
      ctx.log.error("EVENT_DROPPED", { jobId: change.jobId, id: change.id, code });
    }
  }
  const sent = changes.length - failures.length;
  if (unsent.length > 0 && sent === 0) {
    const [first] = failures;
    throw new JobJobError({
      code: "EVENTS_UNSENT",
      message: `The event bus took none of ${changes.length} events (${first?.code}); they are sent again for a day.`,
      retryable: true,
    });
  }
  return { sent, passed, dropped: malformed + refused, unsent };
}

function readRecord(ctx: EventsContext, record: StreamRecord): Change | "passed" | "malformed" {
  try {
    return changeOf(record) ?? "passed";
  } catch (error) {
    // Given again it would be the same, and keep all others behind it from being sent.
    const { pk, sk } = record.dynamodb.Keys;
    ctx.log.error("EVENT_DROPPED", { key: `${pk.S} / ${sk.S}`, code: "ITEM_MALFORMED", thrown: error });
    return "malformed";
  }
}

/** Counts by job, in two reads for all of them; none for a job that is gone. */
async function countsOf(
  table: Table,
  ids: readonly string[],
): Promise<ReadonlyMap<string, StateChangeDetail["counts"]>> {
  const items = await table.batchGet(ids.map(jobKey), { consistent: true });
  const jobs: readonly JobItem[] = items.map((item) => parseItem(jobItem, item)).filter((job) => !job.deletedAt);
  const sums = await gateSums(table, jobs);
  return new Map(
    jobs.flatMap((job) => {
      const sum = sums.get(job.id);
      return sum ? [[job.id, { total: Math.max(job.tasks ?? 0, totalOf(sum.counts)), ...sum.counts }]] : [];
    }),
  );
}

function eventOf(change: Change, counts: StateChangeDetail["counts"]): BusEvent {
  const { id, jobId, owner, run, from, to, at, who, why } = change;
  const detail: StateChangeDetail = {
    id,
    jobId,
    owner,
    run,
    from: from ? stateOut(from) : null,
    to: stateOut(to),
    at: new Date(at).toISOString(),
    who,
    why: why ?? null,
    counts,
  };
  return { source: EVENT_SOURCE, detailType: STATE_CHANGE, at, detail };
}
