import {
  type ClaimIndex,
  PACK_LIMIT,
  type TaskEntry,
  type WorkSpec,
  workSpec,
} from "../../../core/contracts/worker.ts";
import type { ChildInput, Hand, WorkerResult } from "../../../core/contracts/workflow.ts";
import { type ErrorData, JobJobError, toErrorData } from "../../../core/errors.ts";
import { claimIndexKey } from "../../../core/keys/object-keys.ts";
import type { Log, ObjectStore } from "../../../core/ports/index.ts";
import type { TaskOutcome } from "../messages.ts";
import type { FeedResults, InputFacts } from "./feed-unit.ts";
import { Feeder } from "./feeder.ts";
import { type HandTask, planHand } from "./hand-plan.ts";
import { LogWriter } from "./log-writer.ts";
import { maxRss } from "./max-rss.ts";
import { Meter } from "./meter.ts";
import { ResultWriter } from "./result-writer.ts";
import { StopWatch } from "./stop-watch.ts";
import { Supervisor } from "./supervisor.ts";

/** One invocation of the function. */
export interface Invocation {
  readonly requestId: string;
  /** Milliseconds until the function is killed. */
  remaining(): number;
}

export interface NodeWorkerOptions {
  readonly objects: ObjectStore;
  readonly clock: { now(): number };
  readonly log: Log;
  /** The deployment's own bucket. */
  readonly bucket: string;
  /** Of this process, unique. */
  readonly workerId: string;
  /** Module of the thread: it calls `startThread`. */
  readonly thread: URL;
  /** MiB of the function. */
  readonly memoryMiB: number;
  readonly limits?: Partial<WorkerLimits>;
}

export interface WorkerLimits {
  /** Bytes over which a result gets an object of its own. @default 8 MiB */
  readonly packBytes: number;
  /** Bytes of a part of an upload. @default 5 MiB */
  readonly partBytes: number;
  /** Bytes of one GET of input. @default 4 MiB: two of them and what they leave behind stay far below 256 MiB */
  readonly windowBytes: number;
  /** Milliseconds between two looks at the control hint. @default 10,000 */
  readonly hintEveryMs: number;
  /** Milliseconds kept back for the last uploads and the index. @default 20,000 */
  readonly marginMs: number;
  /** Milliseconds between two writes of the log while there is something new. @default 10,000 */
  readonly logEveryMs: number;
}

const DEFAULT_LIMITS: WorkerLimits = {
  packBytes: PACK_LIMIT,
  partBytes: 5 * 1024 * 1024,
  windowBytes: 4 * 1024 * 1024,
  hintEveryMs: 10_000,
  marginMs: 20_000,
  logEveryMs: 10_000,
};

/** What the process itself, its windows and its parts take besides the app's heap, MiB. */
const OVERHEAD_MIB = 200;
const LEAST_HEAP_MIB = 64;

/** Does the work of the app λ; one per process. Its thread stays warm between the hands of a job. */
export class NodeWorker {
  readonly #options: NodeWorkerOptions;
  readonly #limits: WorkerLimits;
  readonly #supervisor: Supervisor;
  #spec: { readonly key: string; readonly spec: WorkSpec } | null = null;

  constructor(options: NodeWorkerOptions) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#supervisor = new Supervisor({
      thread: options.thread,
      heapMiB: Math.max(LEAST_HEAP_MIB, options.memoryMiB - OVERHEAD_MIB),
      now: () => options.clock.now(),
    });
  }

  /**
   * Runs the tasks in hand and writes pack and index. Errors of tasks are in the index; an error of the whole hand (its
   * files can't be read or written) is the answer.
   */
  async run(input: ChildInput, invocation: Invocation): Promise<WorkerResult | { readonly error: ErrorData }> {
    const { hand } = input;
    if (!hand || hand.tasks === "" || hand.claim === 0) return { claim: 0, indexKey: "", etag: "", maxRss: maxRss() };
    try {
      const spec = await this.#readSpec(input.work);
      const tasks = await planHand(this.#options.objects, spec, input, hand);
      return await new HandRun(this.#options, this.#limits, this.#supervisor, spec, input, hand, invocation).run(tasks);
    } catch (error) {
      const data = toErrorData(error);
      this.#options.log.error("WORKER_FAILED", {
        jobId: input.jobId,
        batch: input.b.n,
        claim: hand.claim,
        error: data,
      });
      await this.#supervisor.close();
      return { error: data };
    } finally {
      this.#supervisor.rest();
    }
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    await this.#supervisor.close();
  }

  async #readSpec(key: string): Promise<WorkSpec> {
    if (this.#spec?.key === key) return this.#spec.spec;
    const bytes = await this.#options.objects.get({ bucket: this.#options.bucket, key });
    const parsed = workSpec.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
    if (!parsed.success) {
      throw new JobJobError({
        code: "WORK_SPEC_INVALID",
        message: `The work spec ${key} doesn't fit this version of JobJob; requeue the job.`,
        details: {
          issues: parsed.error.issues.slice(0, 5).map(({ path, message }) => `${path.join(".")}: ${message}`),
        },
      });
    }
    this.#spec = { key, spec: parsed.data };
    return parsed.data;
  }
}

