import type { TaskEntry, WorkSpec } from "../../../core/contracts/worker.ts";
import type { ChildInput, Hand, WorkerResult } from "../../../core/contracts/workflow.ts";
import { type ErrorData, fromErrorData, JobJobError, toErrorData } from "../../../core/errors.ts";
import { claimIndexKey } from "../../../core/keys/object-keys.ts";
import type { TaskOutcome } from "../messages.ts";
import type { FeedResults, InputFacts } from "./feed-unit.ts";
import { Feeder } from "./feeder.ts";
import type { HandTask } from "./hand-plan.ts";
import { IndexWriter } from "./index-writer.ts";
import { LogWriter } from "./log-writer.ts";
import { Meter } from "./meter.ts";
import type { Invocation, NodeWorkerOptions, WorkerLimits } from "./options.ts";
import { ResultWriter } from "./result-writer.ts";
import { StopWatch } from "./stop-watch.ts";
import type { Supervisor } from "./supervisor.ts";

/** One claim's work. */
export class HandRun implements FeedResults {
  readonly #options: NodeWorkerOptions;
  readonly #limits: WorkerLimits;
  readonly #supervisor: Supervisor;
  readonly #spec: WorkSpec;
  readonly #input: ChildInput;
  readonly #hand: Hand;
  readonly #invocation: Invocation;
  readonly #meter = new Meter();
  readonly #index: IndexWriter;
  readonly #writer: ResultWriter;
  readonly #log: LogWriter;
  readonly #stop: StopWatch;
  /** Relative ordinals, in the order they were taken: the first has the function's whole time. */
  #first: number | undefined;
  /** The longest task so far, ms. */
  #longest = 0;
  /** S3 failed while a task's input was read: no task's fault. */
  #fault: ErrorData | undefined;

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
      // What an announcement lists must be there to be read, and a pack is there only when it ends.
      packLimit: hand.cautious ? 0 : limits.packBytes,
      partBytes: limits.partBytes,
    });
    this.#index = new IndexWriter({
      objects,
      clock: options.clock,
      place: { bucket, key: claimIndexKey({ owner, jobId }, generation, input.b.n, hand.claim) },
      about: {
        batch: input.b.n,
        claim: hand.claim,
        run: input.run,
        worker: options.workerId,
        requestId: invocation.requestId,
      },
      meter: this.#meter,
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
      needMs: () => this.#timeOfNext() + limits.marginMs,
      remaining: () => invocation.remaining(),
      onStop: () => supervisor.stop(),
    });
  }

  /** @throws JobJobError when the hand as a whole came to nothing */
  async run(tasks: readonly HandTask[]): Promise<WorkerResult> {
    const { owner, jobId, generation } = this.#spec;
    const { marginMs } = this.#limits;
    // A function that has too little time for another task never dies of one: the task's own time is cut instead.
    this.#supervisor.timeLimit = () =>
      Math.max(1, Math.min(this.#spec.taskTimeoutMs, this.#invocation.remaining() - marginMs / 2));
    this.#supervisor.printed = (message) => this.#log.printed(message);
    this.#log.begin(tasks);
    try {
      await this.#runTasks(tasks);
      this.#log.handedBack(tasks.filter(({ relative }) => !this.#index.has(relative)));
      if (this.#fault && this.#index.size === 0) throw fromErrorData(this.#fault);
      const { etag, maxRss } = await this.#index.finish(await this.#writer.finish());
      const indexKey = claimIndexKey({ owner, jobId }, generation, this.#input.b.n, this.#hand.claim);
      return { claim: this.#hand.claim, indexKey, etag, maxRss };
    } catch (error) {
      await this.#abandon();
      throw error;
    } finally {
      this.#stop.end();
      await this.#log.finish();
    }
  }

  /** Twice the longest so far, for tasks are rarely alike; nothing is known of the first. */
  #timeOfNext(): number {
    const { taskTimeoutMs } = this.#spec;
    return this.#longest === 0 ? taskTimeoutMs : Math.min(taskTimeoutMs, 2 * this.#longest);
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
      if (!(error instanceof JobJobError && error.code === "APP_LOAD_FAILED" && this.#index.size > 0)) throw error;
      this.#options.log.warn("WORKER_THREAD_LOST", { jobId, error: error.toData() });
      await this.#supervisor.close();
    }
  }

  mayTake(task: HandTask): boolean {
    if (this.#fault || this.#stop.stopped) return false;
    // Too little time from the start: one task, so that the job moves on at all.
    if (this.#stop.isShort && this.#first !== undefined) return false;
    this.#first ??= task.relative;
    return true;
  }

  async begin(task: HandTask): Promise<boolean> {
    if (!this.mayTake(task)) return false;
    if (this.#hand.cautious) await this.#index.announce(task.relative);
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
    if (this.#isFault(error)) return;
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
    const ms = endedAt - startedAt;
    this.#meter.processMs += ms;
    const error = facts.error ?? outcome.error ?? this.#headerProblem(outcome);
    if (error && (this.#isFault(error) || this.#wasCut(task, error, ms))) {
      await this.#writer.discard();
      return;
    }
    this.#longest = Math.max(this.#longest, ms);
    const t: TaskEntry["t"] = [startedAt, Math.max(0, ms)];
    const rejections = outcome.rejected > 0 ? { j: [...outcome.rejections], jn: outcome.rejected } : {};
    const edges: Pick<TaskEntry, "g"> = facts.edges ? { g: [facts.edges[0], facts.edges[1]] } : {};
    if (error) {
      await this.#writer.discard();
      this.#add(task, { x: error.retryable ? "F" : "X", t, b: [facts.bytes, 0], e: error, ...rejections, ...edges });
      return;
    }
    const { results, size } = await this.#writer.commit(task.relative);
    this.#index.header ??= outcome.header;
    this.#add(task, { x: outcome.x, t, b: [facts.bytes, size], r: results, ...rejections, ...edges });
  }

  /** A service's outage is charged to no task: what has ended counts, the rest is handed back. */
  #isFault(error: ErrorData): boolean {
    if (error.code !== "STORE_UNAVAILABLE" || !error.retryable) return false;
    this.#fault ??= error;
    return true;
  }

  /** It had less than its own time, because it came late: it is handed back, to be the next hand's first. */
  #wasCut(task: HandTask, error: ErrorData, ms: number): boolean {
    return error.code === "TASK_TIMEOUT" && ms < this.#spec.taskTimeoutMs && task.relative !== this.#first;
  }

  #headerProblem({ header }: TaskOutcome): ErrorData | undefined {
    const before = this.#index.header;
    if (header === null || before === null || header === before) return undefined;
    return {
      code: "HEADER_DIFFERS",
      message: `This task's CSV header is ${header.trimEnd()}, that of the tasks before it ${before.trimEnd()}; make the app write the same columns for every chunk (params.app.columns names them).`,
      retryable: false,
    };
  }

  #add(task: HandTask, entry: Omit<TaskEntry, "o">): void {
    this.#index.add({ o: task.relative, ...entry });
    this.#log.ended(task, entry);
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
