import { Duration } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";
import { EVENT_PREFIX } from "../core/keys/item-keys.ts";
import * as table from "./function-table.ts";
import { type Deployment, streamArn } from "./grants.ts";
import { JobFunction } from "./job-function.ts";

export interface EventsProps {
  readonly deployment: Deployment;
}

/**
 * New timeline rows → EventBridge. The stream costs nothing (its reads by Lambda are free), and its filter keeps all other
 * writes of the table, those of tasks above all, from waking the function.
 */
export class Events extends Construct {
  constructor(scope: Construct, id: string, props: EventsProps) {
    super(scope, id);
    const { deployment } = props;
    const { fn } = new JobFunction(this, "Publish", { name: "events", spec: table.OPERATIONS.events, deployment });
    new lambda.EventSourceMapping(this, "Timeline", {
      target: fn,
      eventSourceArn: streamArn(deployment.table),
      startingPosition: lambda.StartingPosition.TRIM_HORIZON,
      filters: [
        lambda.FilterCriteria.filter({
          eventName: lambda.FilterRule.isEqual("INSERT"),
          dynamodb: { Keys: { sk: { S: lambda.FilterRule.beginsWith(EVENT_PREFIX) } } },
        }),
      ],
      batchSize: 100,
      // A job's first changes come within a second or two: one invocation for several of them.
      maxBatchingWindow: Duration.seconds(1),
      reportBatchItemFailures: true,
      bisectBatchOnError: true,
      // As long as the stream keeps a record. What the bus didn't take for a day is in the timeline, for 400 days.
      maxRecordAge: Duration.hours(24),
    });
  }
}
