/**
 * Deploys the stack once for all integration tests, to AWS_ENDPOINT_URL (an emulator; scripts/ start one when it is unset),
 * and makes the buckets that jobs may read and write. Each test has an owner of its own, so they run side by side.
 */
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { GetSecretValueCommand, ListSecretsCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { TestProject } from "vitest/node";
import { deployStack } from "../../scripts/deploy/deploy-stack.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly stack: Stack | null;
  }
}
export interface Stack {
  readonly endpoint: string;
  readonly apiUrl: string;
  readonly bucket: string;
  readonly table: string;
  readonly stateMachineArn: string;
  readonly adminKey: string;
  /** What tokens are signed with: to make an expired one. */
  readonly tokenKey: string;
  readonly inputBucket: string;
  readonly outputBucket: string;
  /** Granted, but it doesn't exist. */
  readonly missingBucket: string;
}

const BUCKETS = { inputBucket: "jobjob-test-input", outputBucket: "jobjob-test-output" };
const MISSING = "jobjob-test-missing";
/** Of the stack that all tests share; one deployed with the same needs no synth of its own. */
export const STACK_CONTEXT = {
  grantedBuckets: [...Object.values(BUCKETS), MISSING].join(","),
  destroy: "true",
  maxWorkers: "8",
};

export default async function setup(project: TestProject): Promise<void> {
  const endpoint = process.env.AWS_ENDPOINT_URL;
  if (!endpoint) {
    project.provide("stack", null); // the tests themselves then fail with what to do
    return;
  }
  const outputs = await deployStack({
    endpoint,
    context: STACK_CONTEXT,
    say: (line) => console.log(`[stack] ${line}`),
  });
  const s3 = new S3Client({ endpoint, forcePathStyle: true });
  for (const name of Object.values(BUCKETS)) {
    await s3.send(new CreateBucketCommand({ Bucket: name })).catch((error: unknown) => {
      if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
    });
  }
  const secrets = new SecretsManagerClient({ endpoint });
  const secretValue = async (id: string) =>
    (await secrets.send(new GetSecretValueCommand({ SecretId: id }))).SecretString ?? "";
  const listed = (await secrets.send(new ListSecretsCommand({}))).SecretList ?? [];
  const other = listed.find(({ ARN, Name }) => ARN !== outputs.AdminKeySecretArn && /token/i.test(Name ?? ""));
  project.provide("stack", {
    endpoint,
    apiUrl: outputs.ApiUrl,
    bucket: outputs.BucketName,
    table: outputs.TableName,
    stateMachineArn: outputs.StateMachineArn,
    adminKey: await secretValue(outputs.AdminKeySecretArn),
    tokenKey: await secretValue(other?.ARN ?? ""),
    missingBucket: MISSING,
    ...BUCKETS,
  });
}
