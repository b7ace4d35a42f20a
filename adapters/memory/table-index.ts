import { compareBytes } from "../shared/byte-order.ts";

/** One entry on the way along a partition: the position to sort by and the item's own key. */
export interface Entry {
  readonly order: string;
  readonly pk: string;
  readonly sk: string;
}

/** Order along a key: by sort key, then (on an index, where sort keys repeat) by the item's own key. */
export function compareEntries(a: Entry, b: Entry): number {
  return compareBytes(a.order, b.order) || compareBytes(a.pk, b.pk) || compareBytes(a.sk, b.sk);
}

/** Partitions of entries, sorted when they are next read: a simulation writes far more often than it lists. */
export class PartitionedIndex {
  readonly #partitions = new Map<string, { entries: Map<string, Entry>; sorted: readonly Entry[] | undefined }>();

  add(partition: string, id: string, entry: Entry): void {
    let found = this.#partitions.get(partition);
    if (!found) {
      found = { entries: new Map(), sorted: undefined };
      this.#partitions.set(partition, found);
    }
    if (!found.entries.has(id)) found.sorted = undefined;
    found.entries.set(id, entry);
  }

  remove(partition: string, id: string): void {
    const found = this.#partitions.get(partition);
    if (!found?.entries.delete(id)) return;
    found.sorted = undefined;
    if (found.entries.size === 0) this.#partitions.delete(partition);
  }

  sorted(partition: string): readonly Entry[] {
    const found = this.#partitions.get(partition);
    if (!found) return [];
    found.sorted ??= [...found.entries.values()].sort(compareEntries);
    return found.sorted;
  }
}
