/**
 * The app λ, cheap: it keeps the contract of a worker (chunks read at their version, one pack and one index under keys of
 * its claim, the hint looked at between tasks, in cautious hands an announcement before each task) with an app whose every
 * answer follows from task and attempt.
 */
import { crc32 } from "node:zlib";
import {
  type ClaimIndex,
  hint,
  type TaskEntry,
  type TaskResult,
  type WorkSpec,
  workSpec,
} from "../../core/contracts/worker.ts";
import type { ChildInput, WorkerResult } from "../../core/contracts/workflow.ts";
import { type ErrorData, JobJobError, toErrorData } from "../../core/errors.ts";
import { bigResultKey, claimIndexKey, packKey } from "../../core/keys/object-keys.ts";
import { readJson } from "../../core/objects/json.ts";
import type { Clock, ObjectStore } from "../../core/ports/index.ts";
import { type HandTask, planHand } from "../../runtime/node/worker/hand-plan.ts";
import { chunkRecords, type Fate, outputOf } from "./records.ts";

export interface AppContext {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly bucket: string;
  /** A warm worker has read the spec of its job's round already. */
  readonly specs: Map<string, WorkSpec>;
  /** What becomes of each task. */
  readonly fates: readonly Fate[];
  /** Called when a task of the hand begins; it may never resolve: then the function has died. */
  readonly begins: (ordinal: number) => Promise<void>;
  /** Tasks after which the hint is looked at. */
  readonly looksAtHint: () => boolean;
}

export async function app(ctx: AppContext, input: ChildInput): Promise<WorkerResult | { readonly error: ErrorData }> {
  const { hand } = input;
  if (!hand || hand.claim === 0 || hand.tasks === "") return { claim: 0, indexKey: "", etag: "", maxRss: 1 };
  try {
    const spec =
      ctx.specs.get(input.work) ?? (await readJson(ctx.objects, { bucket: ctx.bucket, key: input.work }, workSpec));
    ctx.specs.set(input.work, spec);
    const tasks = await planHand(ctx.objects, spec, input, hand);
    return await new Hand(ctx, input, hand.claim, hand.cautious, spec.hint).run(tasks);
  } catch (error) {
    if (error instanceof JobJobError) return { error: toErrorData(error) };
    throw error;
  }
}

class Hand {
  readonly #ctx: AppContext;
  readonly #input: ChildInput;
  readonly #claim: number;
  readonly #cautious: boolean;
  readonly #hint: string;
  readonly #entries: TaskEntry[] = [];
  readonly #startedAt: number;
  #pack = "";
  #window = { key: "", text: "" };

  constructor(ctx: AppContext, input: ChildInput, claim: number, cautious: boolean, hintKey: string) {
    this.#ctx = ctx;
    this.#input = input;
    this.#claim = claim;
    this.#cautious = cautious;
    this.#hint = hintKey;
    this.#startedAt = ctx.clock.now();
  }

