/**
 * Runs a state machine: Task with Retry, Catch and ResultPath, Choice, Wait, a distributed Map with a child machine per item
 * of an S3 object, Succeed, Fail. Time, randomness and the functions belong to the host.
 */
import type { Catcher, ChoiceState, Machine, MapState, Retrier, State, TaskState, WaitState } from "./definition.ts";
import { readPath, writePath } from "./paths.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface Host {
  /** Whether this execution, or its children, still run. What was stopped takes no further step. */
  isRunning(isChild: boolean): boolean;
  /** Resolves after so many milliseconds; with 0 at its next turn. */
  pause(what: string, ms: number): Promise<void>;
  /** Invokes a function. @throws StatesError */
  invoke(resource: string, input: Json, timeoutSeconds: number): Promise<Json>;
  /** The items of a Map. @throws StatesError States.ItemReaderFailed */
  readItems(bucket: string, key: string): readonly Json[];
  /** Asked before each child and each of its states; true: this child ends for good, unseen by its Retry and Catch. */
  losesChild(): boolean;
  /** Asked when a Map begins: true when it fails as a whole while its children go on. */
  breaksMap(): boolean;
  now(): number;
  random(): number;
}

/** What Retry and Catch see. */
export class StatesError extends Error {
  readonly error: string;
  override readonly cause: string;
  constructor(error: string, cause: string) {
    super(`${error}: ${cause}`);
    this.error = error;
    this.cause = cause;
  }
}

/** The execution was stopped, or a child was lost: nothing goes on, and nobody is told. */
export class Halted extends Error {}

export type Ending = { readonly status: "SUCCEEDED" } | { readonly status: "FAILED"; readonly error: string };

/** @throws Halted when the execution was stopped meanwhile */
export async function runMachine(machine: Machine, input: Json, host: Host): Promise<Ending> {
  return new Run(machine, host, false).run(input);
}

class Run {
  readonly #machine: Machine;
  readonly #host: Host;
  readonly #isChild: boolean;

  constructor(machine: Machine, host: Host, isChild: boolean) {
    this.#machine = machine;
    this.#host = host;
    this.#isChild = isChild;
  }

  async run(input: Json): Promise<Ending> {
    let name = this.#machine.StartAt;
    let data = input;
    for (;;) {
      if (!this.#host.isRunning(this.#isChild) || (this.#isChild && this.#host.losesChild())) throw new Halted();
      const state = this.#machine.States[name];
      if (!state) throw new Error(`The state machine has no state ${name}.`);
      if (state.Type === "Succeed") return { status: "SUCCEEDED" };
      if (state.Type === "Fail") return { status: "FAILED", error: state.Error };
      [name, data] = await this.#step(name, state, data);
    }
  }

  async #step(name: string, state: Exclude<State, { Type: "Succeed" | "Fail" }>, data: Json): Promise<[string, Json]> {
    switch (state.Type) {
      case "Choice":
        return [choose(state, data), data];
      case "Wait":
        await this.#host.pause(name, waitMs(state, data, this.#host.now()));
        return [state.Next, data];
      case "Task":
        return this.#recovering(name, state, data, async () => {
          const answer = await this.#host.invoke(state.Resource, data, state.TimeoutSeconds);
          return resultOf(state, data, answer);
        });
      case "Map":
        return this.#recovering(name, state, data, async () => {
          await this.#map(state, data);
          return data;
        });
    }
  }

  /** Retry (each retrier counts for itself), then Catch, then the end of the execution. */
  async #recovering(
    name: string,
    state: TaskState | MapState,
    data: Json,
    body: () => Promise<Json>,
  ): Promise<[string, Json]> {
    const retried = new Map<Retrier, number>();
    for (;;) {
      try {
        return [state.Next, await body()];
      } catch (error) {
        if (!(error instanceof StatesError)) throw error;
        if (!this.#host.isRunning(this.#isChild)) throw new Halted();
        const retrier = state.Retry?.find((one) => isMatch(one, error));
        const times = retrier ? (retried.get(retrier) ?? 0) : 0;
        if (retrier && times < retrier.MaxAttempts) {
          retried.set(retrier, times + 1);
          await this.#host.pause(`${name} retried`, delayMs(retrier, times) * this.#host.random());
          if (!this.#host.isRunning(this.#isChild)) throw new Halted();
          continue;
        }
        const catcher = state.Catch?.find((one) => isMatch(one, error));
        if (!catcher) throw error;
        return [catcher.Next, writePath(catcher.ResultPath, data, { Error: error.error, Cause: error.cause })];
      }
    }
  }

  /** Every child's failure is tolerated. */
  async #map(state: MapState, data: Json): Promise<void> {
    const { Parameters } = state.ItemReader;
    const items = this.#host.readItems(text(Parameters["Bucket.$"], data), text(Parameters["Key.$"], data));
    const width = state.MaxConcurrency ?? Number(readPath(state.MaxConcurrencyPath ?? "", data));
    const queue = items.values();
    const worker = async () => {
      for (const item of queue) {
        await this.#host.pause("a child begins", 0);
        if (!this.#host.isRunning(true)) throw new Halted();
        await this.#child(state, data, item);
      }
    };
    const children = Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
    if (this.#host.breaksMap()) {
      children.catch(ignoreHalt); // they go on for a while
      await this.#host.pause("the Map breaks", this.#host.random() * 2_000);
      throw new StatesError("States.Runtime", "the Map broke");
    }
    await children;
  }

  async #child(state: MapState, data: Json, item: Json): Promise<void> {
    const input: Record<string, Json> = {};
    for (const [name, path] of Object.entries(state.ItemSelector)) {
      input[name.slice(0, -2)] = path.startsWith("$$.") ? item : readPath(path, data);
    }
    try {
      await new Run(state.ItemProcessor, this.#host, true).run(input);
    } catch (error) {
      // A child that was lost is a failed child; a stopped parent stops at its own next step.
      if (!(error instanceof Halted) && !(error instanceof StatesError)) throw error;
    }
  }
}

function ignoreHalt(error: unknown): void {
  if (!(error instanceof Halted)) throw error;
}

const text = (path: string, data: Json): string => String(readPath(path, data));

function choose(state: ChoiceState, data: Json): string {
  for (const { Variable, StringEquals, Next } of state.Choices)
    if (readPath(Variable, data) === StringEquals) return Next;
  return state.Default;
}

function waitMs(state: WaitState, data: Json, now: number): number {
  if (state.SecondsPath !== undefined) return Number(readPath(state.SecondsPath, data)) * 1_000;
  return Math.max(0, Date.parse(text(state.TimestampPath ?? "", data)) - now);
}

/** Without a ResultPath the answer replaces the input; null drops it. */
function resultOf(state: TaskState, data: Json, answer: Json): Json {
  return state.ResultPath === null ? data : writePath(state.ResultPath ?? "$", data, answer);
}

/** States.ALL doesn't include States.DataLimitExceeded; nothing catches States.Runtime on AWS, but emulators differ. */
function isMatch({ ErrorEquals }: Retrier | Catcher, { error }: StatesError): boolean {
  return ErrorEquals.some((name) => name === error || (name === "States.ALL" && error !== "States.DataLimitExceeded"));
}

const delayMs = (retrier: Retrier, times: number): number =>
  Math.min(retrier.MaxDelaySeconds, retrier.IntervalSeconds * retrier.BackoffRate ** times) * 1_000;
