import { Aws } from "aws-cdk-lib";
import type * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import type * as logs from "aws-cdk-lib/aws-logs";
import type * as s3 from "aws-cdk-lib/aws-s3";
import type * as secretsmanager from "aws-cdk-lib/aws-secretsmanager";
import type { ENVIRONMENT } from "../core/contracts/environment.ts";
import { EVENT_SOURCE } from "../core/contracts/events.ts";
import { INDEXES } from "../core/ports/index.ts";
import type { FunctionName, FunctionSpec } from "./function-table.ts";
import type { DeploymentSettings } from "./settings.ts";

/** What the functions of one deployment share. */
export interface Deployment {
  readonly settings: DeploymentSettings;
  readonly bucket: s3.Bucket;
  readonly table: dynamodb.Table;
  readonly adminKey: secretsmanager.Secret;
  readonly tokenKey: secretsmanager.Secret;
  /**
   * The one resource whose name we choose: sweep λ needs the state machine's ARN, the state machine needs commit λ's, and
   * commit λ needs sweep λ's name. A name costs nothing here, since a state machine is changed in place.
   */
  readonly stateMachineName: string;
  /** Values of the environment's variables. */
  readonly variables: Partial<Record<keyof typeof ENVIRONMENT, string>>;
  /** Folder of a function's bundle. */
  readonly codeOf: (name: FunctionName) => string;
}

const statesArn = (kind: string, rest: string): string =>
  `arn:${Aws.PARTITION}:states:${Aws.REGION}:${Aws.ACCOUNT_ID}:${kind}:${rest}`;
export const stateMachineArn = (name: string): string => statesArn("stateMachine", name);
export const executionArns = (name: string): string => statesArn("execution", `${name}:*`);

/** The role's rights, one statement per service and kind of resource. */
export function policiesOf(
  spec: FunctionSpec,
  deployment: Deployment,
  logGroup: logs.LogGroup,
  sweep: lambda.IFunction | undefined,
): Record<string, iam.PolicyDocument> {
  const statements = [
    // The log group's Arn attribute ends in ":*", its streams.
    allow("logs", ["CreateLogStream", "PutLogEvents"], [logGroup.logGroupArn]),
    ...tableStatements(spec, deployment.table),
    ...ownBucketStatements(spec, deployment.bucket),
    ...grantedBucketStatements(spec, deployment.settings.grantedBuckets),
    ...workflowStatements(spec, deployment.stateMachineName),
    ...(spec.secrets ?? []).map((name) => allow("secretsmanager", ["GetSecretValue"], [deployment[name].secretArn])),
    ...(spec.publishes ? publishStatements(deployment) : []),
    ...(spec.nudges && sweep ? [allow("lambda", ["InvokeFunction"], [sweep.functionArn])] : []),
  ];
  return { Rights: new iam.PolicyDocument({ statements }) };
}

function tableStatements(spec: FunctionSpec, table: dynamodb.Table): iam.PolicyStatement[] {
  if (!spec.table) return [];
  const indexes = Object.keys(INDEXES).map((name) => `${table.tableArn}/index/${name}`);
  return [
    allow("dynamodb", spec.table, [table.tableArn]),
    ...(spec.table.includes("Query") ? [allow("dynamodb", ["Query"], indexes)] : []),
  ];
}

function ownBucketStatements(spec: FunctionSpec, bucket: s3.Bucket): iam.PolicyStatement[] {
  if (!spec.own) return [];
  const { objects, writes, logs } = spec.own;
  const wide = writes === undefined ? objects : objects.filter((action) => action === "GetObject");
  const narrow = objects.filter((action) => !wide.includes(action));
  return [
    allow("s3", wide, [bucket.arnForObjects("o/*")]),
    ...(writes === undefined ? [] : [allow("s3", narrow, [bucket.arnForObjects(writes)])]),
    ...(logs ? [allow("s3", logs, [bucket.arnForObjects("l/*")])] : []),
    ...(spec.own.bucket ? [allow("s3", spec.own.bucket, [bucket.bucketArn])] : []),
  ];
}

function grantedBucketStatements(spec: FunctionSpec, names: readonly string[]): iam.PolicyStatement[] {
  if (!spec.granted || names.length === 0) return [];
  const arns = names.map((name) => `arn:${Aws.PARTITION}:s3:::${name}`);
  return [
    allow(
      "s3",
      spec.granted.objects,
      arns.map((arn) => `${arn}/*`),
    ),
    ...(spec.granted.bucket ? [allow("s3", spec.granted.bucket, arns)] : []),
  ];
}

function workflowStatements(spec: FunctionSpec, name: string): iam.PolicyStatement[] {
  const onExecutions = spec.workflow?.filter((action) => action !== "StartExecution") ?? [];
  return [
    ...(spec.workflow?.includes("StartExecution")
      ? [allow("states", ["StartExecution"], [stateMachineArn(name)])]
      : []),
    ...(onExecutions.length > 0 ? [allow("states", onExecutions, [executionArns(name)])] : []),
  ];
}

export function streamArn({ tableStreamArn }: dynamodb.Table): string {
  if (tableStreamArn === undefined) throw new Error("The table has no stream; see cdk/storage.ts.");
  return tableStreamArn;
}

/** Reads the table's stream, as Lambda does on the function's behalf, and tells of jobs in JobJob's name alone. */
function publishStatements({ settings, table }: Deployment): iam.PolicyStatement[] {
  const put = allow(
    "events",
    ["PutEvents"],
    [`arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:event-bus/${settings.eventBus}`],
  );
  put.addCondition("StringEquals", { "events:source": EVENT_SOURCE });
  return [
    allow("dynamodb", ["DescribeStream", "GetRecords", "GetShardIterator"], [streamArn(table)]),
    // A list has no narrower resource than the table's streams, of which it has one.
    allow("dynamodb", ["ListStreams"], [`${table.tableArn}/stream/*`]),
    put,
  ];
}

function allow(service: string, actions: readonly string[], resources: string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({ actions: actions.map((action) => `${service}:${action}`), resources });
}
