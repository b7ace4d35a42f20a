/** Jobs of the template `numbers`: tasks that do next to nothing, so that what is left is JobJob's own cost per task. */
import { loadJob } from "../../core/job/load.ts";
import { gateSums } from "../../core/job/progress.ts";
import { executionName } from "../../core/keys/execution-name.ts";
import { gatePk, jobKey } from "../../core/keys/item-keys.ts";
import type { Table } from "../../core/ports/index.ts";
import { CountingTable } from "./counting-table.ts";
import { type Deployed, runJob } from "./deployed.ts";
import { atMost, exactly, type Figure } from "./figure.ts";
import { onlyResult } from "./results.ts";
import { type Phase, phasesOf } from "./run-phases.ts";
import { workerTotals } from "./worker-reports.ts";

/** A finished job. Times in seconds. */
export interface NumberJob {
  readonly id: string;
  readonly tasks: number;
  /** From `run` to the answer that it is COMPLETE. */
  readonly seconds: number;
  readonly phases: Readonly<Record<Phase, number>>;
  /** Batches: claims of workers. */
  readonly claims: number;
  /** Of all workers together, and in the app alone. */
  readonly workerSeconds: number;
  readonly appSeconds: number;
}

export async function runNumbers(stack: Deployed, tasks: number, say: (line: string) => void): Promise<NumberJob> {
  const draft = {
    templateId: "numbers",
    dataSource: { dataSourceDescriptor: "bypass" },
    params: { partitioner: { range: `1-${tasks}` }, app: {}, assembler: {} },
  };
  const { job, seconds } = await runJob(stack, draft, say);
  const endedAt = Date.now();
  const arn = `${stack.stateMachineArn.replace(":stateMachine:", ":execution:")}:${executionName(job.id, 1)}`;
  const phases = await phasesOf(arn, endedAt - seconds * 1_000, endedAt);
  const work = await workerTotals(stack.objects, stack.bucket, job);
  return {
    id: job.id,
    tasks,
    seconds,
    phases,
    claims: work.claims,
    workerSeconds: work.wallMs / 1_000,
    appSeconds: work.processMs / 1_000,
  };
}

/** What must be true of the job's output, rows and items. */
export async function checkNumbers(stack: Deployed, { id, tasks }: NumberJob): Promise<readonly Figure[]> {
  return [
    ...(await outputFigures(stack, id, tasks)),
    ...(await rowFigures(stack, id, tasks)),
    ...(await tableFigures(stack.table, id, tasks)),
  ];
}

/** Each number of the range stands in the output once. */
async function outputFigures({ client }: Deployed, jobId: string, tasks: number): Promise<Figure[]> {
  const seen = new Uint8Array(tasks + 1);
  let distinct = 0;
  let others = 0;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const block of onlyResult(client, jobId)) {
    const lines = (rest + decoder.decode(block, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const number = /^[1-9]\d*$/.test(line) ? Number(line) : 0;
      if (number < 1 || number > tasks || seen[number]) others++;
      else {
        seen[number] = 1;
        distinct++;
      }
    }
  }
  if (rest !== "") others++;
  return [
    { name: "distinct numbers in the output", value: distinct, unit: "lines", bar: exactly(tasks) },
    { name: "other lines in it", value: others, unit: "lines", bar: exactly(0) },
  ];
}

async function rowFigures({ client }: Deployed, jobId: string, tasks: number): Promise<Figure[]> {
  const began = performance.now();
  const ordinals = new Set<number>();
  for await (const { ordinal, state } of client.tasks(jobId)) if (state === "COMPLETED") ordinals.add(ordinal);
  const ms = performance.now() - began;
  return [
    { name: "distinct COMPLETED rows of /tasks", value: ordinals.size, unit: "rows", bar: exactly(tasks) },
    { name: "a page of 1,000 of them", value: ms / Math.ceil(tasks / 1_000), unit: "ms" },
  ];
}

async function tableFigures(table: Table, jobId: string, tasks: number): Promise<Figure[]> {
  const counting = new CountingTable(table);
  const job = await loadJob(counting, jobId);
  if (!job) throw new Error(`The job ${jobId} has no item.`);
  const sums = await gateSums(counting, [job]);

  const gates = Array.from({ length: job.gates ?? 0 }, (_, k) => gatePk(jobId, job.generation, k));
  let items = 0;
  for (const pk of [jobKey(jobId).pk, ...gates]) items += await countItems(table, pk);
  return [
    { name: "DynamoDB items", value: items, unit: "items", bar: atMost(1_500) },
    { name: "item reads for its progress", value: counting.itemReads, unit: "items", bar: atMost(33) },
    {
      name: "completed, summed over the gates",
      value: sums.get(jobId)?.counts.completed ?? 0,
      unit: "tasks",
      bar: exactly(tasks),
    },
  ];
}

async function countItems(table: Table, pk: string): Promise<number> {
  let items = 0;
  for (let cursor: string | undefined; ; ) {
    const page = await table.query({ pk, consistent: true, ...(cursor === undefined ? {} : { cursor }) });
    items += page.items.length;
    cursor = page.cursor;
    if (cursor === undefined) return items;
  }
}