  async run(tasks: readonly HandTask[]): Promise<WorkerResult> {
    for (const task of tasks) {
      if (this.#ctx.looksAtHint() && (await this.#isCalledOff())) break;
      if (this.#cautious) await this.#writeIndex(null, [task.relative, this.#ctx.clock.now()]);
      await this.#ctx.begins(task.spec.ordinal);
      this.#entries.push(await this.#work(task));
    }
    const { etag, key } = await this.#writeIndex(await this.#writePack());
    return { claim: this.#claim, indexKey: key, etag, maxRss: 1 };
  }

  async #isCalledOff(): Promise<boolean> {
    const said = await readJson(this.#ctx.objects, { bucket: this.#ctx.bucket, key: this.#hint }, hint);
    const { run, round } = this.#input;
    return said.run !== run || said.round !== round || said.wish > 0;
  }

  async #work(task: HandTask): Promise<TaskEntry> {
    const { ordinal, attempt } = task.spec;
    const facts = { o: task.relative, t: [this.#ctx.clock.now(), 1], b: [1, 1] } satisfies Partial<TaskEntry>;
    const fate = this.#ctx.fates[ordinal] ?? "good";
    if (fate === "skip") return { ...facts, x: "K" };
    if (fate === "broken") return { ...facts, x: "X", e: boom(false) };
    if (fate === "bad" || (fate === "flaky" && attempt === 1)) return { ...facts, x: "F", e: boom(true) };
    const records = await this.#read(task);
    if ("code" in records) return { ...facts, x: records.retryable ? "F" : "X", e: records };
    const text = outputOf(records, fate);
    const r = text === "" ? [] : [await this.#keep(task, text)];
    if (fate !== "partial") return { ...facts, x: "C", r };
    return { ...facts, x: "P", r, j: [{ item: "first", reason: "rejected" }], jn: 1 };
  }

  async #read({ input, spec }: HandTask): Promise<readonly string[] | ErrorData> {
    if (input.kind !== "bytes") return chunkRecords(spec.ranges);
    try {
      const { bucket, key, etag } = input.source;
      // Neighbouring chunks are read through one window.
      if (this.#window.key !== key) {
        const body = await this.#ctx.objects.get({ bucket, key }, { ifMatch: etag });
        this.#window = { key, text: new TextDecoder().decode(body) };
      }
      return chunkRecords({ text: this.#window.text, ...input.chunk });
    } catch (error) {
      if (!(error instanceof JobJobError)) throw error;
      if (error.code !== "PRECONDITION_FAILED" && error.code !== "OBJECT_MISSING") return error.toData();
      return { code: "INPUT_CHANGED", message: "the input was overwritten", retryable: false };
    }
  }

  /** In a cautious hand every result has an object of its own: what is announced stands. */
  async #keep(task: HandTask, text: string): Promise<TaskResult> {
    const { owner, jobId, generation, b } = this.#input;
    const facts = { n: `${task.spec.ordinal}.txt`, c: crc32(text) };
    if (this.#cautious) {
      const key = bigResultKey({ owner, jobId }, generation, b.n, this.#claim, task.relative, 0);
      const { etag } = await this.#ctx.objects.put({ bucket: this.#ctx.bucket, key }, text);
      return { ...facts, f: 0, t: text.length, k: key, e: etag };
    }
    const from = this.#pack.length;
    this.#pack += text;
    return { ...facts, f: from, t: this.#pack.length };
  }

  async #writePack(): Promise<ClaimIndex["pack"]> {
    if (this.#pack === "") return null;
    const { owner, jobId, generation, b } = this.#input;
    const key = packKey({ owner, jobId }, generation, b.n, this.#claim);
    const { etag } = await this.#ctx.objects.put({ bucket: this.#ctx.bucket, key }, this.#pack);
    return { k: key, e: etag, z: this.#pack.length };
  }

  async #writeIndex(pack: ClaimIndex["pack"], begun?: [number, number]): Promise<{ etag: string; key: string }> {
    const { owner, jobId, generation, b, run } = this.#input;
    const index: ClaimIndex = {
      v: 1,
      batch: b.n,
      claim: this.#claim,
      run,
      worker: "w",
      requestId: "r",
      startedAt: this.#startedAt,
      endedAt: this.#ctx.clock.now(),
      pack,
      header: null,
      stats: { downloadBytes: 1, uploadBytes: 1, downloadMs: 1, processMs: 1, uploadMs: 1 },
      maxRss: 1,
      tasks: this.#entries,
      ...(begun ? { begun } : {}),
    };
    const key = claimIndexKey({ owner, jobId }, generation, b.n, this.#claim);
    const { etag } = await this.#ctx.objects.put({ bucket: this.#ctx.bucket, key }, JSON.stringify(index));
    return { etag, key };
  }
}

const boom = (retryable: boolean): ErrorData => ({ code: "BOOM", message: "boom", retryable });
