import { describe, expect, it } from "vitest";
import { type Machine, replay } from "../../../bench/lib/executed.ts";
import { s3CallOf, serviceOf, unitsOf } from "../../../bench/lib/wire-call.ts";

describe("a request on the wire", () => {
  it.each([
    ["GET", "/b/o/key", "get"],
    ["HEAD", "/b/o/key", "get"],
    ["HEAD", "/b/", "get"],
    ["PUT", "/b/key", "put"],
    ["PUT", "/b/key?partNumber=1&uploadId=u", "put"],
    ["POST", "/b/key?uploads=", "put"],
    ["POST", "/b/key?uploadId=u", "put"],
    ["GET", "/b/?list-type=2&prefix=o%2F", "put"],
    ["GET", "/b?uploads=", "put"],
    ["GET", "/b/key?uploadId=u", "put"],
    ["POST", "/b/?delete=", "free"],
    ["DELETE", "/b/key", "free"],
    ["DELETE", "/b/key?uploadId=u", "free"],
  ])("%s %s has S3's price class %s", (method, path, wanted) => {
    const { s3 } = s3CallOf(method, new URL(path, "http://127.0.0.1"));

    expect(s3).toBe(wanted);
  });

  it("names its service in its signature, in a header or a query", () => {
    const signed = "AWS4-HMAC-SHA256 Credential=test/20260301/us-east-1/dynamodb/aws4_request, SignedHeaders=host";

    const inHeader = serviceOf(signed, new URLSearchParams());
    const inQuery = serviceOf(
      undefined,
      new URLSearchParams({ "X-Amz-Credential": "test/20260301/eu-west-1/s3/aws4_request" }),
    );

    expect([inHeader, inQuery, serviceOf(undefined, new URLSearchParams())]).toEqual(["dynamodb", "s3", "unsigned"]);
  });
});

describe("units of a call", () => {
  it("are what ConsumedCapacity reports of a write, indexes included", () => {
    const answer = { ConsumedCapacity: [{ CapacityUnits: 6 }] };

    expect(unitsOf("TransactWriteItems", { TransactItems: [{}, {}] }, 200, answer)).toEqual({
      writeUnits: 6,
      readUnits: 0,
    });
    expect(unitsOf("UpdateItem", {}, 200, { ConsumedCapacity: { CapacityUnits: 1 } }).writeUnits).toBe(1);
  });

  it("are billed for a refused write too", () => {
    expect(unitsOf("UpdateItem", {}, 400, {}).writeUnits).toBe(1);
    expect(unitsOf("TransactWriteItems", { TransactItems: [{}, {}] }, 400, {}).writeUnits).toBe(4);
  });

  it("of a read go by its size, whatever is reported", () => {
    const Item = { pk: { S: "x".repeat(5_000) } };
    const reported = { ConsumedCapacity: { CapacityUnits: 1 } };

    expect(unitsOf("GetItem", { ConsistentRead: true }, 200, { ...reported, Item }).readUnits).toBe(2);
    expect(unitsOf("GetItem", { ConsistentRead: true }, 200, { ...reported, Item: { pk: { S: "x" } } }).readUnits).toBe(
      1,
    );
    expect(unitsOf("Query", {}, 200, { Items: [Item, Item] }).readUnits).toBe(1.5);
  });

  it("of a batch are those of each item, found or not", () => {
    const sent = { RequestItems: { t: { ConsistentRead: true, Keys: [{}, {}, {}] } } };

    const { readUnits } = unitsOf("BatchGetItem", sent, 200, { Responses: { t: [{ pk: { S: "x".repeat(9_000) } }] } });

    expect(readUnits).toBe(3 + 1 + 1);
  });
});

describe("a child's record, replayed on its definition", () => {
  const machine: Machine = {
    StartAt: "Claim",
    States: {
      Claim: { Type: "Task", Resource: "claim", Next: "App", Catch: [{ Next: "Lost" }] },
      App: { Type: "Task", Resource: "app", Next: "Commit", Catch: [{ Next: "Commit" }] },
      Commit: { Type: "Task", Resource: "commit", Next: "Choice", Catch: [{ Next: "Lost" }] },
      Choice: { Type: "Choice", Choices: [{ Next: "App" }, { Next: "Backoff" }, { Next: "Done" }], Default: "Lost" },
      Backoff: { Type: "Wait", Next: "Claim" },
      Done: { Type: "Succeed" },
      Lost: { Type: "Fail" },
    },
  };
  const ran = (...resources: string[]) => resources.map((resource) => ({ resource, failed: false }));

  it("has the start, three tasks, a Choice and Done on the common path", () => {
    expect(replay(machine, ran("claim", "app", "commit"), true)).toBe(6);
  });

  it("has three more for a next claim by commit, and five for a wait", () => {
    expect(replay(machine, ran("claim", "app", "commit", "app", "commit"), true)).toBe(9);
    expect(replay(machine, ran("claim", "app", "commit", "claim", "app", "commit"), true)).toBe(6 + 5);
  });

  it("counts a retry, and a failure that is caught", () => {
    const retried = [{ resource: "claim", failed: true }, ...ran("claim", "app", "commit")];
    const caught = [...ran("claim"), { resource: "app", failed: true }, ...ran("commit")];

    expect(replay(machine, retried, true)).toBe(7);
    expect(replay(machine, caught, true)).toBe(6);
    expect(replay(machine, [{ resource: "claim", failed: true }], false)).toBe(3);
  });

  it("refuses a task that the definition doesn't lead to", () => {
    expect(() => replay(machine, ran("claim", "commit"), true)).toThrow("doesn't lead to");
  });
});
