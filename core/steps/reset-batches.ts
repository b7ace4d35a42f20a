/**
 * A requeue's selection, applied by plan between its fence and its opening of the gates: one transaction per batch, which
 * demands that its gate stands in plan's epoch and has not been opened. So a repeated or late plan resets nothing twice, and
 * no worker's commit can come in between.
 */
import { asBatch, type Batch, tasksIn } from "../batches/batch.ts";
import { countChanges } from "../batches/outcome.ts";
import { type PackedTask, packStates } from "../batches/packed-states.ts";
import { type Picks, resetTasks } from "../batches/select-tasks.ts";
import type { BatchTable } from "../contracts/batch-table.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { gateItem } from "../contracts/progress-items.ts";
import { claimIndex } from "../contracts/worker.ts";
import { JobJobError, SupersededError } from "../errors.ts";
import { type Epoch, epochIs, sameEpoch } from "../gates/gates.ts";
import { parseItem } from "../job/load.ts";
import { batchKey, gateKey } from "../keys/item-keys.ts";
import { claimIndexKey } from "../keys/object-keys.ts";
import { readJson } from "../objects/json.ts";
import { type Item, type Key, RefusedError } from "../ports/index.ts";
import type { StepContext } from "./context.ts";

const TRIES = 20;

/**
 * Resets what `picks` names of one batch.
 * @returns the batch's tasks as they stand afterwards, in `epoch`
 * @throws SupersededError when the run was ended on the batch's gate
 */
export async function resetBatch(
  ctx: StepContext,
  job: JobItem,
  table: BatchTable,
  epoch: Epoch,
  n: number,
  item: Item,
  picks: Picks,
): Promise<readonly PackedTask[]> {
  const key = batchKey(job.id, job.generation, table.gates, n);
  const gate = gateKey(job.id, job.generation, n % table.gates);
  let current: Item | undefined = item;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const batch = asBatch(current, 0);
    const tasks = tasksIn(batch, epoch);
    if (batch.resetRun >= epoch.run) return tasks; // by an earlier call of this run's plan
    const after = resetTasks(tasks, n * table.batchSize, picks);
    if (after.reset.length === 0) return tasks;
    const rejected = await rejectedOf(ctx, job, n, tasks, after.reset);
    try {
      await ctx.table.transact([
        { update: key, ...batchChange(batch, after.tasks, epoch.run) },
        {
          update: gate,
          changes: {
            set: { opened: false }, // as it stands: tasks that only get fresh attempts move no count, and no change is no update
            add: { ...countChanges(tasks, after.tasks), ...(rejected > 0 ? { rejected: -rejected } : {}) },
          },
          if: { all: [...epochIs(epoch), { eq: ["opened", false] }] },
        },
      ]);
      return after.tasks;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (error.failedAt(1)) {
        await insistOnEpoch(ctx, gate, epoch);
        return tasks; // opened by another call of this plan, which has reset all before
      }
      current = await ctx.table.get(key, { consistent: true });
    }
  }
  throw new JobJobError({
    code: "BATCH_BUSY",
    message: `Batch ${n} kept changing while it was being reset; the step is tried again.`,
    retryable: true,
  });
}

/** A run that is over doesn't begin with a part of its selection left as it was. @throws SupersededError */
async function insistOnEpoch(ctx: StepContext, gate: Key, epoch: Epoch): Promise<void> {
  const item = await ctx.table.get(gate, { consistent: true });
  if (!item || !sameEpoch(parseItem(gateItem, item), epoch)) throw new SupersededError(`The plan of run ${epoch.run}`);
}

/** The epoch, the claim and what it holds stay: the next claim supersedes it as ever. */
function batchChange(batch: Batch, tasks: readonly PackedTask[], run: number) {
  const isWaiting = tasks.some(({ letter }) => letter === "S");
  return {
    changes: {
      set: { tasks: packStates(tasks), resetRun: run },
      remove: ["deaths", "idle", ...(isWaiting ? [] : ["retryAt"])],
    },
    if: {
      all: [
        { eq: ["claim", batch.claim] as const },
        { eq: ["inHand", batch.inHand] as const },
        { any: [{ missing: "resetRun" }, { lt: ["resetRun", run] as const }] },
      ],
    },
  };
}

/** Items that the PARTIAL ones of these tasks had rejected: what runs anew rejects anew. */
async function rejectedOf(
  ctx: StepContext,
  job: JobItem,
  n: number,
  tasks: readonly PackedTask[],
  reset: readonly number[],
): Promise<number> {
  const byClaim = new Map<number, number[]>();
  for (const o of reset) {
    const task = tasks[o];
    if (task?.letter === "P") byClaim.set(task.claim, [...(byClaim.get(task.claim) ?? []), o]);
  }
  let sum = 0;
  for (const [claim, ordinals] of byClaim) {
    const key = claimIndexKey({ owner: job.owner, jobId: job.id }, job.generation, n, claim);
    const index = await readJson(ctx.objects, { bucket: ctx.settings.bucket, key }, claimIndex);
    const rejections = new Map(index.tasks.map((entry) => [entry.o, entry.jn ?? 0]));
    for (const o of ordinals) sum += rejections.get(o) ?? 0;
  }
  return sum;
}
