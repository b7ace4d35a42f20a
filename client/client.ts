/** The API as methods, one per call; lists as async iterators. */
import { randomUUID } from "node:crypto";
import type {
  ActionsAnswer,
  CostRecord,
  EstimationAnswer,
  EventLine,
  EventsAnswer,
  JobAnswer,
  JobRecord,
  ListedJob,
  LogPart,
  LogsAnswer,
  ResultsAnswer,
  TaskRecord,
  TasksAnswer,
  TemplateRecord,
  UploadsAnswer,
  UserRecord,
} from "../core/contracts/api/records.ts";
import type { Action } from "../core/contracts/api/requests.ts";
import type { DryRun } from "../core/partition/dry-run.ts";
import type { ViewName } from "../core/states/views.ts";
import { NotAnApiError } from "./errors.ts";
import { type Call, Transport, type TransportOptions } from "./transport.ts";

export type EventRecord = EventsAnswer["data"][number];
/** An event among those of all jobs. */
export type OwnerEvent = EventLine["result"]["data"];
export type ResultRecord = ResultsAnswer["results"][number];
export type UploadRecord = UploadsAnswer["uploads"][number];

/** As it goes out; what is left out comes from the template. */
export interface NewJob {
  readonly templateId: string;
  readonly name?: string;
  readonly description?: string;
  readonly dataSource?: Place;
  readonly dataDestination?: Place;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly startAt?: string;
}
export interface Place {
  readonly dataSourceDescriptor: string;
  readonly params?: Readonly<Record<string, string>>;
}

export interface JobFilter {
  readonly state?: string | undefined;
  readonly name?: string | undefined;
  readonly view?: ViewName | undefined;
}

/** What a requeue runs; without anything what is needed: the unfinished tasks, or only the steps behind them, or all. */
export interface RequeueChoice {
  /** Numbers also as text: "0-99,105". */
  readonly tasks?: "unfinished" | "failed" | "partial" | "all" | (string & {}) | readonly number[] | undefined;
  /** Cut the source anew; all tasks run. */
  readonly repartition?: boolean | undefined;
}

/** What is left out means all. */
export interface LogsQuery {
  readonly taskIds?: readonly number[];
  readonly levels?: readonly string[];
  readonly services?: readonly ("partitioner" | "assembler" | "taskrunner")[];
}

/** One filter of `act`, as {field: "state", condition: "EQ", value: "FAILED"}. */
export interface FieldFilter {
  readonly field: string;
  readonly condition: "EQ" | "NE" | "GT" | "GTE" | "LT" | "LTE" | "IN" | "CONTAINS";
  readonly value: string | number | boolean | null | readonly (string | number | boolean | null)[];
}

/** Either of ids and filters. The choice counts for requeue alone. */
export interface BulkAction extends RequeueChoice {
  readonly action: Action;
  readonly ids?: readonly string[] | undefined;
  readonly filters?: readonly FieldFilter[] | undefined;
  /** Tell what would happen; nothing changes. */
  readonly dryRun?: boolean | undefined;
}

const JOBS = "/v1/customer/jobs";
/** The true states, also of a deployment that is set to ByteNite's words. */
const COMPAT = "jobjob";
const jobPath = (id: string, rest = ""): string => `${JOBS}/${encodeURIComponent(id)}${rest}`;

/**
 * @example
 * const jobjob = new JobJobClient({ url: "https://….amazonaws.com/prod", apiKey });
 * const { job } = await jobjob.create({ templateId: "word-count", dataSource: { dataSourceDescriptor: "file" } });
 */
export class JobJobClient {
  readonly transport: Transport;

  constructor(options: TransportOptions) {
    this.transport = new Transport(options);
  }

  async health(): Promise<{ readonly version: string }> {
    const { version } = await this.#call<{ version: unknown }>("GET", "/v1/health", { signed: false }, "version");
    return { version: String(version) };
  }

