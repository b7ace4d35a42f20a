/**
 * JobWorkflow's flow, as core/contracts/flow.ts has it: steps with their retries, the Map with a child per batch, and each
 * child's loop.
 */
import { mayAnswer, type StepName } from "../../core/contracts/flow.ts";
import type { ChildInput, Hand, StepAnswer, StepInput } from "../../core/contracts/workflow.ts";
import { JobJobError } from "../../core/errors.ts";
import { executionName } from "../../core/keys/execution-name.ts";
import { claim } from "../../core/steps/claim.ts";
import { commit } from "../../core/steps/commit.ts";
import { fail } from "../../core/steps/fail.ts";
import { plan } from "../../core/steps/plan.ts";
import { settle } from "../../core/steps/settle.ts";
import { children, type Engine, work } from "../helpers/engine.ts";
import type { Caller, Invocation, World } from "./world.ts";

type Step = (ctx: Engine, input: StepInput) => Promise<StepAnswer>;
/** The steps that this simulation has; it ends where the flow leads to another. */
const STEPS: Partial<Record<StepName, Step>> = { plan, settle, fail };

/** cdk/retries.ts: FAULTY_STEP and FAULTY_CONTROL. */
const STEP_TRIES = 6;
const CHILD_TRIES = 11;

export class Flow {
  readonly #world: World;
  readonly #input: StepInput;
  readonly #workers: number;
  readonly #verdict: Verdict;

  constructor(world: World, input: StepInput, options: { readonly workers: number; readonly verdict: Verdict }) {
    this.#world = world;
    this.#input = input;
    this.#workers = options.workers;
    this.#verdict = options.verdict;
  }

  get #name(): string {
    return executionName(this.#input.jobId, this.#input.run);
  }
  get #runs(): boolean {
    return this.#world.engine.workflow.executions.get(this.#name)?.status === "running";
  }

  /** @returns the step of the flow that isn't simulated, or how the execution ended. */
  async run(first: StepName): Promise<StepName | "succeeded" | "stopped"> {
    await this.#world.engine.workflow.start(this.#name, { jobId: this.#input.jobId, run: this.#input.run });
    const ended = await this.#follow(first);
    this.#world.engine.workflow.finish(this.#name);
    return ended;
  }

  async #follow(first: StepName): Promise<StepName | "succeeded" | "stopped"> {
    let name = first;
    let input = this.#input;
    for (;;) {
      const step = STEPS[name];
      if (!step) return name;
      if (!this.#runs) return "stopped";
      const answer = await this.#step(name, step, input);
      if (!mayAnswer(name, answer.next)) throw new Error(`${name} may not answer ${answer.next}`);
      input = { ...input, step: answer };
      if (answer.next === "superseded" || answer.next === "ended") return "succeeded";
      if (answer.next === "tasks" && this.#world.fault("map broke", 0.03)) {
        this.#tasks(answer).catch(() => {}); // its children go on for a while
        await this.#world.scheduler.turn("the map breaks", this.#world.random() * 2_000);
        input = { ...input, caught: { Error: "States.Runtime" } };
        name = "fail";
      } else if (answer.next === "tasks") {
        await this.#tasks(answer);
        name = "settle";
      } else if (answer.next !== "again") {
        if (answer.next === "wait") throw new Error("prepare isn't simulated");
        name = answer.next;
      }
    }
  }

  /** As lambdas/step-handler.ts: what no retry can mend is an answer. */
  async #step(name: StepName, step: Step, input: StepInput): Promise<StepAnswer> {
    const caller: Caller = { name, run: input.run, round: input.step?.round ?? 1 };
    const body = async (ctx: Engine): Promise<StepAnswer> => {
      try {
        return await step(ctx, input);
      } catch (error) {
        if (!(error instanceof JobJobError) || error.retryable) throw error;
        return { next: "fail", error: error.toData() };
      }
    };
    return this.#insist(STEP_TRIES, { caller, body });
  }

  /** A distributed Map: it tolerates every child that gives up. */
  async #tasks(answer: StepAnswer): Promise<void> {
    const waiting = children(this.#world.engine, answer);
    const worker = async () => {
      for (let child = waiting.shift(); child; child = waiting.shift()) {
        await this.#world.scheduler.turn(`child ${child.b.n} begins`);
        if (!this.#runs) return;
        await this.#child(child).catch((error: unknown) => {
          if (!(error instanceof Lost)) throw error;
        });
      }
    };
    await Promise.all(Array.from({ length: this.#workers }, worker));
  }

  async #child(input: ChildInput): Promise<void> {
    let hand = await this.#control(input, "claim");
    for (;;) {
      const result = await this.#app(input, hand);
      hand = await this.#control({ ...input, hand, result }, "commit");
      if (hand.next === "done") return;
      if (hand.next === "again") continue;
      await this.#world.scheduler.turn(`child ${input.b.n} waited`, (hand.seconds ?? 1) * 1_000);
      hand = await this.#control({ ...input, hand }, "claim");
    }
  }

  async #control(input: ChildInput, name: "claim" | "commit"): Promise<Hand> {
    if (!this.#runs) throw new Lost(); // stopped: no further call, but whatever was called goes on
    const { run, round, b, hand } = input;
    const caller: Caller = {
      name,
      run,
      round,
      batch: b.n,
      ...(name === "commit" && hand ? { claim: hand.claim } : {}),
    };
    const body = (ctx: Engine) => (name === "claim" ? claim(ctx, input) : commit(ctx, input));
    if (this.#world.fault("child lost", 0.01)) {
      this.#world.invoke({ caller, body }, true).catch(() => {}); // its last call takes effect late, if ever
      throw new Lost();
    }
    return this.#insist(CHILD_TRIES, { caller, body });
  }

  /** The app λ is never called twice for one claim; what it dies of is caught, as data. */
  async #app(input: ChildInput, hand: Hand): Promise<ChildInput["result"]> {
    if (!this.#runs) throw new Lost();
    if (this.#world.fault("app not invoked", 0.01)) return { Error: "Lambda.TooManyRequestsException" };
    const caller: Caller = { name: "app", run: input.run, round: input.round, batch: input.b.n, claim: hand.claim };
    try {
      return await this.#world.invoke({ caller, body: (ctx) => work(ctx, input, hand, this.#verdict) });
    } catch {
      return { Error: "Sandbox.Timedout" };
    }
  }

  /** Task timeouts and Retry: what was given up goes on by itself, beside its successor. */
  async #insist<T>(tries: number, invocation: Invocation<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#world.invoke(invocation);
      } catch (error) {
        if (attempt === tries) throw error;
        await this.#world.scheduler.turn(`${invocation.caller.name} retried`, this.#world.random() * 2_000);
      }
    }
  }
}

export type Verdict = Parameters<typeof work>[3];

/** The child gave up: settle hands its batch out again. */
class Lost extends Error {}
