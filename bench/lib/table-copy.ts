/** A table like the deployed one, for items by the ten thousand that no stream and no sweeper should see. */
import { randomUUID } from "node:crypto";
import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  DynamoDBClient,
  type GlobalSecondaryIndexDescription,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { BatchWriteCommand, DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Item } from "../../core/ports/index.ts";

/** Writes of one BatchWriteItem. Source: "BatchWriteItem". */
const BATCH = 25;

export class TableCopy {
  readonly name: string;
  readonly #client: DynamoDBDocumentClient;

  private constructor(name: string, client: DynamoDBDocumentClient) {
    this.name = name;
    this.#client = client;
  }

  /** With the same keys and indexes as that table, and none of its items. */
  static async of(original: string): Promise<TableCopy> {
    const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
    const { Table } = await client.send(new DescribeTableCommand({ TableName: original }));
    const name = `jobjob-bench-${randomUUID()}`;
    await client.send(
      new CreateTableCommand({
        TableName: name,
        KeySchema: Table?.KeySchema,
        AttributeDefinitions: Table?.AttributeDefinitions,
        GlobalSecondaryIndexes: Table?.GlobalSecondaryIndexes?.map(indexOf),
        BillingMode: "PAY_PER_REQUEST",
      }),
    );
    await waitUntilTableExists({ client, maxWaitTime: 60, minDelay: 1 }, { TableName: name });
    return new TableCopy(name, client);
  }

  /** @throws Error when items are left over */
  async put(items: Iterable<Item>): Promise<void> {
    let batch: Item[] = [];
    for (const item of items) {
      batch.push(item);
      if (batch.length < BATCH) continue;
      await this.#write(batch);
      batch = [];
    }
    if (batch.length > 0) await this.#write(batch);
  }

  async #write(items: readonly Item[]): Promise<void> {
    const requests = items.map((item) => ({ PutRequest: { Item: { ...item } } }));
    const { UnprocessedItems } = await this.#client.send(
      new BatchWriteCommand({ RequestItems: { [this.name]: requests } }),
    );
    const left = UnprocessedItems?.[this.name]?.length ?? 0;
    if (left > 0) throw new Error(`The table left ${left} of ${items.length} items over.`);
  }

  async remove(): Promise<void> {
    await this.#client.send(new DeleteTableCommand({ TableName: this.name }));
    this.#client.destroy();
  }
}

function indexOf({ IndexName, KeySchema, Projection }: GlobalSecondaryIndexDescription) {
  return { IndexName, KeySchema, Projection };
}
