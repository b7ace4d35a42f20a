import { CreateBucketCommand, DeleteBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ManualClock, MemoryObjectStore } from "../../adapters/memory/index.ts";
import { S3ObjectStore } from "../../adapters/s3/index.ts";
import { describeOnEmulator, EMULATOR, type Emulator, expectCode, type Known, unique } from "./harness.ts";
import { type LinkAnswer, type LinkRequest, objectStoreSuite } from "./object-store-suite.ts";

describe("MemoryObjectStore", () => {
  const clock = new ManualClock();
  const store = new MemoryObjectStore({ buckets: ["data"], clock, minPartBytes: 16 });
  objectStoreSuite(() => ({
    store,
    bucket: "data",
    partBytes: 16,
    follow: (url, request) => store.fetchLink(url, request),
  }));

  it("lets links expire", async () => {
    await store.put({ bucket: "data", key: "k" }, "x");
    const url = await store.presignGet({ bucket: "data", key: "k" }, { expiresIn: 60 });

    expect((await store.fetchLink(url)).status).toBe(200);
    clock.advance(60_000);
    expect((await store.fetchLink(url)).status).toBe(403);
  });

  it("denies what a test says is out of reach", async () => {
    const closed = new MemoryObjectStore();
    closed.denied = ({ key }) => key?.startsWith("secret/") ?? false;

    await expectCode(closed.get({ bucket: "data", key: "secret/x" }), "ACCESS_DENIED");
    await expectCode(closed.put({ bucket: "data", key: "secret/x" }, ""), "ACCESS_DENIED");
    await expectCode(closed.get({ bucket: "data", key: "x" }), "OBJECT_MISSING");
  });

  it("counts calls and bytes by method, and gives versions when asked", async () => {
    const counted = new MemoryObjectStore({ versioning: true });
    const at = { bucket: "data", key: "k" };
    await counted.put(at, "12345");
    await counted.get(at, { range: { from: 0, to: 2 } });
    await counted.get(at, { range: { from: 2, to: 2 } });

    expect(counted.stats).toEqual({ put: { calls: 1, bytes: 5 }, get: { calls: 1, bytes: 2 } });
    expect((await counted.head(at)).versionId).toBe("v1");
  });
});

/** What emulators do unlike S3. */
const KNOWN: Readonly<Record<Emulator, Known>> = {
  ministack: {
    "small parts": "MiniStack has no least size of parts",
    "small sources": "MiniStack copies ranges of small sources",
  },
  localstack: {
    "small sources": "LocalStack copies ranges of small sources",
    "keys beyond ASCII": "LocalStack pages by the encoded keys, whose order is another, and loses those beyond ASCII",
  },
  other: {},
};

describeOnEmulator("S3ObjectStore", () => {
  const bucket = unique("conformance");
  const client = new S3Client({ forcePathStyle: true });
  const store = new S3ObjectStore();

  beforeAll(async () => {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  });

  afterAll(async () => {
    for (const { key, uploadId } of await store.listUploads(bucket, ""))
      await store.abortUpload({ bucket, key }, uploadId);
    for (let left = true; left; ) {
      const { objects, cursor } = await store.list(bucket, "");
      await store.delete(
        bucket,
        objects.map(({ key }) => key),
      );
      left = cursor !== undefined;
    }
    await client.send(new DeleteBucketCommand({ Bucket: bucket }));
    client.destroy();
  });

  const follow = async (url: string, request: LinkRequest = {}): Promise<LinkAnswer> => {
    const answer = await fetch(url, {
      method: request.method ?? "GET",
      ...(request.body === undefined ? {} : { body: request.body }),
      headers: {
        ...(request.contentType === undefined ? {} : { "content-type": request.contentType }),
        ...(request.contentDisposition === undefined ? {} : { "content-disposition": request.contentDisposition }),
      },
    });
    return {
      status: answer.status,
      body: new Uint8Array(await answer.arrayBuffer()),
      headers: Object.fromEntries(answer.headers),
    };
  };

  objectStoreSuite(() => ({ store, bucket, partBytes: 5 * 1_024 * 1_024, follow }), KNOWN[EMULATOR]);
});