  async user(): Promise<UserRecord> {
    return (await this.#call<{ user: UserRecord }>("GET", "/v1/auth/user", {}, "user")).user;
  }

  /** Only for the owner admin. The key is shown this once. */
  createOwner(name: string): Promise<{ readonly owner: { readonly id: string }; readonly apiKey: string }> {
    return this.#call("POST", "/v1/admin/owners", { body: { name }, repeatable: false }, "apiKey");
  }

  /** A NEW job. The call carries an Idempotency-Key, so that a retry never makes a second one. */
  create(job: NewJob, idempotencyKey: string = randomUUID()): Promise<JobAnswer> {
    return this.#call("POST", JOBS, { body: job, headers: { "idempotency-key": idempotencyKey } }, "job");
  }

  get(id: string, view?: ViewName): Promise<JobAnswer> {
    return this.#call("GET", jobPath(id), { query: { view, compat: COMPAT } }, "job");
  }

  /** Newest first. */
  list(filter: JobFilter = {}): AsyncGenerator<ListedJob> {
    return this.#pages<ListedJob>(JOBS, { ...filter, compat: COMPAT, limit: 100 });
  }

  async run(id: string, config: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#call("POST", jobPath(id, "/run"), { body: { config } });
  }

  /** New tasks stop starting; the job is PAUSED once those in hand have ended. */
  async pause(id: string): Promise<void> {
    await this.#call("POST", jobPath(id, "/pause"), {});
  }

  /** A PAUSED job goes on with what is left. */
  async resume(id: string): Promise<void> {
    await this.#call("POST", jobPath(id, "/resume"), {});
  }

  /** The job is CANCELED, or CANCELING while a delivery ends; a NEW one is deleted. */
  async abort(id: string): Promise<void> {
    await this.#call("POST", jobPath(id, "/abort"), {});
  }

  /** The next run of a job that has ended. The call carries an Idempotency-Key, so that a retry never makes a second one. */
  async requeue(id: string, choice: RequeueChoice = {}, idempotencyKey: string = randomUUID()): Promise<void> {
    const headers = { "idempotency-key": idempotencyKey };
    await this.#call("POST", jobPath(id, "/requeue"), { body: choice, headers });
  }

  /**
   * One action on many jobs, an answer per page; each tells what was done and what was skipped, and why.
   *
   * @example
   * for await (const { ids, skipped } of jobjob.act({ action: "requeue", filters: [{ field: "state", condition: "EQ", value: "FAILED" }] })) …
   */
  async *act(request: BulkAction, idempotencyKey: string = randomUUID()): AsyncGenerator<ActionsAnswer> {
    const { ids, ...rest } = request;
    const groups = ids === undefined ? [undefined] : groupsOf(ids, IDS_A_CALL);
    for (const group of groups) {
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const body = { ...rest, ...(group ? { ids: group } : {}), cursor };
        const headers = { "idempotency-key": idempotencyKey };
        const answer: ActionsAnswer = await this.#call("POST", `${JOBS}/actions`, { body, headers }, "skipped");
        yield answer;
        cursor = answer.cursor;
      }
    }
  }

  async delete(id: string): Promise<void> {
    await this.#call("DELETE", jobPath(id), {});
  }

