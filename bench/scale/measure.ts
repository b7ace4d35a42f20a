/** What the model is fed with and held against: jobs on the deployed stack, small ones of several sizes, side by side. */
import { csvData, linesData, ndjsonData } from "../lib/data.ts";
import { type Deployed, phases, runJob } from "../lib/deployed.ts";
import { putData } from "../lib/put-data.ts";
import { type Timing, timingOf } from "../lib/timer.ts";
import { workerTotals } from "../lib/worker-reports.ts";
import type { MeasuredRun } from "./calibrate.ts";
import { MAX_WORKERS, numbersJob } from "./jobs.ts";
import type { Workload } from "./workload.ts";

type Say = (line: string) => void;

/** One size, measured several times. */
export interface SizeMeasured extends MeasuredRun {
  readonly spread: number;
  /** Milliseconds that a worker took per claim. */
  readonly workerMs: Timing;
}

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const WORKER_ROUNDS = Math.min(3, ROUNDS);

/** All sizes in turn, each round beginning with another, so that whatever else the machine does hits all of them. */
export async function measureSizes(stack: Deployed, works: readonly Workload[], say: Say): Promise<SizeMeasured[]> {
  await runNumbers(stack, numbersJob(MAX_WORKERS * 100)); // every function has been called once
  const all = works.map(() => [] as OneRun[]);
  for (let round = 0; round < ROUNDS; round++) {
    for (const turn of works.keys()) {
      const i = (turn + 2 * round) % works.length;
      const work = works[i];
      if (work) all[i]?.push(await runNumbers(stack, work));
    }
    say(
      `round ${round + 1} of ${ROUNDS}: ${works.map(({ tasks }, i) => `${tasks} tasks ${all[i]?.at(-1)?.seconds.toFixed(2)} s`).join(", ")}`,
    );
  }
  return works.map((work, i) => {
    const runs = all[i] ?? [];
    const seconds = timingOf(runs.map((run) => run.seconds));
    return {
      work,
      seconds: seconds.median,
      spread: seconds.spread,
      partitioned: timingOf(runs.map((run) => run.partitioned)).median,
      workerMs: timingOf(runs.map((run) => run.workerMs)),
    };
  });
}

interface OneRun {
  readonly seconds: number;
  readonly partitioned: number;
  readonly workerMs: number;
}

async function runNumbers(stack: Deployed, { tasks, workers }: Workload): Promise<OneRun> {
  const draft = {
    templateId: "numbers",
    dataSource: { dataSourceDescriptor: "bypass" },
    params: { partitioner: { range: `1-${tasks}` }, app: {}, assembler: {} },
    config: { maxConcurrency: workers },
  };
  const { job, seconds } = await runJob(stack, draft, () => undefined);
  const work = await workerTotals(stack.objects, stack.bucket, job);
  const partitioned = phases(job).find(([state]) => state === "PARTITIONED")?.[1] ?? 0;
  return { seconds, partitioned, workerMs: work.wallMs / Math.max(1, work.claims) };
}

/** What a worker that is alone takes for a kind of data: MB/s of text, milliseconds an object. */
export interface WorkerRates {
  readonly lines: Timing;
  readonly ndjson: Timing;
  readonly csv: Timing;
  readonly object: Timing;
}

const MIB = 1024 * 1024;
const TEXT_BYTES = 24 * MIB;
/** As many as one batch of them holds, each as large as the mean of AWS's sample: 37 GB in 558,000 objects. */
const OBJECTS = 300;
const OBJECT_BYTES = 66_000;

const TEXTS = {
  lines: { template: "word-count", data: linesData(TEXT_BYTES) },
  ndjson: { template: "ndjson-select", data: ndjsonData(TEXT_BYTES) },
  csv: { template: "csv-select", data: csvData(TEXT_BYTES) },
} as const;

/** @param batchMs of a worker's call beside its tasks, which isn't the data's */
export async function measureWorkers(stack: Deployed, batchMs: number, say: Say): Promise<WorkerRates> {
  for (const [name, { data }] of Object.entries(TEXTS)) {
    await putData(stack.objects, { bucket: stack.inputBucket, key: `scale/${name}` }, data);
  }
  const block = Buffer.alloc(OBJECT_BYTES, "jobjob ");
  for (let i = 0; i < OBJECTS; i++) {
    await stack.objects.put({ bucket: stack.inputBucket, key: `scale/objects/${i}` }, block);
  }
  const times = { lines: [] as number[], ndjson: [] as number[], csv: [] as number[], object: [] as number[] };
  for (let round = 0; round < WORKER_ROUNDS; round++) {
    for (const [name, { template }] of Object.entries(TEXTS)) {
      const ms = await runAlone(stack, template, `scale/${name}`, say);
      times[name as keyof typeof TEXTS].push(TEXT_BYTES / 1e6 / (Math.max(1, ms - batchMs) / 1_000));
    }
    const ms = await runAlone(stack, "checksum-objects", "scale/objects/", say);
    times.object.push(Math.max(1, ms - batchMs) / OBJECTS);
  }
  return {
    lines: timingOf(times.lines),
    ndjson: timingOf(times.ndjson),
    csv: timingOf(times.csv),
    object: timingOf(times.object),
  };
}

/** @returns milliseconds of the one claim */
async function runAlone(stack: Deployed, template: string, name: string, say: Say): Promise<number> {
  const { job } = await runJob(
    stack,
    {
      templateId: template,
      dataSource: { dataSourceDescriptor: "s3", params: { bucketName: stack.inputBucket, name } },
      config: { maxConcurrency: 1 },
    },
    say,
  );
  const { claims, wallMs } = await workerTotals(stack.objects, stack.bucket, job);
  if (claims !== 1) throw new Error(`The job of ${template} took ${claims} claims; one was to be alone.`);
  return wallMs;
}
