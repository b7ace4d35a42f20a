/** What a job will cost, and what it has cost so far: the same model, fed with expectations or with the gates' counts. */
import { batchSize } from "../batches/sizing.ts";
import { type Cost, priceOf, type Usage } from "./prices.ts";

/** GB of a worker: its Lambda memory. 1,769 MiB is one vCPU. */
export const WORKER_GB = 1.769;
/** GB and seconds that claim and commit take, each. */
const CONTROL_GB = 0.25;
const CONTROL_SECONDS = 0.05;
/** Start, claim, app, commit, Choice, Done of a child; each further round of its loop: app, commit, Choice. */
const CHILD_TRANSITIONS = 6;
const ROUND_TRANSITIONS = 3;
/** Claim 4 and commit 4: a transaction of two items, each written at twice its size. */
const CLAIM_WRITE_UNITS = 8;
/** Of the whole job: the way through the workflow, its steps, transitions with timeline rows, scratch objects. */
const FIXED: Usage = {
  appGbSeconds: 0,
  transitions: 30,
  requests: 12,
  controlGbSeconds: 6,
  writeUnits: 100,
  readUnits: 60,
  puts: 25,
  gets: 40,
};
/** Bytes a worker reads with one GET. */
const WINDOW = 8 * 1024 * 1024;

export interface EstimateInput {
  readonly tasks: number;
  /** Seconds that a task takes: declared by the app or measured. */
  readonly taskSeconds: number;
  readonly workers: number;
  /** Bytes that the workers read; 0 for generators. */
  readonly bytes: number;
  /** Objects that the chunks are made of, when they are sets of objects: each is a GET of its own. */
  readonly objects?: number;
  /** @default WORKER_GB */
  readonly workerGb?: number;
}

export interface Estimate {
  readonly cost: Cost;
  readonly usage: Usage;
  /** Seconds of all tasks together. */
  readonly appSeconds: number;
  /** Hours of 1 vCPU + 1 GiB, rounded up. */
  readonly byteChips: number;
}

export function estimate(input: EstimateInput): Estimate {
  const { tasks, taskSeconds } = input;
  const workerGb = input.workerGb ?? WORKER_GB;
  const batches = tasks === 0 ? 0 : Math.ceil(tasks / batchSize(tasks, taskSeconds, input.workers));
  const appSeconds = tasks * taskSeconds;
  const usage = usageOf({
    batches,
    claims: batches,
    appSeconds,
    bytes: input.bytes,
    objects: input.objects ?? 0,
    workerGb,
  });
  return { cost: priceOf(usage), usage, appSeconds, byteChips: byteChipsOf(appSeconds, workerGb) };
}

export interface MeasuredInput {
  readonly batches: number;
  /** Claims committed so far, of all runs. */
  readonly claims: number;
  /** Milliseconds that workers spent: download, process, upload. */
  readonly workerMs: number;
  readonly bytes: number;
  /** Runs of the job's workflow; 0 before the first. */
  readonly runs: number;
  readonly workerGb?: number;
}

/** From the gates' sums: what was counted exactly (claims, times, bytes) at the prices of the table. */
export function measured(input: MeasuredInput): Cost {
  if (input.runs === 0) return priceOf(NOTHING);
  const { batches, claims, bytes } = input;
  const usage = usageOf({
    batches: Math.min(batches, claims),
    claims,
    appSeconds: input.workerMs / 1_000,
    bytes,
    objects: 0,
    workerGb: input.workerGb ?? WORKER_GB,
  });
  return priceOf(sum(usage, FIXED, input.runs - 1));
}

const NOTHING: Usage = {
  appGbSeconds: 0,
  transitions: 0,
  requests: 0,
  controlGbSeconds: 0,
  writeUnits: 0,
  readUnits: 0,
  puts: 0,
  gets: 0,
};

function usageOf(work: {
  readonly batches: number;
  readonly claims: number;
  readonly appSeconds: number;
  readonly bytes: number;
  readonly objects: number;
  readonly workerGb: number;
}): Usage {
  const { batches, claims } = work;
  const again = Math.max(0, claims - batches);
  const children: Usage = {
    appGbSeconds: work.appSeconds * work.workerGb,
    transitions: batches * CHILD_TRANSITIONS + again * ROUND_TRANSITIONS,
    // claim (once), app and commit of each claim
    requests: batches + 2 * claims,
    controlGbSeconds: (batches + claims) * CONTROL_SECONDS * CONTROL_GB,
    writeUnits: claims * CLAIM_WRITE_UNITS,
    readUnits: claims * 2,
    // pack and index; the index again by commit and by assemble, the work spec, its lines of chunks and sources, the hint
    puts: claims * 2,
    gets: claims * 6 + work.objects + Math.ceil(work.bytes / WINDOW),
  };
  return sum(children, FIXED, 1);
}

function sum(a: Usage, b: Usage, times: number): Usage {
  return {
    appGbSeconds: a.appGbSeconds + times * b.appGbSeconds,
    transitions: a.transitions + times * b.transitions,
    requests: a.requests + times * b.requests,
    controlGbSeconds: a.controlGbSeconds + times * b.controlGbSeconds,
    writeUnits: a.writeUnits + times * b.writeUnits,
    readUnits: a.readUnits + times * b.readUnits,
    puts: a.puts + times * b.puts,
    gets: a.gets + times * b.gets,
  };
}

/** vCPU and memory come together on Lambda: 1,769 MiB bring one vCPU. The dearer of the two counts. */
function byteChipsOf(appSeconds: number, workerGb: number): number {
  return Math.ceil((appSeconds / 3_600) * Math.max(workerGb / 1.769, 1));
}
