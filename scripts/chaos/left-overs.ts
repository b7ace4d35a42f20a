/** What jobs that have ended may not leave behind, read from the table and the buckets themselves. */
import { setTimeout as sleep } from "node:timers/promises";
import { jobItem } from "../../core/contracts/job-items.ts";
import { loadGates, sumGates, totalOf } from "../../core/gates/gates.ts";
import { executionName } from "../../core/keys/execution-name.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { jobPrefix } from "../../core/keys/object-keys.ts";
import type { ChaosStack } from "./stack.ts";

/** The sweeper looks at an ended job once more after a minute, and comes every minute; one tick may be lost. */
const PATIENCE_MS = 240_000;

/** Waits until nothing is left, as long as the sweeper may take. @returns what is left then */
export async function leftOvers(stack: ChaosStack, jobs: readonly string[], folder: string): Promise<string[]> {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(2_000)) {
    const left = (await Promise.all([uploads(stack, jobs, folder), ...jobs.map((id) => ofJob(stack, id))])).flat();
    if (left.length === 0 || Date.now() > deadline) return left;
  }
}

async function uploads({ objects, bucket, granted, owner }: ChaosStack, jobs: readonly string[], folder: string) {
  const own = await Promise.all(jobs.map((jobId) => objects.listUploads(bucket, jobPrefix({ owner, jobId }))));
  const all = [...own.flat(), ...(await objects.listUploads(granted, folder))];
  return all.map((upload) => `an upload to ${upload.bucket}/${upload.key}`);
}

async function ofJob({ table, workflow }: ChaosStack, id: string): Promise<string[]> {
  const job = jobItem.parse(await table.get(jobKey(id), { consistent: true }));
  const left: string[] = [];
  for (let generation = 0; generation <= job.generation; generation++) {
    const gates = await loadGates(table, id, generation, 32);
    left.push(
      ...gates.filter(({ mode }) => mode === "open").map((gate) => `an open gate ${gate.pk} of run ${gate.run}`),
    );
    const { counts } = sumGates(gates);
    if (counts.active > 0) left.push(`${counts.active} ACTIVE tasks of ${id}, generation ${generation}`);
    const isPresent = generation === job.generation && job.tasks !== undefined;
    if (isPresent && totalOf(counts) !== job.tasks)
      left.push(`counts of ${id} that add up to ${totalOf(counts)} of ${job.tasks}`);
  }
  for (let run = 1; run <= job.run; run++) {
    const name = executionName(id, run);
    if ((await workflow.status(name)) === "running") left.push(`the execution ${name}`);
  }
  return left;
}
