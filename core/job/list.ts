/** Lists of an owner's jobs: by index, newest first, then BatchGet. No scan. */
import { invalid } from "../contracts/api/errors.ts";
import type { ListedJob, PaginationRecord } from "../contracts/api/records.ts";
import type { Filter } from "../contracts/api/requests.ts";
import { jobKey, ownerKey, ownerPk, specKey, statePk } from "../keys/item-keys.ts";
import type { QueryInput } from "../ports/index.ts";
import { JOB_STATE_WIRE_PREFIX, JOB_STATES, type JobState } from "../states/job-states.ts";
import type { ViewName } from "../states/views.ts";
import type { JobContext } from "./context.ts";
import { readFilters } from "./filter.ts";
import { asFound, type FoundJob } from "./find.ts";
import { gateSums, viewOut } from "./progress.ts";
import { jobOut } from "./wire.ts";

export interface ListRequest {
  readonly owner: string;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
  readonly cursor?: string | undefined;
  readonly filters: readonly Filter[];
  /** "createdAt desc" (the default) or "createdAt asc". */
  readonly orderBy?: unknown;
  readonly bytenite: boolean;
  readonly view?: ViewName | undefined;
}

export const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 100;
export const MAX_OFFSET = 10_000;
/** Jobs that one call looks at for its filters; what is left comes with the cursor. */
const MAX_LOOKED = 1_000;
const PAGE = 100;

export interface JobList {
  readonly data: readonly ListedJob[];
  readonly pagination: PaginationRecord;
}

export async function listJobs(ctx: JobContext, request: ListRequest): Promise<JobList> {
  const limit = Math.min(request.limit ?? DEFAULT_LIMIT, MAX_LIMIT);
  const offset = request.offset ?? 0;
  if (offset > MAX_OFFSET)
    throw invalid("pagination.offset", `is over ${MAX_OFFSET}; page on with pagination.cursor instead`);
  const { state, filters } = stateFilter(request.filters);
  const walk = new Walk(ctx, request.owner, state, isAscending(request.orderBy), readCursor(request.cursor));
  const found =
    filters.length === 0 ? await walk.plain(offset, limit) : await walk.filtered(offset, limit, readFilters(filters));
  const sums = await gateSums(
    ctx.table,
    found.map(({ job }) => job),
  );
  const data = found.flatMap((one) => {
    const sum = sums.get(one.job.id);
    if (!sum) return [];
    const record = jobOut(ctx, one, sum, { bytenite: request.bytenite });
    return [request.view ? { ...record, view: viewOut(request.view, one.job, sum) } : record];
  });
  const hasNext = walk.last !== undefined && walk.hasMore;
  return {
    data,
    pagination: {
      total: request.filters.length === 0 ? await countJobs(ctx, request.owner) : null,
      offset,
      hasPrevious: offset > 0 || request.cursor !== undefined,
      hasNext,
      cursor: hasNext && walk.last !== undefined ? cursorAfter(walk.last) : null,
    },
  };
}

/**
 * The next jobs that pass the filters, newest first, of at most a thousand that are looked at.
 * @returns `cursor` is null when there are no more
 */
export async function findJobs(
  ctx: JobContext,
  request: Pick<ListRequest, "owner" | "cursor"> & { readonly filters: readonly Filter[]; readonly limit: number },
): Promise<{ readonly found: readonly FoundJob[]; readonly cursor: string | null }> {
  const { state, filters } = stateFilter(request.filters);
  const walk = new Walk(ctx, request.owner, state, false, readCursor(request.cursor));
  const found = await walk.filtered(0, request.limit, readFilters(filters));
  const hasMore = walk.last !== undefined && walk.hasMore;
  return { found, cursor: hasMore && walk.last !== undefined ? cursorAfter(walk.last) : null };
}

async function countJobs(ctx: JobContext, owner: string): Promise<number> {
  const item = await ctx.table.get(ownerKey(owner));
  return typeof item?.jobs === "number" ? item.jobs : 0;
}

/**
 * A walk along an index, from the newest (or oldest) job on. `last` is the id of the last job that was looked at, `hasMore`
 * whether others come behind it: each read asks for one more than it needs.
 */
class Walk {
  readonly #ctx: JobContext;
  readonly #query: QueryInput;
  readonly #ascending: boolean;
  last: string | undefined;
  hasMore = true;

  constructor(
    ctx: JobContext,
    owner: string,
    state: JobState | undefined,
    ascending: boolean,
    after: string | undefined,
  ) {
    this.#ctx = ctx;
    this.#ascending = ascending;
    this.last = after;
    this.#query =
      state === undefined ? { pk: ownerPk(owner), index: "byOwner" } : { pk: statePk(owner, state), index: "byState" };
  }

