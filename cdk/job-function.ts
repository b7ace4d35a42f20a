import { type CfnElement, Duration, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import { Construct } from "constructs";
import { ENVIRONMENT } from "../core/contracts/environment.ts";
import { acknowledge } from "./acknowledge.ts";
import type { FunctionName, FunctionSpec } from "./function-table.ts";
import { type Deployment, policiesOf } from "./grants.ts";

export interface JobFunctionProps {
  readonly name: FunctionName;
  readonly spec: FunctionSpec;
  readonly deployment: Deployment;
  /** Variables whose values only the caller knows. */
  readonly variables?: Partial<Record<keyof typeof ENVIRONMENT, string>>;
  /** Sweep λ, for a function that nudges it. */
  readonly sweep?: lambda.IFunction;
}

/**
 * A Lambda with its own role and log group, as the function table describes it. The role's rights are inline policies of
 * the role itself: they are there before the function is, and no construct adds to them behind the table's back.
 */
export class JobFunction extends Construct {
  readonly fn: lambda.Function;

  constructor(scope: Construct, id: string, props: JobFunctionProps) {
    super(scope, id);
    const { name, spec, deployment } = props;
    const logGroup = new logs.LogGroup(this, "Logs", {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY, // nothing that a job's record needs is kept in logs
    });
    const role = new iam.Role(this, "Role", {
      assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
      description: `JobJob ${name}: ${spec.description}`,
      inlinePolicies: policiesOf(spec, deployment, logGroup, props.sweep),
    });
    acknowledgePrefixes(role, spec, deployment);
    this.fn = new lambda.Function(this, "Fn", {
      description: `JobJob ${name}: ${spec.description}`,
      // The newest that aws-cdk-lib and both emulators know.
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture: lambda.Architecture.ARM_64,
      handler: "index.handler",
      code: lambda.Code.fromAsset(deployment.codeOf(name)),
      memorySize: spec.memory,
      timeout: Duration.seconds(spec.timeout),
      role: role.withoutPolicyUpdates(),
      logGroup,
      environment: variablesOf(spec, deployment, props.variables ?? {}),
      ...reservation(spec, deployment),
    });
  }
}

/** Only the variables the table names; one that has no value in this deployment is a defect. */
function variablesOf(
  spec: FunctionSpec,
  deployment: Deployment,
  extra: Partial<Record<keyof typeof ENVIRONMENT, string>>,
): Record<string, string> {
  const values: Partial<Record<keyof typeof ENVIRONMENT, string>> = { ...deployment.variables, ...extra };
  return Object.fromEntries(
    spec.variables.map((variable) => {
      const value = values[variable];
      if (value === undefined) throw new Error(`${ENVIRONMENT[variable]} has no value; see cdk/stack.ts.`);
      return [ENVIRONMENT[variable], value];
    }),
  );
}

function reservation(spec: FunctionSpec, { settings }: Deployment): Partial<lambda.FunctionProps> {
  const reserved = settings.reservedControlConcurrency;
  return spec.control && reserved !== undefined ? { reservedConcurrentExecutions: reserved } : {};
}

/** cdk-nag sees a wildcard in every prefix. These are bounds: of the own bucket's `o/`, and of buckets named by the operator. */
function acknowledgePrefixes(role: iam.Role, spec: FunctionSpec, deployment: Deployment): void {
  const stack = Stack.of(role);
  const bucket = stack.getLogicalId(deployment.bucket.node.defaultChild as CfnElement);
  const findings: [string, string][] = [];
  if (spec.own) findings.push([`<${bucket}.Arn>/o/*`, "the keys of jobs, and nothing else in this one bucket"]);
  if (spec.own?.logs) findings.push([`<${bucket}.Arn>/l/*`, "the logs of jobs, and nothing else in this one bucket"]);
  if (spec.own?.writes) findings.push([`<${bucket}.Arn>/${spec.own.writes}`, "the results of jobs, and nothing else"]);
  if (spec.granted) {
    for (const name of deployment.settings.grantedBuckets) {
      findings.push([`arn:<AWS::Partition>:s3:::${name}/*`, "a bucket that the operator granted to jobs as a whole"]);
    }
  }
  if (spec.workflow?.some((action) => action !== "StartExecution")) {
    const place = `arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:${deployment.stateMachineName}:*`;
    findings.push([place, "the executions of this one state machine, which are named by job and run"]);
  }
  if (spec.publishes) {
    const table = stack.getLogicalId(deployment.table.node.defaultChild as CfnElement);
    findings.push([`<${table}.Arn>/stream/*`, "the one stream of this one table, whose name is the time it was made"]);
  }
  for (const [resource, reason] of findings) acknowledge(role, `AwsSolutions-IAM5[Resource::${resource}]`, reason);
}
