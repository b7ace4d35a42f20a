/**
 * What one would build without JobJob, in its leanest form: a Distributed Map over a manifest in S3, one child per task, of
 * one Lambda call and Succeed. The function keeps the task's row: one Put and two Updates, no transaction, no index.
 */
import { CfnOutput, RemovalPolicy, Stack } from "aws-cdk-lib";
import * as dynamodb from "aws-cdk-lib/aws-dynamodb";
import * as lambda from "aws-cdk-lib/aws-lambda";
import * as s3 from "aws-cdk-lib/aws-s3";
import * as sfn from "aws-cdk-lib/aws-stepfunctions";
import * as tasks from "aws-cdk-lib/aws-stepfunctions-tasks";
import type { Construct } from "constructs";
import { MANIFEST } from "./names.ts";

export class PatternStack extends Stack {
  constructor(scope: Construct, id: string, code: string) {
    super(scope, id);
    const removal = { removalPolicy: RemovalPolicy.DESTROY };
    const bucket = new s3.Bucket(this, "Bucket", removal);
    const table = new dynamodb.Table(this, "Rows", {
      ...removal,
      partitionKey: { name: "task", type: dynamodb.AttributeType.STRING },
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    });
    const fn = new lambda.Function(this, "Task", {
      runtime: lambda.Runtime.NODEJS_22_X,
      architecture: lambda.Architecture.ARM_64,
      handler: "index.handler",
      code: lambda.Code.fromAsset(code),
      memorySize: 1_769,
      environment: { TABLE: table.tableName },
    });
    table.grantReadWriteData(fn);
    const map = new sfn.DistributedMap(this, "Tasks", {
      mapExecutionType: sfn.StateMachineType.STANDARD,
      itemReader: new sfn.S3JsonItemReader({
        bucket: s3.Bucket.fromBucketName(this, "Input", bucket.bucketName),
        key: MANIFEST,
      }),
      // The emulator runs each child's function as a process.
      maxConcurrency: 4,
      resultPath: sfn.JsonPath.DISCARD,
    });
    const run = new tasks.LambdaInvoke(this, "Run", {
      lambdaFunction: fn,
      payloadResponseOnly: true,
      retryOnServiceExceptions: false,
    });
    map.itemProcessor(run.next(new sfn.Succeed(this, "Done")));
    const machine = new sfn.StateMachine(this, "Machine", { definitionBody: sfn.DefinitionBody.fromChainable(map) });
    bucket.grantRead(machine);
    new CfnOutput(this, "BucketName", { value: bucket.bucketName });
    new CfnOutput(this, "StateMachineArn", { value: machine.stateMachineArn });
  }
}
