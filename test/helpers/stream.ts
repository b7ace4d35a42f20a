import type { MemoryTable } from "../../adapters/memory/index.ts";
import type { StreamRecord } from "../../core/contracts/events.ts";
import type { Item } from "../../core/ports/index.ts";

/** An item as DynamoDB's streams write it; texts and numbers are all that timeline rows hold. */
export function imageOf(item: Item): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      typeof value === "string" ? { S: value } : typeof value === "number" ? { N: String(value) } : { M: {} },
    ]),
  );
}

export const recordOf = (item: Item, eventName: string, sequence: number): StreamRecord => ({
  eventName,
  dynamodb: {
    SequenceNumber: String(sequence),
    Keys: { pk: { S: item.pk }, sk: { S: item.sk } },
    NewImage: imageOf(item),
  },
});

/** The stream of a table to which every item was just added, in the order of the keys. */
export const streamOf = (table: MemoryTable): StreamRecord[] =>
  table.dump().map((item, i) => recordOf(item, "INSERT", i + 1));
