import {
  CloudFormationClient,
  CloudFormationServiceException,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
} from "@aws-sdk/client-cloudformation";
import * as z from "zod";

export const STACK_NAME = "JobJob";
const BOOTSTRAP_STACK_NAME = "CDKToolkit";

const outputsSchema = z.object({
  ApiUrl: z.string(),
  BucketName: z.string(),
  TableName: z.string(),
  AdminKeySecretArn: z.string(),
  StateMachineArn: z.string(),
});

/** The stack's outputs, as `outputsOf` gives them. */
export type StackOutputs = z.infer<typeof outputsSchema>;

/** A client for the endpoint; without one, for AWS with the caller's own credentials and region. */
export function cloudFormation(environment: NodeJS.ProcessEnv): CloudFormationClient {
  const {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
  } = environment;
  return new CloudFormationClient({
    ...(region ? { region } : {}),
    ...(endpoint && accessKeyId && secretAccessKey ? { endpoint, credentials: { accessKeyId, secretAccessKey } } : {}),
  });
}

/** The stack, if it exists in a finished, healthy state. */
export async function healthyStack(client: CloudFormationClient, name = STACK_NAME): Promise<Stack | undefined> {
  const stack = await describe(client, name);
  return stack && /^(CREATE|UPDATE)_COMPLETE$/.test(stack.StackStatus ?? "") ? stack : undefined;
}

/** Whether `cdk bootstrap` has prepared this account and region. */
export async function isBootstrapped(client: CloudFormationClient): Promise<boolean> {
  return (await healthyStack(client, BOOTSTRAP_STACK_NAME)) !== undefined;
}

/**
 * What the stack says about itself; `ApiUrl` is the base without a slash at its end, and on an emulator the one that
 * both emulators answer at (CloudFormation's own names a host that doesn't resolve).
 *
 * @throws ZodError when an output is missing
 */
export function outputsOf(stack: Stack, endpoint: string | undefined): StackOutputs {
  const outputs = outputsSchema.parse(
    Object.fromEntries((stack.Outputs ?? []).map((output) => [output.OutputKey, output.OutputValue])),
  );
  return { ...outputs, ApiUrl: apiUrl(outputs.ApiUrl, endpoint) };
}

function apiUrl(given: string, endpoint: string | undefined): string {
  const [, api, stage] = /^https?:\/\/([^./]+)\.execute-api\.[^/]+\/([^/]+)/.exec(given) ?? [];
  const base = endpoint && api && stage ? `${endpoint}/restapis/${api}/${stage}/_user_request_` : given;
  return base.replace(/\/+$/, "");
}

/** The first reasons CloudFormation gives for a failure, "resource: reason" each; empty when it has none to tell. */
export async function failureReasons(client: CloudFormationClient): Promise<string[]> {
  const answer = await client.send(new DescribeStackEventsCommand({ StackName: STACK_NAME })).catch(ignoreMissing);
  const failed = (answer?.StackEvents ?? []).filter((event) => /FAILED/.test(event.ResourceStatus ?? ""));
  return failed
    .reverse()
    .slice(0, 5)
    .map((event) => `${event.LogicalResourceId}: ${event.ResourceStatusReason ?? event.ResourceStatus}`);
}

async function describe(client: CloudFormationClient, name: string): Promise<Stack | undefined> {
  const answer = await client.send(new DescribeStacksCommand({ StackName: name })).catch(ignoreMissing);
  return answer?.Stacks?.[0];
}

/** CloudFormation answers ValidationError, "… does not exist", for a stack that is not there. */
function ignoreMissing(error: unknown): undefined {
  if (error instanceof CloudFormationServiceException && /does not exist/.test(error.message)) return undefined;
  throw error;
}