/** One claim's work. */
class HandRun implements FeedResults {
  readonly #options: NodeWorkerOptions;
  readonly #limits: WorkerLimits;
  readonly #supervisor: Supervisor;
  readonly #spec: WorkSpec;
  readonly #input: ChildInput;
  readonly #hand: Hand;
  readonly #invocation: Invocation;
  readonly #meter = new Meter();
  readonly #entries: TaskEntry[] = [];
  readonly #writer: ResultWriter;
  readonly #log: LogWriter;
  readonly #stop: StopWatch;
  readonly #startedAt: number;
  #header: string | null = null;
  #taken = 0;

  constructor(
    options: NodeWorkerOptions,
    limits: WorkerLimits,
    supervisor: Supervisor,
    spec: WorkSpec,
    input: ChildInput,
    hand: Hand,
    invocation: Invocation,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#supervisor = supervisor;
    this.#spec = spec;
    this.#input = input;
    this.#hand = hand;
    this.#invocation = invocation;
    this.#startedAt = options.clock.now();
    const { objects, log } = options;
    const { bucket, generation, jobId, owner } = spec;
    this.#writer = new ResultWriter({
      objects,
      bucket,
      job: { owner, jobId },
      generation,
      batch: input.b.n,
      claim: hand.claim,
      meter: this.#meter,
      packLimit: limits.packBytes,
      partBytes: limits.partBytes,
    });
    this.#log = new LogWriter({
      objects,
      clock: options.clock,
      log,
      bucket,
      job: { owner, jobId },
      generation,
      head: {
        v: 1,
        batch: input.b.n,
        claim: hand.claim,
        run: input.run,
        first: input.b.first,
        worker: options.workerId,
        requestId: invocation.requestId,
      },
      everyMs: limits.logEveryMs,
    });
    this.#stop = new StopWatch({
      objects,
      log,
      hint: { bucket, key: spec.hint },
      hintEveryMs: limits.hintEveryMs,
      run: input.run,
      round: input.round,
      needMs: spec.taskTimeoutMs + limits.marginMs,
      remaining: () => invocation.remaining(),
      onStop: () => supervisor.stop(),
    });
  }

  async run(tasks: readonly HandTask[]): Promise<WorkerResult> {
    const { objects } = this.#options;
    const { bucket, generation, owner, jobId } = this.#spec;
    const { marginMs } = this.#limits;
    // A function that has too little time for another task never dies of one: the task's own time is cut instead.
    this.#supervisor.timeLimit = () =>
      Math.max(1, Math.min(this.#spec.taskTimeoutMs, this.#invocation.remaining() - marginMs / 2));
    this.#supervisor.printed = (message) => this.#log.printed(message);
    this.#log.begin(tasks);
    try {
      await this.#runTasks(tasks);
      this.#log.handedBack(this.#unbegun(tasks));
      const pack = await this.#writer.finish();
      const index = this.#index(pack);
      const key = claimIndexKey({ owner, jobId }, generation, this.#input.b.n, this.#hand.claim);
      const { etag } = await objects.put({ bucket, key }, JSON.stringify(index), { contentType: "application/json" });
      return { claim: this.#hand.claim, indexKey: key, etag, maxRss: index.maxRss };
    } catch (error) {
      await this.#abandon();
      throw error;
    } finally {
      this.#stop.end();
      await this.#log.finish();
    }
  }

  #unbegun(tasks: readonly HandTask[]): readonly HandTask[] {
    const begun = new Set(this.#entries.map(({ o }) => o));
    return tasks.filter(({ relative }) => !begun.has(relative));
  }

  async #runTasks(tasks: readonly HandTask[]): Promise<void> {
    const { app, params, input, resultFormat, taskCount, taskTimeoutMs, jobId } = this.#spec;
    try {
      await this.#supervisor.configure({
        jobId,
        app: app.name,
        params: params.app,
        input,
        resultFormat,
        taskCount,
        taskTimeoutMs,
      });
    } catch (error) {
      const data = toErrorData(error);
      for (const task of tasks) this.refused(task, data);
      return;
    }
    this.#stop.start();
    const feeder = new Feeder({
      objects: this.#options.objects,
      supervisor: this.#supervisor,
      meter: this.#meter,
      input,
      windowBytes: this.#limits.windowBytes,
      results: this,
      sequential: this.#hand.cautious,
    });
    try {
      await feeder.run(tasks);
      await this.#supervisor.drained();
    } catch (error) {
      // The thread can't be started again: what has ended counts, the rest is handed back.
      if (!(error instanceof JobJobError && error.code === "APP_LOAD_FAILED" && this.#entries.length > 0)) throw error;
      this.#options.log.warn("WORKER_THREAD_LOST", { jobId, error: error.toData() });
      await this.#supervisor.close();
    }
  }

  mayTake(): boolean {
    if (this.#stop.stopped) return false;
    // Too little time from the start: one task, so that the job moves on at all.
    if (this.#stop.isShort && this.#taken > 0) return false;
    this.#taken++;
    return true;
  }

  eventsFor(task: HandTask, facts: InputFacts): ReturnType<FeedResults["eventsFor"]> {
    return {
      opened: () => undefined,
      data: (result, name, bytes, last) => this.#writer.data(task.relative, result, name, bytes, last),
      ended: (outcome, startedAt, endedAt) => this.#ended(task, facts, outcome, startedAt, endedAt),
    };
  }

  skipped(task: HandTask, facts: InputFacts): void {
    const now = this.#options.clock.now();
    this.#add(task, { x: "K", t: [now, 0], b: [0, 0], ...(facts.edges ? { g: [...facts.edges] } : {}) });
  }

  refused(task: HandTask, error: ErrorData): void {
    this.#add(task, { x: error.retryable ? "F" : "X", t: [this.#options.clock.now(), 0], b: [0, 0], e: error });
  }

  async #ended(
    task: HandTask,
    facts: InputFacts,
    outcome: TaskOutcome | null,
    startedAt: number,
    endedAt: number,
  ): Promise<void> {
    if (outcome === null) return;
    this.#meter.processMs += endedAt - startedAt;
    const error = facts.error ?? outcome.error ?? this.#headerProblem(outcome);
    const t: TaskEntry["t"] = [startedAt, Math.max(0, endedAt - startedAt)];
    const rejections = outcome.rejected > 0 ? { j: [...outcome.rejections], jn: outcome.rejected } : {};
    const edges: Pick<TaskEntry, "g"> = facts.edges ? { g: [facts.edges[0], facts.edges[1]] } : {};
    if (error) {
      await this.#writer.discard();
      this.#add(task, { x: error.retryable ? "F" : "X", t, b: [facts.bytes, 0], e: error, ...rejections, ...edges });
      return;
    }
    const { results, size } = await this.#writer.commit(task.relative);
    this.#header ??= outcome.header;
    this.#add(task, { x: outcome.x, t, b: [facts.bytes, size], r: results, ...rejections, ...edges });
  }

  #headerProblem({ header }: TaskOutcome): ErrorData | undefined {
    if (header === null || this.#header === null || header === this.#header) return undefined;
    return {
      code: "HEADER_DIFFERS",
      message: `This task's CSV header is ${header.trimEnd()}, that of the tasks before it ${this.#header.trimEnd()}; make the app write the same columns for every chunk (params.app.columns names them).`,
      retryable: false,
    };
  }

  #add(task: HandTask, entry: Omit<TaskEntry, "o">): void {
    this.#entries.push({ o: task.relative, ...entry });
    this.#log.ended(task, entry);
  }

  #index(pack: ClaimIndex["pack"]): ClaimIndex {
    const { downloadBytes, uploadBytes, downloadMs, processMs, uploadMs } = this.#meter;
    return {
      v: 1,
      batch: this.#input.b.n,
      claim: this.#hand.claim,
      run: this.#input.run,
      worker: this.#options.workerId,
      requestId: this.#invocation.requestId,
      startedAt: this.#startedAt,
      endedAt: this.#options.clock.now(),
      pack,
      header: this.#header,
      stats: {
        downloadBytes,
        uploadBytes,
        downloadMs: Math.round(downloadMs),
        processMs: Math.round(processMs),
        uploadMs: Math.round(uploadMs),
      },
      maxRss: maxRss(),
      tasks: [...this.#entries].sort((a, b) => a.o - b.o),
    };
  }

  async #abandon(): Promise<void> {
    try {
      await this.#writer.abort();
    } catch (error) {
      // The lifecycle rule for unfinished uploads is the net below.
      this.#options.log.warn("WORKER_ABORT_FAILED", { jobId: this.#spec.jobId, error: toErrorData(error) });
    }
  }
}
