import { PACK_LIMIT, type WorkSpec, workSpec } from "../../../core/contracts/worker.ts";
import type { ChildInput, WorkerResult } from "../../../core/contracts/workflow.ts";
import { type ErrorData, JobJobError, toErrorData } from "../../../core/errors.ts";
import { planHand } from "./hand-plan.ts";
import { HandRun } from "./hand-run.ts";
import { maxRss } from "./max-rss.ts";
import type { Invocation, NodeWorkerOptions, WorkerLimits } from "./options.ts";
import { Supervisor } from "./supervisor.ts";

const DEFAULT_LIMITS: WorkerLimits = {
  packBytes: PACK_LIMIT,
  partBytes: 5 * 1024 * 1024,
  windowBytes: 4 * 1024 * 1024,
  hintEveryMs: 9_500,
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
