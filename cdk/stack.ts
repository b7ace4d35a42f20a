import { CfnOutput, Stack, type StackProps } from "aws-cdk-lib";
import type { Construct } from "constructs";
import { Api } from "./api.ts";
import { Apps } from "./apps.ts";
import { Events } from "./events.ts";
import type { FunctionName } from "./function-table.ts";
import { type Deployment, stateMachineArn } from "./grants.ts";
import { Operations } from "./operations.ts";
import { readSettings } from "./settings.ts";
import { Storage } from "./storage.ts";
import { Workflow } from "./workflow.ts";

export interface JobJobStackProps extends StackProps {
  /** The folder of a function's bundle (cdk/bundle.ts makes them). */
  readonly codeOf: (name: FunctionName) => string;
}

/** The whole deployment; its numbers come from the context (settings.ts). */
export class JobJobStack extends Stack {
  constructor(scope: Construct, id: string, props: JobJobStackProps) {
    super(scope, id, { description: "JobJob: data-parallel jobs", ...props });
    const settings = readSettings(this.node);
    const storage = new Storage(this, "Storage", { destroy: settings.destroy, logDays: settings.logDays });
    const stateMachineName = `${this.stackName}-JobWorkflow`;
    const deployment: Deployment = {
      settings,
      bucket: storage.bucket,
      table: storage.table,
      adminKey: storage.adminKey,
      tokenKey: storage.tokenKey,
      stateMachineName,
      codeOf: props.codeOf,
      variables: {
        bucket: storage.bucket.bucketName,
        table: storage.table.tableName,
        stateMachineArn: stateMachineArn(stateMachineName),
        grantedBuckets: settings.grantedBuckets.join(","),
        adminKeySecret: storage.adminKey.secretArn,
        tokenSecret: storage.tokenKey.secretArn,
        tokenSeconds: String(settings.tokenSeconds),
        compat: settings.compat,
        eventBus: settings.eventBus,
        maxWorkers: String(settings.maxWorkers),
        stepBudgetMs: String(settings.stepBudgetMs),
        publishBudgetMs: String(settings.publishBudgetMs),
        partLimit: String(settings.partLimit),
        partBytes: String(settings.partBytes),
      },
    };
    const { sweep } = new Operations(this, "Operations", { deployment });
    new Events(this, "Events", { deployment });
    const { app } = new Apps(this, "Apps", { deployment });
    const { stateMachine } = new Workflow(this, "Workflow", { deployment, app, sweep });
    const { rest } = new Api(this, "Api", { deployment, sweep });
    this.output("ApiUrl", rest.url);
    this.output("ApiId", rest.restApiId);
    this.output("BucketName", storage.bucket.bucketName);
    this.output("TableName", storage.table.tableName);
    this.output("AdminKeySecretArn", storage.adminKey.secretArn);
    this.output("StateMachineArn", stateMachine.stateMachineArn);
  }

  private output(name: string, value: string): void {
    new CfnOutput(this, name, { value });
  }
}
