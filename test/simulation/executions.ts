/** Step Functions and EventBridge: executions of the synthesised machine, their ends as events, and the sweeper's schedule. */

import type { MemoryExecution } from "../../adapters/memory/index.ts";
import type { FunctionName } from "../../cdk/function-table.ts";
import type { WorkSpec } from "../../core/contracts/worker.ts";
import type { ChildInput, StepInput } from "../../core/contracts/workflow.ts";
import type { Machine } from "./asl/definition.ts";
import { Halted, type Host, type Json, runMachine, StatesError } from "./asl/interpreter.ts";
import { SWEEPER, WORKER, WORKFLOW } from "./callers.ts";
import type { Fate } from "./records.ts";
import { BUCKET, type Caller, Died, type SimulatedContext, type World } from "./world.ts";

/** The deployment, its definition read. */
export interface Cloud {
  readonly machine: Machine;
  readonly functions: ReadonlyMap<string, { readonly name: FunctionName; readonly seconds: number }>;
  readonly wakes: readonly string[];
}

/** As EventBridge names them. */
const STATUS = { running: "RUNNING", succeeded: "SUCCEEDED", failed: "FAILED", stopped: "ABORTED" } as const;
const MINUTE_MS = 60_000;
const SWEEP_SECONDS = 300;
/** Longer than any Retry of a step or of a child's control lasts (cdk/retries.ts). */
const OUTAGE_MS = 10 * MINUTE_MS;
/** How engines name the end of a function that didn't answer. */
const DEATHS = ["Sandbox.Timedout", "Lambda.Unknown", "Runtime.ExitError", "States.Timeout"] as const;

interface Call {
  readonly name: keyof typeof WORKFLOW;
  readonly input: Json;
}

export class Executions {
  readonly #world: World;
  readonly #cloud: Cloud;
  readonly #fates: readonly Fate[];
  /** On one emulator the children of a Map go on after StopExecution. */
  readonly #childrenSurvive: boolean;
  /** What was called so far: a duplicate is one of these. */
  readonly #history: Call[] = [];
  readonly #specs = new Map<string, WorkSpec>();
  #isOver = false;