  async setTags(id: string, tags: Readonly<Record<string, string>>): Promise<JobRecord> {
    return (await this.#call<JobAnswer>("PATCH", jobPath(id, "/tags"), { body: { tags } }, "job")).job;
  }

  /** Answers when the state changes, or after at most 25 s. */
  wait(id: string, seconds: number): Promise<JobAnswer> {
    return this.#call("GET", jobPath(id, "/wait"), { query: { timeout: seconds, compat: COMPAT } }, "job");
  }

  /** Links for at most 1,000 files of a call, or the end of multipart uploads. */
  async uploads(
    id: string,
    body: {
      readonly files?: readonly { readonly name: string; readonly size: number }[];
      readonly complete?: readonly {
        readonly name: string;
        readonly uploadId: string;
        readonly parts: readonly { readonly partNumber: number; readonly etag: string }[];
      }[];
    },
  ): Promise<readonly UploadRecord[]> {
    return (await this.#call<UploadsAnswer>("POST", jobPath(id, "/uploads"), { body }, "uploads")).uploads;
  }

  async uploadCompleted(id: string): Promise<void> {
    await this.#call("PATCH", jobPath(id, "/uploadcompleted"), {});
  }

  /**
   * Nothing until the job is COMPLETE; with `partial`, what the tasks of a FAILED, CANCELED or PAUSED one have finished,
   * unmerged. Links are fresh at each page and live an hour at most.
   */
  async *results(id: string, { partial = false }: { readonly partial?: boolean } = {}): AsyncGenerator<ResultRecord> {
    for (let page: number | null = 0; page !== null; ) {
      const query = { partial: partial ? "true" : undefined, page: page || undefined };
      const answer: ResultsAnswer = await this.#call("GET", jobPath(id, "/results"), { query }, "results");
      yield* answer.results;
      page = answer.nextPage;
    }
  }

  tasks(
    id: string,
    filter: { readonly state?: string | undefined; readonly view?: ViewName | undefined } = {},
  ): AsyncGenerator<TaskRecord> {
    return this.#pages<TasksAnswer["data"][number]>(jobPath(id, "/tasks"), { ...filter, limit: 1_000 });
  }

  /** What apps and engines had to say, in one answer; of a big job it holds only a part. */
  logs(id: string, query: LogsQuery = {}): Promise<LogsAnswer> {
    return this.#call("POST", "/v1/customer/logs", { body: { jobId: id, ...query } }, "taskrunner");
  }

  /** The objects that hold what the job's tasks printed, in the order of the tasks, with links. `LogReader` reads them. */
  logParts(id: string, query: { readonly task?: number | undefined } = {}): AsyncGenerator<LogPart> {
    return this.#pages<LogPart>(jobPath(id, "/logs"), { ...query, limit: 1_000 });
  }

  /** The timeline, oldest first. */
  events(id: string): AsyncGenerator<EventRecord> {
    return this.#pages<EventRecord>(jobPath(id, "/events"), { limit: 1_000 });
  }

  /**
   * What happened to all jobs behind `cursor`, else since `since` (RFC 3339), else from now on; oldest first, at most 100.
   * Waits up to `seconds` (25 at most) for the first one. The answer's cursor goes on without loss.
   */
  async newEvents(ask: {
    readonly cursor?: string | undefined;
    readonly since?: string | undefined;
    readonly seconds: number;
  }): Promise<{ readonly events: readonly OwnerEvent[]; readonly cursor: string }> {
    const query = { cursor: ask.cursor, since: ask.since, timeout: ask.seconds };
    const answer = await this.transport.send("GET", "/v1/customer/events", { query });
    const cursor = answer.headers.get("x-next-cursor");
    if (cursor === null)
      throw new NotAnApiError(this.transport.url, "no cursor in the answer of GET /v1/customer/events");
    const lines = (await answer.text()).split("\n").filter((line) => line !== "");
    return { events: lines.map((line) => (JSON.parse(line) as EventLine).result.data), cursor };
  }

  /** The chunks that would be made; nothing starts. */
  partition(id: string): Promise<DryRun> {
    return this.#call("POST", jobPath(id, "/partition"), {}, "chunks");
  }

  async estimate(id: string): Promise<EstimationAnswer["estimation"]> {
    const path = `${JOBS}/estimation/${encodeURIComponent(id)}`;
    return (await this.#call<EstimationAnswer>("GET", path, {}, "estimation")).estimation;
  }

  async cost(id: string): Promise<CostRecord | null> {
    return (await this.#call<{ cost: CostRecord | null }>("GET", jobPath(id, "/cost"), {}, "cost")).cost;
  }

  templates(): AsyncGenerator<TemplateRecord> {
    return this.#pages<TemplateRecord>("/v1/dev/templates", { limit: 100 });
  }

  async #call<T>(method: string, path: string, call: Call, key = "ok"): Promise<T> {
    const answer = await this.transport.call(method, path, call);
    // A newer server may add fields, so an answer is known by its main one and not checked to the last.
    if (!(key in answer)) throw new NotAnApiError(this.transport.url, `no "${key}" in the answer of ${method} ${path}`);
    return answer as T;
  }

  async *#pages<T>(path: string, query: Readonly<Record<string, string | number | undefined>>): AsyncGenerator<T> {
    let at: Record<string, string | number> = {};
    for (let seen = 0; ; ) {
      const page = await this.#call<Page<T>>("GET", path, { query: { ...query, ...at } }, "data");
      yield* page.data;
      seen += page.data.length;
      if (!page.pagination?.hasNext) return;
      at = page.pagination.cursor === null ? { offset: seen } : { cursor: page.pagination.cursor };
    }
  }
}

/** What the server acts on in one call. */
const IDS_A_CALL = 100;

function* groupsOf<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size);
}

interface Page<T> {
  readonly data: readonly T[];
  readonly pagination?: { readonly hasNext: boolean; readonly cursor: string | null };
}
