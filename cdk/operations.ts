import { Duration } from "aws-cdk-lib";
import * as events from "aws-cdk-lib/aws-events";
import * as targets from "aws-cdk-lib/aws-events-targets";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import * as table from "./function-table.ts";
import { type Deployment, stateMachineArn } from "./grants.ts";
import { JobFunction } from "./job-function.ts";

export interface OperationsProps {
  readonly deployment: Deployment;
}

/** The sweeper and what wakes it: every minute, an execution that ended badly, and nudges of other functions. */
export class Operations extends Construct {
  readonly sweep: lambda.Function;

  constructor(scope: Construct, id: string, props: OperationsProps) {
    super(scope, id);
    const { deployment } = props;
    this.sweep = new JobFunction(this, "Sweep", { name: "sweep", spec: table.OPERATIONS.sweep, deployment }).fn;
    const target = new targets.LambdaFunction(this.sweep);
    new events.Rule(this, "EveryMinute", {
      description: "JobJob: looks after jobs that are due",
      schedule: events.Schedule.rate(Duration.minutes(1)),
      targets: [target],
    });
    new events.Rule(this, "ExecutionEnded", {
      description: "JobJob: an execution ended without the job's last transition",
      // The exact machine: the children of its Map are executions of an ARN that only begins like this one.
      eventPattern: {
        source: ["aws.states"],
        detailType: ["Step Functions Execution Status Change"],
        detail: {
          status: ["FAILED", "TIMED_OUT", "ABORTED"],
          stateMachineArn: [stateMachineArn(deployment.stateMachineName)],
        },
      },
      targets: [target],
    });
  }
}
