/** Jobs whose orchestration is counted, and what their counts are held against: the cost model. */
import type { JobJobClient } from "../../client/index.ts";
import { priceOf, type Usage, type Work, type WorkInput } from "../../core/cost/index.ts";
import type { ObjectStore, Place } from "../../core/ports/index.ts";
import { COUNTED, type Counts, type Measured } from "./metered.ts";

type Draft = Parameters<JobJobClient["create"]>[0];

/** One worker, so that the batches are as large as the task time asks for. */
const ONE_WORKER = { maxConcurrency: 1 };
/** A line is a chunk. */
const LINE_BYTES = 64;
/** As issue 5 says: one read of the control hint per so many declared seconds. The app takes none of them. */
export const HINT_SECONDS = 10;

export const UNIT_OF: Readonly<Record<keyof Counts, string>> = {
  transitions: "state transitions",
  requests: "Lambda calls",
  writeUnits: "DynamoDB write units",
  readUnits: "DynamoDB read units",
  puts: "S3 requests priced as PUT",
  gets: "S3 requests priced as GET",
};

export const numbersDraft = (tasks: number): Draft => ({
  templateId: "numbers",
  dataSource: { dataSourceDescriptor: "bypass" },
  params: { partitioner: { range: `1-${tasks}` }, app: {}, assembler: {} },
  config: ONE_WORKER,
});

export const linesDraft = ({ bucket, key }: Place, destination?: Place): Draft => ({
  templateId: "word-count",
  dataSource: { dataSourceDescriptor: "s3", params: { name: key, bucketName: bucket } },
  dataDestination: destination
    ? { dataSourceDescriptor: "s3", params: { name: destination.key, bucketName: destination.bucket } }
    : { dataSourceDescriptor: "bucket" },
  params: { partitioner: { maxChunkSize: LINE_BYTES } },
  config: ONE_WORKER,
});

export async function putLines(objects: ObjectStore, place: Place, lines: number): Promise<void> {
  const line = (i: number): string => `${`heron ${i % 100} crane`.padEnd(LINE_BYTES - 1)}\n`;
  await objects.put(place, Array.from({ length: lines }, (_, i) => line(i)).join(""));
}

/** A chunk of CSV is a file of the output, delivered. */
export const splitDraft = ({ bucket, key }: Place, chunks: number, destination: Place): Draft => ({
  templateId: "csv-split",
  dataSource: { dataSourceDescriptor: "s3", params: { name: key, bucketName: bucket } },
  dataDestination: {
    dataSourceDescriptor: "s3",
    params: { name: destination.key, bucketName: destination.bucket },
  },
  params: { partitioner: { chunks } },
  config: ONE_WORKER,
});

/** An object is a chunk. */
export const objectsDraft = ({ bucket, key }: Place): Draft => ({
  templateId: "checksum-objects",
  dataSource: { dataSourceDescriptor: "s3", params: { name: key, bucketName: bucket } },
  dataDestination: { dataSourceDescriptor: "bucket" },
  config: ONE_WORKER,
});

export async function putObjects(objects: ObjectStore, { bucket, key }: Place, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await objects.put({ bucket, key: `${key}${i}.txt` }, `object ${i}\n`);
}

/** @returns its bytes */
export async function putCsv(objects: ObjectStore, place: Place, rows: number): Promise<number> {
  const text = `id,state,amount\n${Array.from({ length: rows }, (_, i) => `${i},CA,${i * 3}\n`).join("")}`;
  await objects.put(place, text);
  return text.length;
}

export const linesInput = (tasks: number): WorkInput => ({ from: "bytes", bytes: tasks * LINE_BYTES, sources: 1 });

/** What the model is told of a counted job: its shape, and nothing of what was counted. */
export function workOf(
  { job }: Pick<Measured, "job">,
  workers: number,
  input: WorkInput,
  more: Partial<Pick<Work, "results" | "delivered">> = {},
): Work {
  const { batches = 0, batchSize = 1, gates = 1 } = job;
  return {
    batches,
    claims: batches,
    gates,
    workers,
    batchSize,
    appSeconds: 0,
    input,
    results: { objects: 1, bytes: 0 },
    delivered: false,
    ...more,
  };
}

/** What `many` has more than `few`, by the number of things that it has more of. */
export function perTask(few: Counts, many: Counts, more: number): Counts {
  const each = (name: keyof Counts): number => (many[name] - few[name]) / more;
  return Object.fromEntries(COUNTED.map((name) => [name, each(name)])) as Record<keyof Counts, number>;
}

export interface Difference {
  readonly percent: number;
  readonly text: string;
}

/** Where counts and model differ most: of each kind, and of the dollars of all kinds. */
export function worstDifference(counted: Counts, modelled: Counts): Difference {
  const usd = (counts: Counts): number => priceOf({ ...NO_TIME, ...pick(counts) }).usd;
  const all: Difference[] = [
    ...COUNTED.map((name) => difference(UNIT_OF[name], counted[name], modelled[name])),
    difference("$", usd(counted), usd(modelled)),
  ];
  return all.reduce((a, b) => (b.percent > a.percent ? b : a));
}

function difference(what: string, counted: number, modelled: number): Difference {
  const percent = counted === modelled ? 0 : (Math.abs(counted - modelled) / counted) * 100;
  return { percent, text: `${counted} ${what} counted, ${modelled} by the cost model (${percent.toFixed(1)} %)` };
}

const NO_TIME = { appGbSeconds: 0, controlGbSeconds: 0 };
const pick = ({ transitions, requests, writeUnits, readUnits, puts, gets }: Counts): Counts => ({
  transitions,
  requests,
  writeUnits,
  readUnits,
  puts,
  gets,
});

const MILLION = 1_000_000;

/**
 * Dollars of a million one-second tasks beside the app's own GB-seconds.
 * @param task what one task takes; the GB-seconds are those around it
 * @param fixed what the job takes once
 */
export function millionUsd(
  task: Counts,
  fixed: Counts,
  around: Pick<Usage, "appGbSeconds" | "controlGbSeconds">,
): { readonly all: number; readonly around: number } {
  const counts = COUNTED.map((name) => [name, task[name] * MILLION + fixed[name]]);
  const { usd } = priceOf({ ...NO_TIME, ...(Object.fromEntries(counts) as Record<keyof Counts, number>) });
  const hints = priceOf({ ...NO_TIME, ...NO_COUNTS, gets: MILLION / HINT_SECONDS }).usd;
  const aroundUsd = priceOf({
    ...NO_COUNTS,
    appGbSeconds: around.appGbSeconds * MILLION,
    controlGbSeconds: around.controlGbSeconds * MILLION,
  }).usd;
  return { all: usd + hints + aroundUsd, around: aroundUsd };
}

export const NO_COUNTS: Counts = { transitions: 0, requests: 0, writeUnits: 0, readUnits: 0, puts: 0, gets: 0 };
