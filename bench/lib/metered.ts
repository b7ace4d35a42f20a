/** A deployed JobJob with a meter on its wire: jobs one at a time, and all that each took. */
import { setTimeout as sleep } from "node:timers/promises";
import { StepFunctionsWorkflow } from "../../adapters/step-functions/index.ts";
import { FUNCTION_NAMES } from "../../cdk/function-table.ts";
import type { JobJobClient } from "../../client/index.ts";
import type { JobItem } from "../../core/contracts/job-items.ts";
import { loadJob } from "../../core/job/load.ts";
import { executionName } from "../../core/keys/execution-name.ts";
import { specKey } from "../../core/keys/item-keys.ts";
import type { Table } from "../../core/ports/index.ts";
import { executed } from "./executed.ts";
import { listFunctions } from "./functions.ts";
import { meter, Wire } from "./wire.ts";
import type { Call } from "./wire-call.ts";

/** What a job took, counted. Everything but GB-seconds, which an emulator's time says nothing exact about. */
export interface Counts {
  readonly transitions: number;
  /** Lambda calls of the workflow. */
  readonly requests: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly puts: number;
  readonly gets: number;
}
export const COUNTED = [
  "transitions",
  "requests",
  "writeUnits",
  "readUnits",
  "puts",
  "gets",
] as const satisfies (keyof Counts)[];

export interface Measured extends Counts {
  readonly job: JobItem;
  readonly children: number;
  /** GB-seconds by the emulator's clock: claim λ, commit λ and the steps; and app λ. */
  readonly controlGbSeconds: number;
  readonly appGbSeconds: number;
  /** Requests behind the counts. */
  readonly calls: readonly Call[];
}

interface Stack {
  readonly endpoint: string;
  readonly client: JobJobClient;
  readonly table: Table;
  readonly stateMachineArn: string;
}

/**
 * Those of the way from create to COMPLETE. Beside it stand the caller's own sign-in, events λ and the sweeper, which aren't
 * counted: they are none of a job's cost (architecture.md: "listed apart").
 */
const isOfJob = ({ from, detail }: Call): boolean =>
  !["authorizer", "events", "sweep"].includes(from) && !(from === "api" && detail === "KEY");
const QUIET_MS = 400;
/** The execution of a COMPLETE job has only its last states before it. */
const EXECUTION_ENDS_MS = 60_000;

export class MeteredStack {
  readonly #stack: Stack;
  readonly #wire: Wire;
  readonly #undo: () => Promise<void>;
  readonly #memory: ReadonlyMap<string, number>;

  private constructor(stack: Stack, wire: Wire, undo: () => Promise<void>, memory: ReadonlyMap<string, number>) {
    this.#stack = stack;
    this.#wire = wire;
    this.#undo = undo;
    this.#memory = memory;
  }

  static async on(stack: Stack): Promise<MeteredStack> {
    const wire = new Wire(stack.endpoint);
    const undo = await meter(wire, nameOf);
    return new MeteredStack(stack, wire, undo, await memoryByArn());
  }

  async close(): Promise<void> {
    await this.#undo();
    await this.#wire.close();
  }

  /** @param taskSeconds what sizes the batches, in place of the app's own declaration */
  async run(draft: Parameters<JobJobClient["create"]>[0], taskSeconds: number): Promise<Measured> {
    const { client, table, stateMachineArn } = this.#stack;
    this.#wire.reset();
    // The run notes what the app declares: plan must find what the bench wants.
    const release = this.#wire.hold("plan");
    let id: string;
    try {
      id = (await client.create(draft)).job.id;
      await client.run(id);
      await table.write({ update: specKey(id), changes: { set: { taskSeconds } }, if: { exists: "pk" } });
    } finally {
      release();
    }
    const job = await this.#ended(id);
    await this.#executionEnded(executionName(id, job.run));
    const calls = this.#wire.calls.filter(isOfJob);
    const done = await executed(
      stateMachineArn,
      `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${executionName(id, job.run)}`,
    );
    const sum = (of: (call: Call) => number): number => calls.reduce((total, call) => total + of(call), 0);
    let requests = 0;
    let controlGbSeconds = 0;
    let appGbSeconds = 0;
    for (const [arn, { calls: count, ms }] of done.invoked) {
      requests += count;
      const gbSeconds = (ms / 1_000) * ((this.#memory.get(arn) ?? Number.NaN) / 1_024);
      if (nameOf(arn.split(":").at(-1) ?? "") === "app") appGbSeconds += gbSeconds;
      else controlGbSeconds += gbSeconds;
    }
    return {
      job,
      children: done.children,
      transitions: done.transitions,
      requests,
      writeUnits: sum(({ writeUnits }) => writeUnits),
      readUnits: sum(({ readUnits }) => readUnits),
      puts: sum(({ s3 }) => (s3 === "put" ? 1 : 0)),
      // The emulator reads the manifest of a Map inside itself.
      gets: sum(({ s3 }) => (s3 === "get" ? 1 : 0)) + done.mapRuns,
      controlGbSeconds,
      appGbSeconds,
      calls,
    };
  }

  /** Looks into the table itself: looks through the API would be counted. */
  async #ended(id: string): Promise<JobItem> {
    for (;;) {
      const job = await loadJob(this.#stack.table, id);
      if (job?.state === "COMPLETE") {
        // The last transition's answer.
        for (let before = -1; before !== this.#wire.calls.length; await sleep(QUIET_MS))
          before = this.#wire.calls.length;
        return job;
      }
      if (job?.state === "FAILED") throw new Error(`The job ${id} FAILED: ${job.failure?.message}`);
      await sleep(100);
    }
  }

  /** Its history is whole only then. */
  async #executionEnded(name: string): Promise<void> {
    const workflow = new StepFunctionsWorkflow({ stateMachineArn: this.#stack.stateMachineArn });
    for (const deadline = Date.now() + EXECUTION_ENDS_MS; (await workflow.status(name)) === "running"; await sleep(100))
      if (Date.now() > deadline)
        throw new Error(`The execution ${name} still runs ${EXECUTION_ENDS_MS / 1_000} s after its job was COMPLETE.`);
  }
}

/** `JobJob-WorkflowClaimFn0A1B…` is claim λ. */
function nameOf(functionName: string): string | undefined {
  if (!functionName.startsWith("JobJob-")) return undefined;
  if (functionName.startsWith("JobJob-EventsPublishFn")) return "events";
  const matches = FUNCTION_NAMES.filter((name) => functionName.includes(`${name[0]?.toUpperCase()}${name.slice(1)}Fn`));
  return matches.sort((a, b) => b.length - a.length)[0];
}

async function memoryByArn(): Promise<ReadonlyMap<string, number>> {
  return new Map((await listFunctions()).map(({ FunctionArn = "", MemorySize = 0 }) => [FunctionArn, MemorySize]));
}
