/** The deployed stack under measurement: deployed once per bench, an owner of its own, and the ports that look behind it. */
import { randomUUID } from "node:crypto";
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { DynamoTable } from "../../adapters/dynamodb/index.ts";
import { S3ObjectStore } from "../../adapters/s3/index.ts";
import { SecretsManagerSecrets } from "../../adapters/secrets/index.ts";
import { JobJobClient } from "../../client/index.ts";
import type { JobRecord } from "../../core/contracts/api/records.ts";
import type { ObjectStore, Table } from "../../core/ports/index.ts";
import { deployStack } from "../../scripts/deploy/deploy-stack.ts";

export interface Deployed {
  readonly client: JobJobClient;
  readonly objects: ObjectStore;
  readonly table: Table;
  readonly tableName: string;
  /** The deployment's own bucket. */
  readonly bucket: string;
  /** A granted bucket, for inputs. */
  readonly inputBucket: string;
  readonly endpoint: string;
  readonly stateMachineArn: string;
}

const INPUT_BUCKET = "jobjob-bench-input";
/** As many as the emulator's Map runs at once, and the batches are sized for it as for a small deployment. */
const CONTEXT = { grantedBuckets: INPUT_BUCKET, destroy: "true", maxWorkers: "8" };

let deployed: Promise<Deployed> | undefined;
export function theStack(say: (line: string) => void): Promise<Deployed> {
  deployed ??= deployAndSignIn(say);
  return deployed;
}

async function deployAndSignIn(say: (line: string) => void): Promise<Deployed> {
  const endpoint = process.env.AWS_ENDPOINT_URL;
  if (!endpoint) throw new Error("AWS_ENDPOINT_URL is unset: use `npm run bench`, which starts an emulator.");
  const outputs = await deployStack({ endpoint, context: CONTEXT, say });
  const s3 = new S3Client({ endpoint, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: INPUT_BUCKET })).catch((error: unknown) => {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  });
  const secrets = new SecretsManagerSecrets({ clock: { now: Date.now } });
  const admin = new JobJobClient({ url: outputs.ApiUrl, apiKey: await secrets.read(outputs.AdminKeySecretArn) });
  const { apiKey } = await admin.createOwner(`bench-${randomUUID().slice(0, 8)}`);
  return {
    client: new JobJobClient({ url: outputs.ApiUrl, apiKey }),
    objects: new S3ObjectStore(),
    table: new DynamoTable({ name: outputs.TableName }),
    tableName: outputs.TableName,
    bucket: outputs.BucketName,
    inputBucket: INPUT_BUCKET,
    endpoint,
    stateMachineArn: outputs.StateMachineArn,
  };
}

const ENDED = ["JOB_STATE_COMPLETE", "JOB_STATE_FAILED", "JOB_STATE_CANCELED"];
const SAY_EVERY_MS = 5_000;

/** Runs a NEW job to its end. @throws Error unless it is COMPLETE */
export async function runJob(
  stack: Deployed,
  draft: Parameters<JobJobClient["create"]>[0],
  say: (line: string) => void,
): Promise<{ readonly job: JobRecord; readonly seconds: number }> {
  const { job } = await stack.client.create(draft);
  const began = performance.now();
  await stack.client.run(job.id);
  return untilEnded(stack, job.id, say, began);
}

/** Waits for the end of a job that runs. @throws Error unless it is COMPLETE */
export async function untilEnded(
  { client }: Deployed,
  id: string,
  say: (line: string) => void,
  began = performance.now(),
): Promise<{ readonly job: JobRecord; readonly seconds: number }> {
  let said = began;
  for (;;) {
    const { job: now } = await client.wait(id, 5);
    if (ENDED.includes(now.state)) {
      if (now.state !== "JOB_STATE_COMPLETE")
        throw new Error(`The job ${id} ended ${now.state}: ${now.errorMessage ?? JSON.stringify(now.failure)}`);
      return { job: now, seconds: (performance.now() - began) / 1_000 };
    }
    if (performance.now() - said > SAY_EVERY_MS) {
      said = performance.now();
      say(`${now.state.replace("JOB_STATE_", "")} ${now.progress.text} (${((said - began) / 1_000).toFixed(0)} s)`);
    }
  }
}

/** Seconds that each state lasted, in the order they were entered. */
export function phases(job: JobRecord): readonly (readonly [state: string, seconds: number])[] {
  const entered = Object.entries(job.stateTimestamps)
    .map(([state, at]) => [state.replace("JOB_STATE_", ""), Date.parse(at)] as const)
    .sort((a, b) => a[1] - b[1]);
  return entered.slice(0, -1).map(([state, at], i) => [state, ((entered[i + 1]?.[1] ?? at) - at) / 1_000] as const);
}
