import { crc32 } from "node:zlib";
import {
  CreateFunctionCommand,
  DeleteFunctionCommand,
  LambdaClient,
  waitUntilFunctionActiveV2,
} from "@aws-sdk/client-lambda";
import { CreateBucketCommand, DeleteBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { LambdaNudge } from "../../adapters/lambda/index.ts";
import { MemoryNudge } from "../../adapters/memory/index.ts";
import { S3ObjectStore } from "../../adapters/s3/index.ts";
import { sweepEvent } from "../../core/contracts/workflow.ts";
import type { JobJobError } from "../../core/errors.ts";
import { describeOnEmulator, unique } from "./harness.ts";

describe("MemoryNudge", () => {
  it("keeps the jobs in order until they are taken", async () => {
    const nudge = new MemoryNudge();
    await nudge.sweep("a");
    await nudge.sweep("b");

    expect(nudge.take()).toEqual(["a", "b"]);
    expect(nudge.take()).toEqual([]);
  });
});

describeOnEmulator("LambdaNudge", () => {
  const lambda = new LambdaClient({});
  const s3 = new S3Client({ forcePathStyle: true });
  const store = new S3ObjectStore();
  const bucket = unique("conformance");
  const FunctionName = unique("conformance");
  /** Emulators take unsigned requests, so the function needs no SDK to leave a trace. */
  const code = `exports.handler = async (event) => {
    await fetch(process.env.AWS_ENDPOINT_URL + "/${bucket}/event", { method: "PUT", body: JSON.stringify(event) });
  };`;

  beforeAll(async () => {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: "nodejs22.x",
        Handler: "index.handler",
        Role: "arn:aws:iam::000000000000:role/conformance",
        Code: { ZipFile: zipOf("index.js", Buffer.from(code)) },
      }),
    );
    await waitUntilFunctionActiveV2({ client: lambda, maxWaitTime: 30 }, { FunctionName });
  });

  afterAll(async () => {
    await lambda.send(new DeleteFunctionCommand({ FunctionName }));
    await store.delete(bucket, ["event"]);
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }));
    lambda.destroy();
    s3.destroy();
  });

  it("wakes the sweeper for one job", async () => {
    const lost: JobJobError[] = [];

    await new LambdaNudge({ sweepFunction: FunctionName, onLost: (error) => lost.push(error) }).sweep("job-1");

    const read = async () => JSON.parse(Buffer.from(await store.get({ bucket, key: "event" })).toString());
    const event: unknown = await vi.waitFor(read, { timeout: 60_000, interval: 200 });
    expect(sweepEvent.parse(event)).toEqual({ jobId: "job-1" });
    expect(lost).toEqual([]);
  });

  it("reports a lost nudge and doesn't throw", async () => {
    const lost: JobJobError[] = [];

    await new LambdaNudge({ sweepFunction: unique("none"), onLost: (error) => lost.push(error) }).sweep("job-1");

    expect(lost.map(({ code, retryable }) => [code, retryable])).toEqual([["NUDGE_LOST", true]]);
  });
});

/** The least zip there is: one stored file. Source: PKWARE's APPNOTE 4.3. */
function zipOf(name: string, content: Buffer): Buffer {
  const file = Buffer.from(name);
  // Version, flags, method (stored), time, date, CRC, both sizes, length of the name, no extra field.
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(0x21, 8);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(content.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(file.length, 22);
  const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, file, content]);
  // In the directory: made on Unix, common, no comment, disk 0, mode 0644, offset 0.
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE((0o100644 << 16) >>> 0, 6);
  const directory = Buffer.concat([Buffer.from("PK\x01\x02\x14\x03", "latin1"), common, rest, file]);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, directory, end]);
}
