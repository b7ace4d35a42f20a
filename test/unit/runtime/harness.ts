import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as esbuild from "esbuild";
import { CapturedLog, MemoryObjectStore } from "../../../adapters/memory/index.ts";
import { formatRanges } from "../../../core/batches/ranges.ts";
import type { InputFormat } from "../../../core/contracts/parts.ts";
import {
  type ChunkLine,
  type ClaimIndex,
  claimIndex,
  type ResultFormat,
  type TaskEntry,
  type WorkSpec,
} from "../../../core/contracts/worker.ts";
import { type ChildInput, childInput, workerResult } from "../../../core/contracts/workflow.ts";
import type { ObjectStore } from "../../../core/ports/index.ts";
import { NodeWorker } from "../../../runtime/node/worker/node-worker.ts";
import type { WorkerLimits } from "../../../runtime/node/worker/options.ts";

export const BUCKET = "data";
export const JOB = { owner: "ann", jobId: "job1" };

/** The thread's module, bundled as the deployment does it. */
export async function bundleThread(): Promise<{ url: URL; remove(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "jobjob-thread-"));
  const outfile = join(folder, "thread.mjs");
  await esbuild.build({
    entryPoints: [new URL("./thread-entry.ts", import.meta.url).pathname],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    banner: { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' },
    logLevel: "error",
  });
  return { url: pathToFileURL(outfile), remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface Source {
  readonly key: string;
  readonly body: string | Uint8Array;
  readonly header?: string;
}

export interface JobOptions {
  readonly app: string;
  readonly params?: Record<string, unknown>;
  readonly sources?: readonly Source[];
  readonly chunks: readonly ChunkLine[];
  readonly input?: InputFormat;
  readonly resultFormat?: ResultFormat;
  readonly taskTimeoutMs?: number;
}

export interface RunOptions {
  /** Relative ordinals in hand; all by default. */
  readonly tasks?: readonly number[];
  readonly attempts?: ChildInput["hand"] extends infer H | undefined
    ? H extends { attempts: infer A }
      ? A
      : never
    : never;
  readonly claim?: number;
  readonly remaining?: () => number;
  readonly cautious?: boolean;
  readonly round?: number;
}

/** A job's files in memory, and a worker on them. */
export class WorkerHarness {
  readonly store: MemoryObjectStore;
  readonly log = new CapturedLog();
  readonly worker: NodeWorker;
  #chunks = 0;
  #index: [number, number] = [0, 0];
  #sources: [number, number, number] | null = null;

  constructor(options: {
    thread: URL;
    limits?: Partial<WorkerLimits>;
    memoryMiB?: number;
    store?: MemoryObjectStore;
    port?: ObjectStore;
  }) {
    this.store = options.store ?? new MemoryObjectStore({ buckets: [BUCKET], minPartBytes: 1 });
    this.worker = new NodeWorker({
      objects: options.port ?? this.store,
      clock: { now: () => Date.now() },
      log: this.log,
      bucket: BUCKET,
      workerId: "w1",
      thread: options.thread,
      memoryMiB: options.memoryMiB ?? 1_024,
      ...(options.limits ? { limits: options.limits } : {}),
    });
  }

  async prepare(options: JobOptions): Promise<void> {
    const lines: string[] = [];
    for (const { key, body, header } of options.sources ?? []) {
      const { etag } = await this.store.put({ bucket: BUCKET, key }, body);
      lines.push(
        JSON.stringify({
          b: BUCKET,
          k: key,
          e: etag,
          z: Buffer.byteLength(body),
          ...(header === undefined ? {} : { h: header }),
        }),
      );
    }
    const sources = lines.map((line) => `${line}\n`).join("");
    const index = options.chunks.map((chunk) => `${JSON.stringify(chunk)}\n`).join("");
    await this.store.put({ bucket: BUCKET, key: "sources.jsonl" }, sources);
    await this.store.put({ bucket: BUCKET, key: "index.jsonl" }, index);
    const block = (name: string) => ({ name, version: "1.0", revision: 1 });
    const spec: WorkSpec = {
      v: 1,
      ...JOB,
      run: 1,
      round: 1,
      generation: 0,
      bucket: BUCKET,
      app: block(options.app),
      assembler: block("concat"),
      params: { app: options.params ?? {}, assembler: {} },
      input: options.input ?? { format: "bytes" },
      resultFormat: options.resultFormat ?? "bytes",
      sources: lines.length > 0 ? "sources.jsonl" : null,
      index: "index.jsonl",
      sourceRoot: "in/",
      taskCount: options.chunks.length,
      taskTimeoutMs: options.taskTimeoutMs ?? 10_000,
      hint: "hint.json",
    };
    await this.store.put({ bucket: BUCKET, key: "work.json" }, JSON.stringify(spec));
    this.#chunks = options.chunks.length;
    this.#index = [0, Buffer.byteLength(index)];
    this.#sources = lines.length > 0 ? [0, 0, Buffer.byteLength(sources)] : null;
    this.store.stats = {};
  }

  async answer(options: RunOptions = {}): Promise<unknown> {
    const tasks = options.tasks ?? Array.from({ length: this.#chunks }, (_, i) => i);
    const policy = {
      attempts: 3,
      initialMs: 0,
      rate: 1,
      maxMs: 0,
      failFast: false,
      tolerated: 0,
      total: this.#chunks,
      gates: 1,
    };
    const input = childInput.parse({
      jobId: JOB.jobId,
      owner: JOB.owner,
      run: 1,
      round: options.round ?? 1,
      work: "work.json",
      generation: 0,
      policy,
      b: { n: 7, first: 0, count: Math.max(1, this.#chunks), index: this.#index, sources: this.#sources },
      hand: {
        next: "again",
        claim: options.claim ?? 1,
        tasks: formatRanges(tasks),
        attempts: options.attempts ?? [],
        cautious: options.cautious ?? false,
        rounds: 0,
      },
    });
    return this.worker.run(input, { requestId: "req1", remaining: options.remaining ?? (() => 900_000) });
  }

  /** Runs a hand and reads its index as commit would. */
  async run(options: RunOptions = {}): Promise<HandResult> {
    const result = workerResult.parse(await this.answer(options));
    const index = claimIndex.parse(JSON.parse(this.store.text({ bucket: BUCKET, key: result.indexKey }) ?? ""));
    return new HandResult(this.store, index);
  }
}

export class HandResult {
  readonly index: ClaimIndex;
  readonly #store: MemoryObjectStore;
  constructor(store: MemoryObjectStore, index: ClaimIndex) {
    this.#store = store;
    this.index = index;
  }
  entry(ordinal: number): TaskEntry {
    const entry = this.index.tasks.find(({ o }) => o === ordinal);
    if (!entry) throw new Error(`task ${ordinal} has no entry`);
    return entry;
  }
  error(ordinal: number): NonNullable<TaskEntry["e"]> {
    const { e } = this.entry(ordinal);
    if (!e) throw new Error(`task ${ordinal} has no error`);
    return e;
  }
  /** "CCX": the outcomes in order; "-" for a task without entry. */
  get outcomes(): string {
    const last = this.index.tasks.at(-1)?.o ?? -1;
    return Array.from({ length: last + 1 }, (_, o) => this.index.tasks.find((entry) => entry.o === o)?.x ?? "-").join(
      "",
    );
  }
  /** Bytes of each result of a task. */
  results(ordinal: number): Buffer[] {
    return (this.entry(ordinal).r ?? []).map(({ f, t, k }) => {
      const key = k ?? this.index.pack?.k ?? "";
      const body = this.#store.peek({ bucket: BUCKET, key })?.body ?? new Uint8Array(0);
      return Buffer.from(body.subarray(f, t));
    });
  }
  text(ordinal: number): string {
    return Buffer.concat(this.results(ordinal)).toString();
  }
  /** The results of all tasks in order. */
  get joined(): string {
    return this.index.tasks.map(({ o }) => this.text(o)).join("");
  }
}
