/**
 * The whole of JobJob in memory: the API as a caller reaches it, and the steps of the workflow, which the test calls one by
 * one and may stop anywhere. Tasks end as the test says.
 */
import { Crash, withFaults } from "../../adapters/memory/index.ts";
import { assemblerEngines } from "../../apps/assemblers/engines.ts";
import { parseRanges } from "../../core/batches/ranges.ts";
import type { JobAnswer, TaskRecord } from "../../core/contracts/api/records.ts";
import type { ClaimIndex, TaskEntry } from "../../core/contracts/worker.ts";
import type { BatchPlace, ChildInput, Hand, StepAnswer, StepInput } from "../../core/contracts/workflow.ts";
import { loadJob } from "../../core/job/load.ts";
import { claimIndexKey } from "../../core/keys/object-keys.ts";
import type { ViewName } from "../../core/states/views.ts";
import { assemble } from "../../core/steps/assemble.ts";
import { claim } from "../../core/steps/claim.ts";
import { commit } from "../../core/steps/commit.ts";
import type { ControlContext } from "../../core/steps/context.ts";
import { deliver } from "../../core/steps/deliver.ts";
import { finish } from "../../core/steps/finish.ts";
import { partition } from "../../core/steps/partition.ts";
import { plan } from "../../core/steps/plan.ts";
import { prepare } from "../../core/steps/prepare.ts";
import { publish } from "../../core/steps/publish.ts";
import { settle } from "../../core/steps/settle.ts";
import { sweep } from "../../core/steps/sweep.ts";
import { builtInCatalog } from "../../lambdas/api/catalog.ts";
import { type Answer, ApiWorld, BUCKET } from "./api-world.ts";

const STEPS = {
  prepare,
  partition,
  plan,
  settle,
  assemble: (ctx: ControlContext, input: StepInput) => assemble(ctx, input, assemblerEngines),
  deliver,
  publish,
  finish,
};
export type StepName = keyof typeof STEPS;

/** How an attempt of a task ends; undefined: handed back. */
export type TaskEnd = TaskEntry["x"] | undefined;

export class LifecycleWorld {
  readonly api = new ApiWorld({ ports: { catalog: builtInCatalog } });
  /** Of the latest step, for the next one. */
  #answer: StepAnswer | undefined;

  get ctx(): ControlContext {
    return this.api.ports;
  }

  /** A job of 4 numbers, one a task, in one batch; created and run through the API. */
  async run(body: Record<string, unknown> = {}): Promise<string> {
    const job = await this.api.job({
      templateId: "numbers",
      dataSource: { dataSourceDescriptor: "bypass" },
      dataDestination: { dataSourceDescriptor: "bucket" },
      params: { partitioner: { range: "1-4" } },
      ...body,
    });
    const answer = await this.api.run(job.id);
    if (answer.status !== 200) throw new Error(`run: ${answer.status} ${answer.body.message}`);
    return job.id;
  }

  /** Takes the job on through its steps, in the workflow's order, until `last` has answered. */
  async stepsTo(id: string, last: StepName): Promise<void> {
    for (const name of Object.keys(STEPS) as StepName[]) {
      await this.step(id, name);
      if (name === "plan") await this.tasks(id, () => "C");
      if (name === last) return;
    }
  }

  async step(id: string, name: StepName): Promise<StepAnswer> {
    this.#answer = await STEPS[name](this.ctx, await this.#input(id));
    return this.#answer;
  }

  /** The step's function dies as it is about to write its first object. */
  async crash(id: string, name: StepName): Promise<void> {
    const objects = withFaults(this.api.objects, ({ when, method }) => {
      if (when === "before" && (method === "put" || method === "createUpload")) throw new Crash();
    });
    try {
      await STEPS[name]({ ...this.ctx, objects }, await this.#input(id));
    } catch (error) {
      if (error instanceof Crash) return;
      throw error;
    }
    throw new Error(`${name} wrote nothing, so it didn't crash.`);
  }

  /** A worker takes the batch in hand. */
  async claim(id: string): Promise<{ readonly child: ChildInput; readonly hand: Hand }> {
    const child = await this.#child(id);
    return { child, hand: await claim(this.ctx, child) };
  }

  /** What is in hand ends as `end` says. */
  async commit(
    { child, hand }: { readonly child: ChildInput; readonly hand: Hand },
    end: (ordinal: number) => TaskEnd,
  ) {
    const now = this.api.clock.now();
    const tasks = [...parseRanges(hand.tasks)].flatMap((o): TaskEntry[] => {
      const x = end(child.b.first + o);
      if (x === undefined) return [];
      const error = { code: "BOOM", message: "boom", retryable: x === "F" };
      const more = x === "F" || x === "X" ? { e: error } : x === "P" ? { j: [{ item: "i", reason: "r" }], jn: 1 } : {};
      return [{ o, x, t: [now, 1], b: [1, 1], ...more }];
    });
    const index: ClaimIndex = {
      v: 1,
      batch: child.b.n,
      claim: hand.claim,
      run: child.run,
      worker: "w",
      requestId: "r",
      startedAt: now,
      endedAt: now,
      pack: null,
      header: null,
      stats: { downloadBytes: 1, uploadBytes: 1, downloadMs: 1, processMs: 1, uploadMs: 1 },
      maxRss: 1,
      tasks,
    };
    const indexKey = claimIndexKey(child, child.generation, child.b.n, hand.claim);
    const { etag } = await this.api.objects.put({ bucket: BUCKET, key: indexKey }, JSON.stringify(index));
    return commit(this.ctx, { ...child, hand, result: { claim: hand.claim, indexKey, etag, maxRss: 1 } });
  }

  /** One claim and its commit. */
  async tasks(id: string, end: (ordinal: number) => TaskEnd): Promise<Hand> {
    return this.commit(await this.claim(id), end);
  }

  async sweep(id: string): Promise<void> {
    await sweep(this.ctx, { jobId: id });
  }

  /** An action of the user, which must be taken. */
  async act(id: string, action: "pause" | "resume" | "abort" | "requeue", body?: unknown): Promise<void> {
    const answer: Answer = await this.api.call("POST", `/v1/customer/jobs/${id}/${action}`, body);
    if (answer.status !== 200) throw new Error(`${action}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async view(id: string, view: ViewName): Promise<JobAnswer> {
    return this.api.get(id, `?view=${view}`);
  }

  async task(id: string, ordinal: number, view: ViewName): Promise<TaskRecord> {
    const path = `/v1/customer/jobs/${id}/tasks/${ordinal}?view=${view}`;
    return (await this.api.call<{ task: TaskRecord }>("GET", path)).body.task;
  }

  async #input(id: string): Promise<StepInput> {
    const run = (await loadJob(this.api.store, id))?.run ?? 0;
    return { jobId: id, run, ...(this.#answer ? { step: this.#answer } : {}) };
  }

  /** The only child that the Map starts from plan's answer. */
  async #child(id: string): Promise<ChildInput> {
    const { manifest, policy, work, generation, round, owner } = this.#answer ?? {};
    if (!manifest || !policy || !work || generation === undefined || round === undefined || !owner) {
      throw new Error(`There is no answer of plan, but ${JSON.stringify(this.#answer)}.`);
    }
    const [b] = JSON.parse(this.api.objects.text({ bucket: BUCKET, key: manifest }) ?? "[]") as BatchPlace[];
    if (!b) throw new Error("The manifest is empty.");
    const { run } = await this.#input(id);
    return { jobId: id, run, round, owner, work, generation, policy, b };
  }
}
