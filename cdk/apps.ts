import type * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import * as table from "./function-table.ts";
import type { Deployment } from "./grants.ts";
import { JobFunction } from "./job-function.ts";

export interface AppsProps {
  readonly deployment: Deployment;
}

/** What runs apps: one function for all built-in ones. */
export class Apps extends Construct {
  readonly app: lambda.Function;

  constructor(scope: Construct, id: string, props: AppsProps) {
    super(scope, id);
    const { deployment } = props;
    this.app = new JobFunction(this, "App", { name: "app", spec: table.APPS.app, deployment }).fn;
  }
}