  /** The next ids; sort keys of both indexes are the jobs' ids, which sort by creation. */
  async #ids(limit: number): Promise<readonly string[]> {
    const ids: string[] = [];
    const after = this.last;
    const wanted = limit + 1 + (after === undefined ? 0 : 1);
    let seen = 0;
    // Inclusive bounds: the one we stand on comes again and is dropped.
    const between: [string, string] = this.#ascending ? [after ?? "0", "~"] : ["0", after ?? "~"];
    let cursor: string | undefined;
    do {
      const page = await this.#ctx.table.query({
        ...this.#query,
        between,
        reverse: !this.#ascending,
        limit: wanted - seen,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { pk } of page.items) {
        const id = pk.slice("JOB#".length);
        if (id !== after) ids.push(id);
      }
      seen += page.items.length;
      cursor = page.cursor;
    } while (cursor !== undefined && seen < wanted);
    this.hasMore = ids.length > limit;
    return ids.slice(0, limit);
  }

  async #load(ids: readonly string[]): Promise<readonly FoundJob[]> {
    const items = await this.#ctx.table.batchGet(ids.flatMap((id) => [jobKey(id), specKey(id)]));
    const by = new Map(items.map((item) => [`${item.pk}/${item.sk}`, item]));
    return ids.flatMap((id) => {
      const { pk } = jobKey(id);
      const found = asFound(by.get(`${pk}/JOB`), by.get(`${pk}/SPEC`));
      return found && !found.job.deletedAt ? [found] : []; // the index lags behind a deletion
    });
  }

  /** Without filters: keys alone are enough to skip. */
  async plain(offset: number, limit: number): Promise<readonly FoundJob[]> {
    for (let left = offset; left > 0; ) {
      const ids = await this.#ids(Math.min(left, 1_000));
      if (ids.length === 0) return [];
      left -= ids.length;
      this.last = ids.at(-1);
    }
    const ids = await this.#ids(limit);
    this.last = ids.at(-1) ?? this.last;
    return this.#load(ids);
  }

  async filtered(offset: number, limit: number, passes: Matcher): Promise<readonly FoundJob[]> {
    const found: FoundJob[] = [];
    let skip = offset;
    for (let looked = 0; looked < MAX_LOOKED && found.length < limit; ) {
      const ids = await this.#ids(PAGE);
      if (ids.length === 0) break;
      const page = new Map((await this.#load(ids)).map((one) => [one.job.id, one]));
      for (const id of ids) {
        looked++;
        this.last = id;
        const one = page.get(id);
        if (!one || !passes(one)) continue;
        if (skip > 0) skip--;
        else if (found.push(one) === limit) {
          this.hasMore ||= id !== ids.at(-1);
          break;
        }
      }
    }
    return found;
  }
}

type Matcher = (found: FoundJob) => boolean;

/** One filter `state EQ` is an index of its own; the others are applied while paging. */
function stateFilter(filters: readonly Filter[]): {
  readonly state: JobState | undefined;
  readonly filters: readonly Filter[];
} {
  const at = filters.findIndex(({ field, condition }) => field === "state" && condition === "EQ");
  const filter = filters[at];
  if (!filter) return { state: undefined, filters };
  return { state: readState(filter.value, `filters[${at}].value`), filters: filters.filter((_, i) => i !== at) };
}

/** With or without the prefix, in any case. @throws ApiError 400 */
export function readState(value: unknown, path: string): JobState {
  const name = String(value)
    .toUpperCase()
    .replace(new RegExp(`^${JOB_STATE_WIRE_PREFIX}`), "");
  const state = JOB_STATES.find((one) => one === name);
  if (!state) throw invalid(path, `is no state of a job; use one of ${JOB_STATES.join(", ")}`);
  return state;
}

function isAscending(orderBy: unknown): boolean {
  const first = Array.isArray(orderBy) ? orderBy[0] : orderBy;
  if (first === undefined || first === null || first === "") return false;
  const text = typeof first === "object" ? Object.values(first).join(" ") : String(first);
  const [, sign, field, direction] = /^(-?)(\w+)(?:[ :](\w+))?$/.exec(text.trim()) ?? [];
  if (!/^created_?at$/i.test(field ?? "")) {
    throw invalid("orderBy", 'can be "createdAt desc" (the default) or "createdAt asc"');
  }
  return sign !== "-" && /asc$/i.test(direction ?? "");
}

/** Behind the job with this id, which need not exist any more. */
export const cursorAfter = (id: string): string => Buffer.from(`j1.${id}`).toString("base64url");

function readCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined || cursor === "") return undefined;
  const [, id] = /^j1\.([0-9A-Z]{26})$/.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (id === undefined)
    throw invalid("cursor", "is not one that a list answered; leave it out to begin anew", "CURSOR_INVALID");
  return id;
}
