/** The API as methods, one per call; lists as async iterators. */
import { randomUUID } from "node:crypto";
import type {
  CostRecord,
  EstimationAnswer,
  EventsAnswer,
  JobAnswer,
  JobRecord,
  ResultsAnswer,
  TaskRecord,
  TasksAnswer,
  TemplateRecord,
  UploadsAnswer,
  UserRecord,
} from "../core/contracts/api/records.ts";
import type { DryRun } from "../core/partition/dry-run.ts";
import type { ViewName } from "../core/states/views.ts";
import { NotAnApiError } from "./errors.ts";
import { type Call, Transport, type TransportOptions } from "./transport.ts";

export type EventRecord = EventsAnswer["data"][number];
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
}

const JOBS = "/v1/customer/jobs";
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
    return this.#call("GET", jobPath(id), { query: { view } }, "job");
  }

  /** Newest first. */
  list(filter: JobFilter = {}): AsyncGenerator<JobRecord> {
    return this.#pages<JobRecord>(JOBS, { ...filter, limit: 100 });
  }

  async run(id: string, config: Readonly<Record<string, unknown>> = {}): Promise<void> {
    await this.#call("POST", jobPath(id, "/run"), { body: { config } });
  }

  async delete(id: string): Promise<void> {
    await this.#call("DELETE", jobPath(id), {});
  }

  async setTags(id: string, tags: Readonly<Record<string, string>>): Promise<JobRecord> {
    return (await this.#call<JobAnswer>("PATCH", jobPath(id, "/tags"), { body: { tags } }, "job")).job;
  }

  /** Answers when the state changes, or after at most 25 s. */
  wait(id: string, seconds: number): Promise<JobAnswer> {
    return this.#call("GET", jobPath(id, "/wait"), { query: { timeout: seconds } }, "job");
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

  /** Nothing until the job is COMPLETE; links are fresh at each page and live an hour at most. */
  async *results(id: string): AsyncGenerator<ResultRecord> {
    for (let page: number | null = 0; page !== null; ) {
      const query: Call["query"] = page === 0 ? {} : { page };
      const answer: ResultsAnswer = await this.#call("GET", jobPath(id, "/results"), { query }, "results");
      yield* answer.results;
      page = answer.nextPage;
    }
  }

  tasks(id: string, filter: { readonly state?: string | undefined } = {}): AsyncGenerator<TaskRecord> {
    return this.#pages<TasksAnswer["data"][number]>(jobPath(id, "/tasks"), { ...filter, limit: 1_000 });
  }

  /** The timeline, oldest first. */
  events(id: string): AsyncGenerator<EventRecord> {
    return this.#pages<EventRecord>(jobPath(id, "/events"), { limit: 1_000 });
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

interface Page<T> {
  readonly data: readonly T[];
  readonly pagination?: { readonly hasNext: boolean; readonly cursor: string | null };
}
