import { rowImage, type StreamRecord } from "../contracts/events.ts";
import { eventItem } from "../contracts/job-items.ts";
import { EVENT_PREFIX, jobOfPk, ownerOfEventsPk } from "../keys/item-keys.ts";
import type { JobState } from "../states/job-states.ts";

/** A change of a job's state, as its timeline row tells it. */
export interface Change {
  readonly id: string;
  readonly jobId: string;
  readonly owner: string;
  readonly run: number;
  readonly from: JobState | undefined;
  readonly to: JobState;
  /** ms */
  readonly at: number;
  readonly who: string;
  readonly why: string | undefined;
  /** Of the stream's record. */
  readonly sequence: string;
}

/**
 * @returns undefined for what is no new row of a timeline, or one that tells of something else than a state entered
 * @throws an error of zod for a row of another shape than ours
 */
export function changeOf(record: StreamRecord): Change | undefined {
  const { Keys, NewImage, SequenceNumber } = record.dynamodb;
  if (record.eventName !== "INSERT" || !Keys.sk.S.startsWith(EVENT_PREFIX)) return undefined;
  const values = Object.entries(rowImage.parse(NewImage)).map(([name, value]): [string, string | number] => [
    name,
    "S" in value ? value.S : Number(value.N),
  ]);
  const row = eventItem.parse(Object.fromEntries(values));
  // Rows of an earlier version have no owner; none of them is new.
  if (!row.to || row.ownerPk === undefined) return undefined;
  const { id, run, from, to, at, who, why } = row;
  return {
    id,
    jobId: jobOfPk(row.pk),
    owner: ownerOfEventsPk(row.ownerPk),
    run,
    from,
    to,
    at,
    who,
    why,
    sequence: SequenceNumber,
  };
}
