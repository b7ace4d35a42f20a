import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  type KeySchemaElement,
  waitUntilTableExists,
} from "@aws-sdk/client-dynamodb";
import { afterAll, beforeAll, describe } from "vitest";
import { DynamoTable } from "../../adapters/dynamodb/index.ts";
import { ManualClock, MemoryTable } from "../../adapters/memory/index.ts";
import { INDEXES } from "../../core/ports/index.ts";
import { describeOnEmulator, EMULATOR, type Known, unique } from "./harness.ts";
import { tableSuite } from "./table-suite.ts";

describe("MemoryTable", () => {
  const table = new MemoryTable({ clock: new ManualClock() });
  tableSuite(() => table);
});

/** MiniStack takes what DynamoDB refuses. */
const MINISTACK: Known = {
  "a set in what is no map": "MiniStack takes it within a transaction",
  "adding to a text": "MiniStack replaces the text by the number",
};

describeOnEmulator("DynamoTable", () => {
  const name = unique("conformance");
  const client = new DynamoDBClient({});
  const table = new DynamoTable({ name });
  const schema = (pk: string, sk: string): KeySchemaElement[] => [
    { AttributeName: pk, KeyType: "HASH" },
    { AttributeName: sk, KeyType: "RANGE" },
  ];

  beforeAll(async () => {
    const attributes = ["pk", "sk", ...Object.values(INDEXES).flatMap(({ pk, sk }) => [pk, sk])];
    await client.send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: "PAY_PER_REQUEST",
        KeySchema: schema("pk", "sk"),
        AttributeDefinitions: attributes.map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
        GlobalSecondaryIndexes: Object.entries(INDEXES).map(([IndexName, { pk, sk }]) => ({
          IndexName,
          KeySchema: schema(pk, sk),
          Projection: { ProjectionType: "KEYS_ONLY" },
        })),
      }),
    );
    await waitUntilTableExists({ client, maxWaitTime: 30 }, { TableName: name });
  });

  afterAll(async () => {
    await client.send(new DeleteTableCommand({ TableName: name }));
    client.destroy();
  });

  tableSuite(() => table, EMULATOR === "ministack" ? MINISTACK : {});
});
