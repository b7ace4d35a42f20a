/** A thread of the simulation: runs the seeds it is sent, answers their tally. */
import { parentPort, workerData } from "node:worker_threads";
import { cloudOf } from "./cloud.ts";
import type { Deployed } from "./definition.ts";
import type { Pair } from "./faults.ts";
import { type Outcome, runSchedule } from "./schedule.ts";
import { parseWhereStrict } from "./strict.ts";
import { addOutcome, emptyTally } from "./tally.ts";

export interface ThreadData {
  readonly deployed: Deployed;
  readonly pairs: readonly Pair[];
  readonly plain: boolean;
}
export interface Order {
  readonly from: number;
  /** Not included. */
  readonly to: number;
  /** One seed with every step that it took. */
  readonly traced: boolean;
}

const parseIn = parseWhereStrict();
const { deployed, pairs, plain } = workerData as ThreadData;
const cloud = cloudOf(deployed);
/** Thousands of refusals a second: their stacks would cost more than they are worth. A replay has them. */
const STACK = Error.stackTraceLimit;

parentPort?.on("message", async ({ from, to, traced }: Order) => {
  Error.stackTraceLimit = traced ? STACK : 0;
  const tally = emptyTally();
  let outcome: Outcome | undefined;
  for (let seed = from; seed < to; seed++) {
    parseIn(seed);
    outcome = await runSchedule({ seed, cloud, pairs, plain, traced });
    addOutcome(tally, outcome);
  }
  parentPort?.postMessage({ tally, trace: traced ? outcome?.trace : undefined });
});
