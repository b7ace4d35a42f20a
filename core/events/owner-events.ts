/**
 * What happened to an owner's jobs since a moment, in the order of time. Rows come from the owner's index, which is behind
 * the table by moments and ordered by the clocks of many functions: a row may appear behind one that was read already. So
 * each call looks back a minute, and its cursor names what was given out of that minute: nothing is left out, nothing
 * comes twice.
 */
import { invalid } from "../contracts/api/errors.ts";
import type { EventLine } from "../contracts/api/records.ts";
import { eventItem } from "../contracts/job-items.ts";
import { eventOut } from "../job/events.ts";
import { parseItem } from "../job/load.ts";
import { jobOfPk, ownerEventKeys, ownerEventsPk } from "../keys/item-keys.ts";
import type { Clock, Item, Table } from "../ports/index.ts";

/** Clocks of Lambdas are milliseconds apart, and an index is behind by less than a second: far more than that. */
const LOOK_BACK_MS = 60_000;
/** Events that a cursor names; it goes into a URL, and each takes 8 characters. More of them make the look back shorter. */
const MOST_SEEN = 200;
/** Of an id, the end of its random part: 40 bits. */
const MARK = 8;
const markOf = (key: string): string => key.slice(-MARK);
const EVERY_MS = 1_000;

export interface OwnerEventsAsk {
  readonly owner: string;
  /** Of an earlier answer; `since` is then of no account. */
  readonly cursor: string | undefined;
  /** ms. @default now */
  readonly since: number | undefined;
  readonly limit: number;
  /** How long to wait for the first event. */
  readonly seconds: number;
}

export interface OwnerEvents {
  readonly lines: readonly EventLine[];
  /** For the next call; there may be more at once when `lines` has `limit` lines. */
  readonly cursor: string;
}

interface EventsContext {
  readonly table: Table;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
}

/** A place on the way: everything up to sort key `after` is done with, and behind it what `seen` names. */
interface Position {
  readonly after: string;
  readonly seen: readonly string[];
}

/** @throws ApiError 400 CURSOR_INVALID */
export async function ownerEvents(ctx: EventsContext, ask: OwnerEventsAsk): Promise<OwnerEvents> {
  const end = ctx.clock.now() + ask.seconds * 1_000;
  const from = readCursor(ask.cursor) ?? { after: sortKey(ask.since ?? ctx.clock.now(), ""), seen: [] };
  for (;;) {
    const { keys, fresh } = await readIndex(ctx.table, ask, from);
    const left = end - ctx.clock.now();
    if (fresh.length > 0 || left <= 0) {
      // Consistent: the index has what a replica of the table may not have yet.
      const rows = await ctx.table.batchGet(fresh, { consistent: true });
      return { lines: rows.map(lineOf), cursor: writeCursor(advance(from, keys, fresh.length === ask.limit)) };
    }
    await ctx.sleep(Math.min(EVERY_MS, left));
  }
}

/** The index from the position on, until `limit` events are found that weren't given out before. */
async function readIndex(table: Table, { owner, limit }: OwnerEventsAsk, { after, seen }: Position) {
  const known = new Set(seen);
  const keys: string[] = [];
  const fresh: Item[] = [];
  let cursor: string | undefined;
  do {
    const page = await table.query({
      pk: ownerEventsPk(owner),
      index: "byOwner",
      between: [after, "~"],
      limit: limit + seen.length,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const item of page.items) {
      const key = String(item.ownerSk);
      if (fresh.length === limit) break;
      if (key === after) continue;
      keys.push(key);
      if (!known.has(markOf(key))) fresh.push(item);
    }
    cursor = page.cursor;
  } while (cursor !== undefined && fresh.length < limit);
  return { keys, fresh };
}

/**
 * @param keys what lies behind the position and was given out, now or before, in order
 * @param cut the reading ended with them: what was given out before may also lie further on
 */
function advance(from: Position, keys: readonly string[], cut: boolean): Position {
  const last = keys.at(-1);
  if (last === undefined) return from;
  const lookBack = sortKey(Date.parse(last.slice(0, last.indexOf("#"))) - LOOK_BACK_MS, "");
  const kept = keys.filter((key) => key > lookBack);
  let after = kept.at(-MOST_SEEN - 1) ?? lookBack;
  if (after < from.after) after = from.after;
  const marks = new Set(keys.map(markOf));
  const ahead = cut ? from.seen.filter((mark) => !marks.has(mark)) : [];
  return { after, seen: [...keys.filter((key) => key > after).map(markOf), ...ahead] };
}

function lineOf(row: Item): EventLine {
  const event = parseItem(eventItem, row);
  return {
    result: {
      event: `job.${event.what.toLowerCase()}`,
      data: { jobId: jobOfPk(event.pk), ...eventOut(event) },
    },
  };
}

const sortKey = (at: number, id: string): string => ownerEventKeys("", new Date(at).toISOString(), id).ownerSk;

/** `<ms>-<id>.<mark><mark>…`: nothing that a URL would have to escape. */
function writeCursor({ after, seen }: Position): string {
  const [time = "", id = ""] = after.split("#");
  return `${Date.parse(time)}-${id}.${seen.join("")}`;
}

function readCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [, ms, id = "", marks = ""] = /^(\d{1,13})-([0-9A-Z]{26})?\.((?:[0-9A-Z]{8}){0,400})$/.exec(cursor) ?? [];
  if (ms === undefined) {
    throw invalid("cursor", "is not one that this list gave out; start again without it", "CURSOR_INVALID");
  }
  return { after: sortKey(Number(ms), id), seen: marks.match(/.{8}/g) ?? [] };
}
