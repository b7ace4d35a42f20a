/** A job of 100,000 tasks that do next to nothing: what is left is JobJob's own cost per task. */

import { loadJob } from "../../core/job/load.ts";
import { gateSums } from "../../core/job/progress.ts";
import { gatePk, jobKey } from "../../core/keys/item-keys.ts";
import type { Table } from "../../core/ports/index.ts";
import { CountingTable } from "../lib/counting-table.ts";
import { type Deployed, phases, runJob, theStack } from "../lib/deployed.ts";
import { aimAtMost, atMost, exactly, type Figure, type Suite } from "../lib/figure.ts";
import { onlyResult } from "../lib/results.ts";
import { workerTotals } from "../lib/worker-reports.ts";

const TASKS = Number(process.env.BENCH_TASKS ?? 100_000);

export const tinyTasks: Suite = {
  name: "tiny-tasks",
  what: `a job of ${TASKS.toLocaleString("en-US")} tiny tasks on the deployed stack, driven through HTTP`,
  async run(say) {
    const stack = await theStack(say);
    const draft = {
      templateId: "numbers",
      dataSource: { dataSourceDescriptor: "bypass" },
      params: { partitioner: { range: `1-${TASKS}` }, app: {}, assembler: {} },
    };
    const { job, seconds } = await runJob(stack, draft, say);
    for (const [state, lasted] of phases(job)) say(`${state}: ${lasted.toFixed(1)} s`);
    const work = await workerTotals(stack.objects, stack.bucket, job);
    say(`${work.claims} claims by ${work.workers} workers, ${(work.wallMs / work.claims).toFixed(0)} ms each`);
    return [
      { name: "wall time", value: seconds, unit: "s", bar: aimAtMost(180) },
      { name: "wall time per task", value: (seconds * 1_000) / TASKS, unit: "ms" },
      {
        name: "a worker's time per 1,000 tasks",
        value: (work.wallMs / TASKS) * 1_000,
        unit: "ms",
        baseline: { name: "ms of it in the app", value: (work.processMs / TASKS) * 1_000 },
      },
      ...(await outputFigures(stack, job.id)),
      ...(await rowFigures(stack, job.id)),
      ...(await tableFigures(stack.table, job.id)),
    ];
  },
};

/** Each number of the range stands in the output once. */
async function outputFigures({ client }: Deployed, jobId: string): Promise<Figure[]> {
  const seen = new Uint8Array(TASKS + 1);
  let distinct = 0;
  let others = 0;
  let rest = "";
  const decoder = new TextDecoder();
  for await (const block of onlyResult(client, jobId)) {
    const lines = (rest + decoder.decode(block, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const number = /^[1-9]\d*$/.test(line) ? Number(line) : 0;
      if (number < 1 || number > TASKS || seen[number]) others++;
      else {
        seen[number] = 1;
        distinct++;
      }
    }
  }
  if (rest !== "") others++;
  return [
    { name: "distinct numbers in the output", value: distinct, unit: "lines", bar: exactly(TASKS) },
    { name: "other lines in it", value: others, unit: "lines", bar: exactly(0) },
  ];
}

async function rowFigures({ client }: Deployed, jobId: string): Promise<Figure[]> {
  const began = performance.now();
  const ordinals = new Set<number>();
  for await (const { ordinal, state } of client.tasks(jobId)) if (state === "COMPLETED") ordinals.add(ordinal);
  const ms = performance.now() - began;
  return [
    { name: "distinct COMPLETED rows of /tasks", value: ordinals.size, unit: "rows", bar: exactly(TASKS) },
    { name: "a page of 1,000 of them", value: ms / Math.ceil(TASKS / 1_000), unit: "ms" },
  ];
}

async function tableFigures(table: Table, jobId: string): Promise<Figure[]> {
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
      bar: exactly(TASKS),
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
