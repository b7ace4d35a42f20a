/** The deployed stack under chaos: an owner of its own, and the ports that look (and stop executions) behind JobJob's back. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { DescribeExecutionCommand, SFNClient, SFNServiceException, StopExecutionCommand } from "@aws-sdk/client-sfn";
import { DynamoTable } from "../../adapters/dynamodb/index.ts";
import { S3ObjectStore } from "../../adapters/s3/index.ts";
import { SecretsManagerSecrets } from "../../adapters/secrets/index.ts";
import { StepFunctionsWorkflow } from "../../adapters/step-functions/index.ts";
import { JobJobClient } from "../../client/index.ts";
import type { ObjectStore, Table, WorkflowPort } from "../../core/ports/index.ts";
import { deployStack } from "../deploy/deploy-stack.ts";

export interface ChaosStack {
  readonly endpoint: string;
  readonly client: JobJobClient;
  readonly owner: string;
  readonly objects: ObjectStore;
  readonly table: Table;
  readonly workflow: WorkflowPort;
  /** StopExecution. Answers whether that ended it: false when it had ended by itself. */
  readonly stopExecution: (name: string) => Promise<boolean>;
  /** The deployment's own bucket, and the granted one for inputs and outputs. */
  readonly bucket: string;
  readonly granted: string;
}

const GRANTED = "jobjob-chaos";

/**
 * Every step saves its cursor after each bit of work, so that the short states last for many invocations and every one of them
 * is a place to be stopped at. Parts of 2 KiB make many of a small output; only MiniStack takes parts under 5 MiB.
 */
const TINY_BUDGETS = { stepBudgetMs: "1", publishBudgetMs: "1" };
const TINY_PARTS = { partBytes: "2048", partLimit: "40" };

export async function chaosStack(endpoint: string, say: (line: string) => void): Promise<ChaosStack> {
  const tinyParts = await takesTinyParts(endpoint);
  const outputs = await deployStack({
    endpoint,
    context: {
      grantedBuckets: GRANTED,
      destroy: "true",
      maxWorkers: "8",
      ...TINY_BUDGETS,
      ...(tinyParts ? TINY_PARTS : {}),
    },
    say,
  });
  await new S3Client({ endpoint, forcePathStyle: true })
    .send(new CreateBucketCommand({ Bucket: GRANTED }))
    .catch((error: unknown) => {
      if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
    });
  const secrets = new SecretsManagerSecrets({ clock: { now: Date.now } });
  const admin = new JobJobClient({ url: outputs.ApiUrl, apiKey: await secrets.read(outputs.AdminKeySecretArn) });
  const { owner, apiKey } = await admin.createOwner(`chaos-${randomUUID().slice(0, 8)}`);
  return {
    endpoint,
    client: new JobJobClient({ url: outputs.ApiUrl, apiKey }),
    owner: owner.id,
    objects: new S3ObjectStore(),
    table: new DynamoTable({ name: outputs.TableName }),
    workflow: new StepFunctionsWorkflow({ stateMachineArn: outputs.StateMachineArn }),
    stopExecution: stopper(outputs.StateMachineArn),
    bucket: outputs.BucketName,
    granted: GRANTED,
  };
}

async function takesTinyParts(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/_ministack/health`, { signal: AbortSignal.timeout(30_000) })).ok;
  } catch {
    return false; // whatever stands there, it isn't MiniStack
  }
}

const STOP_PATIENCE_MS = 15_000;

function stopper(stateMachineArn: string): ChaosStack["stopExecution"] {
  const client = new SFNClient({});
  return async (name) => {
    const executionArn = `${stateMachineArn.replace(":stateMachine:", ":execution:")}:${name}`;
    // AWS takes the stop of an ended execution, MiniStack refuses it, and of one that isn't there both do.
    const refusal = await client.send(new StopExecutionCommand({ executionArn, cause: "chaos" })).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (refusal !== undefined && !(refusal instanceof SFNServiceException)) throw refusal;
    if (refusal !== undefined) return false; // it had ended by itself
    // LocalStack answers before the execution has ended.
    for (const deadline = Date.now() + STOP_PATIENCE_MS; ; await sleep(50)) {
      const { status } = await client.send(new DescribeExecutionCommand({ executionArn }));
      if (status !== "RUNNING" || Date.now() > deadline) return status === "ABORTED";
    }
  };
}
