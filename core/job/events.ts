import type { EventRecord, EventsAnswer } from "../contracts/api/records.ts";
import { type EventItem, eventItem } from "../contracts/job-items.ts";
import { EVENT_PREFIX, jobKey } from "../keys/item-keys.ts";
import type { JobContext } from "./context.ts";
import type { Edit } from "./edit.ts";
import { findJob } from "./find.ts";
import { parseItem } from "./load.ts";
import { stateOut } from "./progress.ts";

export const eventOut = (event: EventItem): EventRecord => ({
  id: event.id,
  at: new Date(event.at).toISOString(),
  who: event.who,
  what: event.what,
  run: event.run,
  from: event.from ? stateOut(event.from) : null,
  to: event.to ? stateOut(event.to) : null,
  why: event.why ?? null,
});

/** The job's timeline, oldest first. @throws ApiError 404; InvalidInputError CURSOR_INVALID */
export async function listEvents(
  ctx: JobContext,
  { owner, id }: Edit,
  limit: number,
  cursor?: string,
): Promise<EventsAnswer> {
  await findJob(ctx.table, owner, id);
  const page = await ctx.table.query({
    pk: jobKey(id).pk,
    prefix: EVENT_PREFIX,
    limit,
    consistent: true,
    ...(cursor === undefined ? {} : { cursor }),
  });
  const data = page.items.map((item) => eventOut(parseItem(eventItem, item)));
  const next = data.length === limit ? (page.cursor ?? null) : null;
  return {
    data,
    pagination: { total: null, offset: 0, hasPrevious: cursor !== undefined, hasNext: next !== null, cursor: next },
  };
}
