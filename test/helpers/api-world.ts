/** The whole API in memory: its app, its twins, and shorthands for a caller. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { JoseTokens } from "../../adapters/auth/tokens.ts";
import {
  CapturedLog,
  ManualClock,
  MemoryNudge,
  MemoryObjectStore,
  MemoryTable,
  MemoryWorkflow,
  SeededIds,
} from "../../adapters/memory/index.ts";
import { assemblers } from "../../apps/assemblers/index.ts";
import { partitioners } from "../../apps/partitioners/index.ts";
import { ownerWrites } from "../../core/auth/owners.ts";
import type { ErrorAnswer, JobAnswer } from "../../core/contracts/api/records.ts";
import type { AppInfo, TemplateInfo } from "../../core/contracts/blocks.ts";
import type { Catalog } from "../../core/job/catalog.ts";
import type { Table } from "../../core/ports/index.ts";
import { DEFAULT_SETTINGS } from "../../core/steps/context.ts";
import { createApi } from "../../lambdas/api/app.ts";
import type { ApiPorts } from "../../lambdas/api/context.ts";

/** A small app of the tests' own: what the API checks doesn't depend on which apps are built in. */
const echo: AppInfo = {
  kind: "app",
  name: "echo",
  version: "1.2",
  description: "Gives back what it gets.",
  params: z.strictObject({ by: z.string(), width: z.number().min(1).optional() }),
  taskSeconds: 2,
  accepts: ["records", "bytes", "objects", "nothing"],
  produces: "bytes",
};
const template = (id: string, partitioner: string, more: Partial<TemplateInfo> = {}): TemplateInfo => ({
  id,
  description: `echo over ${partitioner}`,
  app: "echo",
  partitioner,
  assembler: "concat",
  params: { app: { by: "state" } },
  ...more,
});
const templates: readonly TemplateInfo[] = [
  template("csv-echo", "csv"),
  template("range-echo", "range", { params: { app: { by: "n" }, partitioner: { range: "1-10" } } }),
  template("bare-echo", "lines", { params: {}, config: { taskTimeout: 60, maxTaskRetries: 4 } }),
];
const catalog: Catalog = {
  templates,
  findTemplate: (id) => templates.find((one) => one.id === id),
  findPartitioner: (name) => partitioners.find((one) => one.name === name),
  findApp: (name) => (name === echo.name ? echo : undefined),
  findAssembler: (name) => assemblers.find((one) => one.name === name),
  resultFormat: () => "bytes",
};

export const BUCKET = "jobjob-data";
export const GRANTED = "inbox";

export interface Answer<T = unknown> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export class ApiWorld {
  readonly clock = new ManualClock("2026-03-01T10:00:00Z");
  readonly store = new MemoryTable({ clock: this.clock });
  readonly objects = new MemoryObjectStore({ buckets: [BUCKET, GRANTED], clock: this.clock });
  readonly workflow = new MemoryWorkflow();
  readonly nudge = new MemoryNudge();
  readonly log = new CapturedLog();
  readonly ids = new SeededIds(7, this.clock);
  readonly ports: ApiPorts;
  readonly app: ReturnType<typeof createApi>;

  constructor(options: { readonly table?: (table: MemoryTable) => Table; readonly ports?: Partial<ApiPorts> } = {}) {
    const table = options.table?.(this.store) ?? this.store;
    let random = 0;
    this.ports = {
      table,
      objects: this.objects,
      clock: this.clock,
      ids: this.ids,
      log: this.log,
      workflow: this.workflow,
      nudge: this.nudge,
      catalog,
      settings: {
        ...DEFAULT_SETTINGS,
        bucket: BUCKET,
        region: "eu-north-1",
        grantedBuckets: [GRANTED],
        maxWorkers: 100,
      },
      sleep: async (ms) => this.clock.advance(ms),
      auth: {
        table,
        clock: this.clock,
        ids: this.ids,
        tokens: new JoseTokens(async () => "a secret of forty-eight characters, as generated."),
        tokenSeconds: 3_600,
        sha256: (text) => createHash("sha256").update(text).digest("hex"),
        randomText: () => `random-${++random}`,
        adminKey: async () => "the-first-key",
      },
      version: "9.9.9",
      bytenite: false,
      ...options.ports,
    };
    this.app = createApi(this.ports);
  }

  async owner(name: string): Promise<void> {
    await this.store.transact(ownerWrites(this.ports.auth, name));
  }

  /** A call as the gateway passes it on: already authenticated. */
  async call<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    options: { readonly owner?: string | null; readonly headers?: Record<string, string> } = {},
  ): Promise<Answer<T>> {
    const owner = options.owner === undefined ? "alice" : options.owner;
    const caller = owner === null ? {} : { caller: { id: "T", owner, keyId: "K", expiresAt: this.clock.now() + 1e6 } };
    const text = body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body);
    const init = { method, body: text, headers: options.headers ?? {} };
    const response = await this.app.request(path, init, { requestId: "req-1", ...caller });
    return { status: response.status, body: (await response.json()) as T, headers: response.headers };
  }

  /** A NEW job of a template; fails loudly when it is refused. */
  async job(body: Record<string, unknown> = {}, owner = "alice"): Promise<JobAnswer["job"]> {
    const answer = await this.call<JobAnswer & ErrorAnswer>(
      "POST",
      "/v1/customer/jobs",
      { templateId: "range-echo", ...body },
      { owner },
    );
    if (answer.status !== 200) throw new Error(`create: ${answer.status} ${answer.body.message}`);
    return answer.body.job;
  }

  async get(id: string, query = ""): Promise<JobAnswer> {
    return (await this.call<JobAnswer>("GET", `/v1/customer/jobs/${id}${query}`)).body;
  }

  run(id: string, body?: unknown): Promise<Answer<ErrorAnswer>> {
    return this.call<ErrorAnswer>("POST", `/v1/customer/jobs/${id}/run`, body);
  }

  put(key: string, body: string | Uint8Array, bucket = GRANTED) {
    return this.objects.put({ bucket, key }, body);
  }
}

export const s3 = (name: string, bucketName = GRANTED) => ({
  dataSourceDescriptor: "s3",
  params: { name, bucketName },
});
