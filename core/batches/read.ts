/** Consistent reads of a job's batch items, a page at a time: a job of ten million tasks may have a batch per task. */
import type { BatchTable } from "../contracts/batch-table.ts";
import type { BatchPlace } from "../contracts/workflow.ts";
import { BATCH_PREFIX, batchKey, gatePk } from "../keys/item-keys.ts";
import type { Item, Table } from "../ports/index.ts";

/** As many as one call of BatchGetItem takes. */
const BATCHES_PER_READ = 100;

/** Those that were claimed at least once, gate by gate: not in the order of their numbers. */
export async function* claimedBatches(
  table: Table,
  where: { readonly jobId: string; readonly generation: number; readonly gates: number },
): AsyncGenerator<{ readonly n: number; readonly item: Item }> {
  for (let gate = 0; gate < where.gates; gate++) {
    let cursor: string | undefined;
    do {
      const page = await table.query({
        pk: gatePk(where.jobId, where.generation, gate),
        prefix: BATCH_PREFIX,
        consistent: true,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const item of page.items) yield { n: Number(item.sk.slice(BATCH_PREFIX.length)), item };
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
}

/** All of the table from number `from` on, in order; without an item: never claimed. */
export async function* batchesInOrder(
  table: Table,
  job: { readonly id: string; readonly generation: number },
  { batches, gates }: BatchTable,
  from = 0,
): AsyncGenerator<{ readonly place: BatchPlace; readonly item: Item | undefined }> {
  for (let start = from; start < batches.length; start += BATCHES_PER_READ) {
    const places = batches.slice(start, start + BATCHES_PER_READ);
    const keys = places.map(({ n }) => batchKey(job.id, job.generation, gates, n));
    const items = new Map<string, Item>();
    for (const item of await table.batchGet(keys, { consistent: true })) items.set(`${item.pk} ${item.sk}`, item);
    for (const [i, place] of places.entries()) {
      yield { place, item: items.get(`${keys[i]?.pk} ${keys[i]?.sk}`) };
    }
  }
}
