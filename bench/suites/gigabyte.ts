/** Big inputs through the deployed stack: what the workers hold in memory, and how often the bytes are read. */
import { createHash } from "node:crypto";
import type { JobRecord } from "../../core/contracts/api/records.ts";
import { chunksFile } from "../../core/contracts/chunk-index.ts";
import { loadJob } from "../../core/job/load.ts";
import { jobPrefix } from "../../core/keys/object-keys.ts";
import { csvData, type Data, linesData, ndjsonData } from "../lib/data.ts";
import { type Deployed, phases, runJob, theStack } from "../lib/deployed.ts";
import { atMost, exactly, type Figure, type Suite } from "../lib/figure.ts";
import { putData } from "../lib/put-data.ts";
import { onlyResult, sha256Of } from "../lib/results.ts";
import { wordCountOf } from "../lib/word-count.ts";
import { workerTotals } from "../lib/worker-reports.ts";

const MIB = 1024 * 1024;
const GIGABYTE = Number(process.env.BENCH_CSV_MIB ?? 1_024) * MIB;
const SMALLER = Number(process.env.BENCH_TEXT_MIB ?? 128) * MIB;

interface BigJob {
  readonly format: "csv" | "lines" | "ndjson";
  readonly template: string;
  readonly bytes: number;
  readonly data: Data;
  /** What partition may read, as a share of the input. */
  readonly partitionShare: number;
  /** SHA-256 of what must come out, from what was put in; made by a plain loop of its own. */
  readonly expected: (inputSha256: string) => string;
}

const JOBS: readonly BigJob[] = [
  {
    format: "csv",
    template: "csv-select",
    bytes: GIGABYTE,
    data: csvData(GIGABYTE),
    partitionShare: 1,
    expected: (input) => input,
  },
  {
    format: "lines",
    template: "word-count",
    bytes: SMALLER,
    data: linesData(SMALLER),
    partitionShare: 0.001,
    expected: () =>
      createHash("sha256")
        .update(wordCountOf(linesData(SMALLER)))
        .digest("hex"),
  },
  {
    format: "ndjson",
    template: "ndjson-select",
    bytes: SMALLER,
    data: ndjsonData(SMALLER),
    partitionShare: 0.001,
    expected: (input) => input,
  },
];

export const gigabyte: Suite = {
  name: "gigabyte",
  what: `a CSV of ${GIGABYTE / MIB} MiB, lines and NDJSON of ${SMALLER / MIB} MiB on the deployed stack`,
  async run(say) {
    const stack = await theStack(say);
    const figures: Figure[] = [];
    for (const job of JOBS) figures.push(...(await measure(stack, job, (line) => say(`${job.format}: ${line}`))));
    return figures;
  },
};

async function measure(stack: Deployed, big: BigJob, say: (line: string) => void): Promise<Figure[]> {
  const place = { bucket: stack.inputBucket, key: `bench/${big.format}` };
  const input = await putData(stack.objects, place, big.data);
  say(`${(input.size / MIB).toFixed(0)} MiB are in place`);
  const { job, seconds } = await runJob(
    stack,
    {
      templateId: big.template,
      dataSource: { dataSourceDescriptor: "s3", params: { bucketName: place.bucket, name: place.key } },
    },
    say,
  );
  for (const [state, lasted] of phases(job)) say(`${state}: ${lasted.toFixed(1)} s`);
  const work = await workerTotals(stack.objects, stack.bucket, job);
  // Workers that report nothing would keep to every bar.
  if (work.maxRss === 0 || work.bytesRead < big.bytes * 0.99)
    throw new Error(`The workers of ${job.id} report ${work.maxRss} bytes of memory and ${work.bytesRead} bytes read.`);
  const partitionBytes = await bytesReadByPartition(stack, job);
  const output = await sha256Of(onlyResult(stack.client, job.id));
  // The emulator holds all objects in memory: the next job needs the room.
  await stack.objects.delete(place.bucket, [place.key]);
  await stack.client.delete(job.id);

  const named = (name: string) => `${big.format}: ${name}`;
  const ofInput = (bytes: number) => ({
    value: bytes / input.size,
    unit: "× the input",
    baseline: { name: "MiB read", value: bytes / MIB },
  });
  return [
    {
      name: named("wall time"),
      value: seconds,
      unit: "s",
      baseline: { name: "MiB/s", value: input.size / MIB / seconds },
    },
    { name: named("largest maxRSS of a worker"), value: work.maxRss / MIB, unit: "MiB", bar: atMost(256) },
    { name: named("bytes read by workers"), ...ofInput(work.bytesRead), bar: atMost(1.02) },
    { name: named("bytes read by partition"), ...ofInput(partitionBytes), bar: atMost(big.partitionShare) },
    {
      name: named("output as expected (SHA-256)"),
      value: output === big.expected(input.sha256) ? 1 : 0,
      unit: "",
      bar: exactly(1),
    },
  ];
}

async function bytesReadByPartition({ table, objects, bucket }: Deployed, { id, owner }: JobRecord): Promise<number> {
  const job = await loadJob(table, id);
  if (job?.chunks === undefined) throw new Error(`The job ${id} has no chunks.`);
  const key = jobPrefix({ owner, jobId: id }) + job.chunks;
  const bytes = await objects.get({ bucket, key });
  return chunksFile.parse(JSON.parse(new TextDecoder().decode(bytes))).readBytes;
}
