/** Runs many schedules side by side: synthesises, reads the callers' pairs, bundles the simulation and hands out seeds. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import * as esbuild from "esbuild";
import { type Deployed, synthesise } from "./definition.ts";
import type { Pair } from "./faults.ts";
import { readPairs } from "./reach.ts";
import { addTally, emptyTally, type Tally } from "./tally.ts";
import type { Order, ThreadData } from "./thread.ts";

/** What every run of one state of the code shares; a few seconds each to make. */
export interface Base {
  readonly root: string;
  readonly deployed: Deployed;
  readonly pairs: readonly Pair[];
}

export const makeBase = (root: string): Base => ({ root, deployed: synthesise(), pairs: readPairs(root) });

export interface SimulateOptions {
  /** The first seed. @default 1 */
  readonly from?: number;
  readonly schedules: number;
  /** @default 2 */
  readonly threads?: number;
  /** Without faults and control actions. @default false */
  readonly plain?: boolean;
  /** For the one seed of a replay: every step. @default false */
  readonly traced?: boolean;
  readonly say?: (line: string) => void;
}
export interface Simulated {
  readonly tally: Tally;
  readonly trace: readonly string[];
  /** Of the schedules alone. */
  readonly seconds: number;
}

/** Seeds of one order: a second or so. */
const ORDER = 25;
const TELL_MS = 15_000;

export async function simulate(base: Base, options: SimulateOptions): Promise<Simulated> {
  const { schedules, from = 1, threads = 2, plain = false, traced = false, say = () => {} } = options;
  const file = await bundle(base.root);
  // Schedules make much garbage that is soon dead: a wide nursery spares copying it about, a wider one leaves the cache.
  setFlagsFromString("--min-semi-space-size=16");
  const data: ThreadData = { deployed: base.deployed, pairs: base.pairs, plain };
  const sum = emptyTally();
  let trace: readonly string[] = [];
  let next = from;
  const end = from + schedules;
  const began = Date.now();
  let told = began;
  const work = async (): Promise<void> => {
    const worker = new Worker(file, { workerData: data, resourceLimits: { maxYoungGenerationSizeMb: 96 } });
    try {
      while (next < end) {
        const order: Order = { from: next, to: Math.min(end, next + ORDER), traced };
        next = order.to;
        const answer = await ask(worker, order);
        addTally(sum, answer.tally);
        trace = answer.trace ?? trace;
        if (Date.now() - told < TELL_MS) continue;
        told = Date.now();
        const left = ((told - began) / sum.schedules) * (schedules - sum.schedules);
        say(`${sum.schedules} schedules, ${sum.failed} failed, ${Math.round(left / 1_000)} s left`);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, Math.ceil(schedules / ORDER)) }, work));
  sum.failures.sort((a, b) => a.seed - b.seed);
  return { tally: sum, trace, seconds: (Date.now() - began) / 1_000 };
}

interface Answer {
  readonly tally: Tally;
  readonly trace?: readonly string[];
}

const ask = (worker: Worker, order: Order): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(error);
    worker.once("error", failed);
    worker.once("message", (answer: Answer) => {
      worker.off("error", failed);
      resolve(answer);
    });
    worker.postMessage(order);
  });

/** One file of plain JavaScript: a loader in the threads would cost more than the schedules. */
async function bundle(root: string): Promise<string> {
  const folder = join(root, "build", "simulation");
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `thread-${process.pid}.mjs`);
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: [join("test", "simulation", "thread.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    mainFields: ["module", "main"],
    external: ["@aws-sdk/*", "@smithy/*"],
    banner: { js: 'import{createRequire as __cr}from"node:module";const require=__cr(import.meta.url);' },
    logLevel: "warning",
  });
  return outfile;
}