  constructor(world: World, cloud: Cloud, fates: readonly Fate[]) {
    this.#world = world;
    this.#cloud = cloud;
    this.#fates = fates;
    this.#childrenSurvive = world.chance(0.3);
    world.workflow.onStart = (execution) => world.spawn(this.#run(execution));
    world.workflow.onEnd = (execution) => world.spawn(this.#tell(execution));
    world.onNudge = (jobId) => world.spawn(this.#nudge(jobId));
    world.spawn(this.#everyMinute());
  }

  /** Ends the schedule of the sweeper: nothing is to be expected any more. */
  end(): void {
    this.#isOver = true;
  }

  /** A call that was made before comes again, perhaps much later; nobody waits for its answer. Workers are never called twice. */
  async haunt(delayMs: number): Promise<void> {
    const { random } = this.#world;
    await this.#world.turn("a ghost wakes", delayMs);
    const call = this.#history[Math.floor(random() * this.#history.length)];
    if (!call || this.#world.faults.isCalm) return;
    this.#world.faults.note("invoked again by a ghost");
    this.#world.faults.rivals.add(call.name);
    await this.#invoke(call).catch(() => {});
  }

  async #run(execution: MemoryExecution): Promise<void> {
    const { workflow } = this.#world;
    try {
      const ending = await runMachine(this.#cloud.machine, execution.input as Json, this.#hostOf(execution));
      workflow.finish(execution.name, ending.status === "FAILED" ? "failed" : "succeeded");
      this.#world.observer.executionEnded(Number(execution.input.run));
    } catch (error) {
      if (error instanceof Halted) return;
      if (!(error instanceof StatesError)) throw error;
      workflow.finish(execution.name, "failed", error.error);
    }
  }

  #hostOf(execution: MemoryExecution): Host {
    const world = this.#world;
    const { faults } = world;
    const survive = this.#childrenSurvive;
    return {
      isRunning: (isChild) => execution.status === "running" || (isChild && survive && execution.status === "stopped"),
      pause: (what, ms) => world.turn(world.scheduler.trace ? `${execution.name.slice(-3)} ${what}` : what, ms),
      invoke: async (resource, input) => {
        if (faults.draw("execution killed from outside", 0.006)) {
          await world.workflow.stop(execution.name, "killed from outside");
          throw new Halted();
        }
        const fn = this.#cloud.functions.get(resource);
        if (!fn) throw new Error(`The state machine names a function that isn't deployed: ${resource}`);
        return this.#task(fn.name, input);
      },
      readItems: (bucket, key) => {
        if (faults.draw("manifest unreadable", 0.01)) throw new StatesError("States.ItemReaderFailed", "simulated");
        return JSON.parse(world.objects.text({ bucket, key }) ?? "[]") as Json[];
      },
      losesChild: () => faults.losesChild(),
      breaksMap: () => faults.draw("map broke", 0.02),
      now: () => world.clock.now(),
      random: world.random,
    };
  }

  /** A Task: its function's answer, or what the engine makes of its error. */
  async #task(name: FunctionName, input: Json): Promise<Json> {
    const { faults } = this.#world;
    if (faults.draw("function throttled", 0.01))
      throw new StatesError("Lambda.TooManyRequestsException", "Rate Exceeded.");
    try {
      if (name === "app") return toJson(await this.#work(input as unknown as ChildInput));
      if (!(name in WORKFLOW)) throw new Error(`The state machine calls ${name}, which the simulation doesn't know.`);
      const call: Call = { name: name as keyof typeof WORKFLOW, input };
      if (this.#isOut(name)) throw new StatesError("Lambda.Unknown", JSON.stringify({ errorMessage: "out" }));
      this.#history.push(call);
      if (faults.draw("invoked twice", 0.01)) {
        faults.rivals.add(name);
        this.#invoke(call).catch(() => {});
      }
      return toJson(await this.#invoke(call));
    } catch (error) {
      if (error instanceof Died)
        throw new StatesError(this.#world.oneOf(...DEATHS), JSON.stringify({ errorMessage: error.message }));
      if (!(error instanceof Error)) throw error;
      // Only the message means the same on all engines.
      throw new StatesError(
        this.#world.oneOf("Error", "Runtime.HandlerError"),
        JSON.stringify({ errorMessage: error.message }),
      );
    }
  }

  /** Now and then a step breaks for longer than its retries last: then fail λ ends the job, or a child gives up. */
  #isOut(name: string): boolean {
    const { faults, clock } = this.#world;
    if (faults.breaks(name, 0.004)) faults.outage = { caller: name, until: clock.now() + OUTAGE_MS };
    return faults.outage?.caller === name && clock.now() < faults.outage.until;
  }

  #invoke({ name, input }: Call): Promise<unknown> {
    const caller = callerOf(name, input);
    const body = WORKFLOW[name];
    return this.#world.invoke(caller, (ctx) => body(ctx, input), { seconds: this.#secondsOf(name) });
  }

  #work(input: ChildInput): Promise<unknown> {
    const world = this.#world;
    const { faults } = world;
    const caller = callerOf("app", input as unknown as Json);
    const looksOften = world.chance(0.3);
    const body = (ctx: SimulatedContext) =>
      WORKER.app(
        {
          objects: ctx.objects,
          clock: ctx.clock,
          bucket: BUCKET,
          specs: this.#specs,
          fates: this.#fates,
          begins: async (ordinal) => {
            if (this.#fates[ordinal] === "deadly" || faults.draw("app died", 0.01)) await ctx.die();
          },
          looksAtHint: () => looksOften && world.chance(0.5),
        },
        input,
      );
    return world.invoke(caller, body, { seconds: this.#secondsOf("app") });
  }

  #secondsOf(name: FunctionName): number {
    for (const fn of this.#cloud.functions.values()) if (fn.name === name) return fn.seconds;
    throw new Error(`The function ${name} isn't deployed.`);
  }

  /** EventBridge delivers at least once, mostly; the rule lets through what it lets through. */
  async #tell(execution: MemoryExecution): Promise<void> {
    const status = STATUS[execution.status];
    if (!this.#cloud.wakes.includes(status)) return;
    const { faults } = this.#world;
    if (faults.draw("event lost", 0.2)) return;
    const event = { detail: { name: execution.name, status } };
    const times = faults.draw("event doubled", 0.2) ? 2 : 1;
    await Promise.all(Array.from({ length: times }, () => this.#sweep(event, this.#world.random() * 5_000)));
  }

  async #nudge(jobId: string): Promise<void> {
    const times = this.#world.faults.draw("nudge doubled", 0.05) ? 2 : 1;
    await Promise.all(Array.from({ length: times }, () => this.#sweep({ jobId }, this.#world.random() * 500)));
  }

  async #sweep(
    event: { readonly jobId?: string; readonly detail?: { name: string; status: string } },
    delayMs: number,
  ): Promise<void> {
    await this.#world.turn("the sweeper wakes", delayMs);
    const body = (ctx: SimulatedContext) => SWEEPER.sweep(ctx, event);
    // What it couldn't do stays due.
    await this.#world.invoke({ name: "sweep" }, body, { seconds: SWEEP_SECONDS }).catch(() => {});
  }

  /** Looks only when something is due: a sweep that finds nothing changes nothing. */
  async #everyMinute(): Promise<void> {
    for (;;) {
      await this.#world.turn("a minute is over", MINUTE_MS);
      if (this.#isOver) return;
      if (this.#world.isAnythingDue()) this.#world.spawn(this.#sweep({}, 0));
    }
  }
}

function callerOf(name: string, input: Json): Caller {
  const { run, step, round, b, hand } = input as unknown as Partial<ChildInput> & StepInput;
  if (b === undefined) return { name, run, round: step?.round ?? 1 };
  return { name, run, round: round ?? 1, batch: b.n, ...(hand ? { claim: hand.claim } : {}) };
}

/** What crosses a boundary is JSON. */
const toJson = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null));
