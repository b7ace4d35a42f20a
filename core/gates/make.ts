import type { JobItem } from "../contracts/job-items.ts";
import { gateItem } from "../contracts/progress-items.ts";
import { JobJobError } from "../errors.ts";
import { parseItem } from "../job/load.ts";
import { gateKey, jobKey } from "../keys/item-keys.ts";
import { type Item, RefusedError, type Table, type Write } from "../ports/index.ts";
import type { JobState } from "../states/job-states.ts";
import { type Epoch, NO_COUNTS, NO_STATS } from "./gates.ts";

const TRIES = 20;

/**
 * Makes the gates that a storage generation doesn't have yet, closed, in `epoch`, with all their tasks queued: in one
 * transaction, on condition that the job is still in this run and one of these states. Whoever ends the run changes the state
 * first and then fences the gates there are: without the condition a late plan could make gates behind that, and open them.
 * @returns false when the run is over
 */
export async function makeGates(
  table: Table,
  job: JobItem,
  epoch: Epoch,
  tasksOf: readonly number[],
  states: readonly JobState[],
): Promise<boolean> {
  const keys = tasksOf.map((_, k) => gateKey(job.id, job.generation, k));
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const items = await table.batchGet(keys, { consistent: true });
    const there = new Set(items.map((item: Item) => parseItem(gateItem, item).pk));
    const puts = keys.flatMap((key, k): Write[] => {
      if (there.has(key.pk)) return [];
      const gate = {
        ...key,
        ...NO_COUNTS,
        ...NO_STATS,
        run: epoch.run,
        round: epoch.round,
        mode: "closed",
        opened: false,
      };
      return [{ put: { ...gate, queued: tasksOf[k] ?? 0 }, if: { missing: "pk" } }];
    });
    if (puts.length === 0) return true;
    const isOurs = { all: [{ eq: ["run", epoch.run] }, { in: ["state", states] }, { missing: "deletedAt" }] } as const;
    try {
      await table.transact([{ check: jobKey(job.id), if: isOurs }, ...puts]);
      return true;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      if (error.failedAt(0)) return false;
      // Another call of this plan made some in between: look again.
    }
  }
  throw new JobJobError({
    code: "GATE_BUSY",
    message: `The gates of the job ${job.id} kept changing while they were being made; the step is tried again.`,
    retryable: true,
  });
}
