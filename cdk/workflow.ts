import { type CfnElement, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as logs from "aws-cdk-lib/aws-logs";
import * as sfn from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { acknowledge } from "./acknowledge.ts";
import { BatchLoop } from "./batch-loop.ts";
import { CHILD_STEPS, type FunctionSpec, STEPS } from "./function-table.ts";
import { type Deployment, executionArns, stateMachineArn } from "./grants.ts";
import { JobFlow } from "./job-flow.ts";
import { JobFunction } from "./job-function.ts";

export interface WorkflowProps {
  readonly deployment: Deployment;
  readonly app: lambda.IFunction;
  readonly sweep: lambda.IFunction;
}

type StepFunctions = Record<keyof typeof STEPS | keyof typeof CHILD_STEPS, lambda.Function>;

/** The functions of the steps, and the state machine that calls them: job-flow.ts is the job, batch-loop.ts a batch. */
export class Workflow extends Construct {
  readonly stateMachine: sfn.StateMachine;
  readonly functions: StepFunctions;

  constructor(scope: Construct, id: string, props: WorkflowProps) {
    super(scope, id);
    const { deployment, app, sweep } = props;
    this.functions = this.makeFunctions(deployment, sweep);
    const loop = new BatchLoop(this, "Batch", { claim: this.functions.claim, app, commit: this.functions.commit });
    const flow = new JobFlow(this, "Flow", {
      functions: this.functions,
      batch: loop.start,
      mapMaxConcurrency: deployment.settings.mapMaxConcurrency,
    });
    this.stateMachine = new sfn.StateMachine(this, "JobWorkflow", {
      stateMachineName: deployment.stateMachineName,
      stateMachineType: sfn.StateMachineType.STANDARD,
      queryLanguage: sfn.QueryLanguage.JSON_PATH,
      definitionBody: sfn.DefinitionBody.fromChainable(flow.start),
      role: this.makeRole(deployment, app).withoutPolicyUpdates(),
      logs: {
        level: sfn.LogLevel.ERROR,
        includeExecutionData: false,
        destination: new logs.LogGroup(this, "Logs", {
          retention: logs.RetentionDays.ONE_MONTH,
          removalPolicy: RemovalPolicy.DESTROY,
        }),
      },
    });
    // CDK's own policy for Distributed Maps: the role above has these rights already, and takes no others.
    this.stateMachine.node.tryRemoveChild("DistributedMapPolicy");
    acknowledge(
      this.stateMachine,
      "AwsSolutions-SF1",
      "ERROR instead of ALL: a job has up to 100,000 batches, each an execution with a dozen events. Their history stays readable for 90 days, and the job's timeline for longer.",
    );
    acknowledge(
      this.stateMachine,
      "AwsSolutions-SF2",
      "A trace per batch would cost more than the batch's own six transitions; the stats of every claim are in its index object.",
    );
  }

  private makeFunctions(deployment: Deployment, sweep: lambda.IFunction): StepFunctions {
    const specs: Record<keyof StepFunctions, FunctionSpec> = { ...STEPS, ...CHILD_STEPS };
    const names = Object.keys(specs) as (keyof StepFunctions)[];
    const functions = names.map((name) => {
      const id = `${name[0]?.toUpperCase()}${name.slice(1)}`;
      const variables = { sweepFunction: sweep.functionName };
      return [name, new JobFunction(this, id, { name, spec: specs[name], deployment, sweep, variables }).fn];
    });
    return Object.fromEntries(functions);
  }

  /** Exactly the functions of the flow, the manifests, and the Map's own children. */
  private makeRole(deployment: Deployment, app: lambda.IFunction): iam.Role {
    const functions = [...Object.values(this.functions), app].map((fn) => fn.functionArn);
    const own = stateMachineArn(deployment.stateMachineName);
    const children = executionArns(deployment.stateMachineName);
    const role = new iam.Role(this, "Role", {
      assumedBy: new iam.ServicePrincipal("states.amazonaws.com"),
      description: "JobJob: the job's workflow",
      inlinePolicies: {
        Rights: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({ actions: ["lambda:InvokeFunction"], resources: functions }),
            new iam.PolicyStatement({
              actions: ["s3:GetObject"],
              resources: [deployment.bucket.arnForObjects(MANIFESTS)],
            }),
            new iam.PolicyStatement({ actions: ["states:StartExecution"], resources: [own] }),
            new iam.PolicyStatement({
              actions: ["states:DescribeExecution", "states:StopExecution"],
              resources: [children],
            }),
            new iam.PolicyStatement({ actions: LOG_DELIVERY, resources: ["*"] }),
          ],
        }),
      },
    });
    const bucket = Stack.of(this).getLogicalId(deployment.bucket.node.defaultChild as CfnElement);
    const place = `arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:${deployment.stateMachineName}:*`;
    acknowledge(role, `AwsSolutions-IAM5[Resource::<${bucket}.Arn>/${MANIFESTS}]`, "the manifests that plan writes");
    acknowledge(role, `AwsSolutions-IAM5[Resource::${place}]`, "the Map's children, executions of this one machine");
    acknowledge(role, "AwsSolutions-IAM5[Resource::*]", "CloudWatch's log delivery actions know no resources");
    return role;
  }
}

/** What plan writes for the Map (core/keys/object-keys.ts, planPrefix): of a job's objects this role reads nothing else. */
const MANIFESTS = "o/*/jobs/*/scratch/r*/plan/*/manifest.json";

/** What Step Functions needs to write its own log; these actions take no resource. */
const LOG_DELIVERY = [
  "logs:CreateLogDelivery",
  "logs:GetLogDelivery",
  "logs:UpdateLogDelivery",
  "logs:DeleteLogDelivery",
  "logs:ListLogDeliveries",
  "logs:PutResourcePolicy",
  "logs:DescribeResourcePolicies",
  "logs:DescribeLogGroups",
];
