import { Readable } from "node:stream";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { describe, expect, it } from "vitest";
import { DynamoTable } from "../../../adapters/dynamodb/index.ts";

type Reply = { readonly status: number; readonly body: unknown };
const failure = (type: string, more: object = {}): Reply => ({
  status: 400,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message: type, ...more },
});
const canceled = (...codes: string[]): Reply =>
  failure("TransactionCanceledException", { CancellationReasons: codes.map((Code) => ({ Code })) });
const fine = (body: unknown = {}): Reply => ({ status: 200, body });

const text = (body: unknown): string => (body instanceof Uint8Array ? new TextDecoder().decode(body) : String(body));

/** A table behind which a script answers, one reply per request; the last one is repeated. */
function scripted(...replies: readonly Reply[]) {
  const requests: { readonly target: string; readonly body: Record<string, unknown> }[] = [];
  const requestHandler = {
    handle: async (request: { readonly body?: unknown; readonly headers: Record<string, string> }) => {
      const reply = replies[Math.min(requests.length, replies.length - 1)] ?? fine();
      const target = request.headers["x-amz-target"]?.split(".")[1] ?? "";
      requests.push({ target, body: JSON.parse(text(request.body)) as Record<string, unknown> });
      const body = Readable.from([Buffer.from(JSON.stringify(reply.body))]);
      return {
        response: { statusCode: reply.status, headers: { "content-type": "application/x-amz-json-1.0" }, body },
      };
    },
  };
  const client = new DynamoDBClient({
    region: "us-east-1",
    endpoint: "http://scripted.invalid",
    credentials: { accessKeyId: "a", secretAccessKey: "b" },
    maxAttempts: 1,
    requestHandler: requestHandler as never,
  });
  return { table: new DynamoTable({ name: "t", client: DynamoDBDocumentClient.from(client) }), requests };
}

const key = { pk: "p", sk: "s" };
const two = [{ put: key }, { put: { pk: "p", sk: "t" } }];

describe("DynamoTable", () => {
  it("tries a transaction again after conflicts and throttles, always under the same token", async () => {
    const { table, requests } = scripted(
      canceled("None", "TransactionConflict"),
      canceled("ThrottlingError", "None"),
      failure("TransactionInProgressException"),
      fine(),
    );

    await table.transact(two);

    expect(requests).toHaveLength(4);
    expect(new Set(requests.map(({ body }) => body.ClientRequestToken)).size).toBe(1);
  });

  it("gives a conflict up after eight tries, as a refusal that may be retried", async () => {
    const { table, requests } = scripted(canceled("None", "TransactionConflict"));

    await expect(table.transact(two)).rejects.toMatchObject({
      code: "WRITE_REFUSED",
      reasons: ["none", "conflict"],
      retryable: true,
    });
    expect(requests).toHaveLength(8);
  });

  it("doesn't retry what a condition decided, even beside a conflict", async () => {
    const { table, requests } = scripted(canceled("ConditionalCheckFailed", "TransactionConflict"));

    await expect(table.transact(two)).rejects.toMatchObject({ reasons: ["condition", "conflict"] });
    expect(requests).toHaveLength(1);
  });

  it("retries a plain write that met a transaction", async () => {
    const { table, requests } = scripted(failure("TransactionConflictException"), fine());

    await table.write({ put: key });

    expect(requests.map(({ target }) => target)).toEqual(["PutItem", "PutItem"]);
  });

  it("says that a throttled table is unavailable once its tries are used up", async () => {
    const { table, requests } = scripted(failure("ProvisionedThroughputExceededException"));

    await expect(table.get(key)).rejects.toMatchObject({ code: "TABLE_UNAVAILABLE", retryable: true });
    expect(requests).toHaveLength(8);
  });

  it("doesn't retry a defect of the caller", async () => {
    const { table, requests } = scripted(failure("ValidationException"));

    await expect(table.get(key)).rejects.toMatchObject({ code: "TABLE_REQUEST_INVALID", retryable: false });
    expect(requests).toHaveLength(1);
  });

  it("asks again for the keys that a batch left unprocessed", async () => {
    const stored = (sk: string) => ({ pk: { S: "p" }, sk: { S: sk } });
    const { table, requests } = scripted(
      fine({ Responses: { t: [stored("b")] }, UnprocessedKeys: { t: { Keys: [stored("a")] } } }),
      fine({ Responses: { t: [stored("a")] }, UnprocessedKeys: {} }),
    );

    const found = await table.batchGet([
      { pk: "p", sk: "a" },
      { pk: "p", sk: "b" },
    ]);

    expect(found.map(({ sk }) => sk)).toEqual(["a", "b"]);
    expect(requests[1]?.body.RequestItems).toEqual({ t: { Keys: [stored("a")], ConsistentRead: false } });
  });
});
