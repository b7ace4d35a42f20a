import { Duration } from "aws-cdk-lib";
import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as sfn from "aws-cdk-lib/aws-stepfunctions";
import * as tasks from "aws-cdk-lib/aws-stepfunctions-tasks";
import type { Construct } from "constructs";

/** What every Task waits beyond its function's own timeout, so that the function's error comes first. Seconds. */
const TASK_GRACE = 20;

export interface StepTaskProps {
  readonly fn: lambda.IFunction;
  /** Where its answer goes in `$`. */
  readonly resultPath: string;
  readonly retries: readonly sfn.RetryProps[];
  readonly comment: string;
}

/** A Task that hands `$` to a function as it is; the answer is the function's own (no envelope of the service around it). */
export function stepTask(scope: Construct, id: string, props: StepTaskProps): tasks.LambdaInvoke {
  const seconds = (props.fn as lambda.Function).timeout?.toSeconds();
  if (seconds === undefined) throw new Error(`The function of the task ${id} has no timeout.`);
  const task = new tasks.LambdaInvoke(scope, id, {
    lambdaFunction: props.fn,
    payloadResponseOnly: true,
    retryOnServiceExceptions: false, // its list of exceptions is CDK's; ours are in retries.ts
    resultPath: props.resultPath,
    taskTimeout: sfn.Timeout.duration(Duration.seconds(seconds + TASK_GRACE)),
    comment: props.comment,
  });
  for (const retry of props.retries) task.addRetry(retry);
  return task;
}

/**
 * Two catchers: States.ALL must stand alone, and doesn't include States.DataLimitExceeded. They take `Error` and `Cause`
 * to `resultPath`.
 */
export function catchEverything(
  state: sfn.TaskStateBase | sfn.DistributedMap,
  next: sfn.IChainable,
  resultPath: string,
) {
  state.addCatch(next, { errors: ["States.DataLimitExceeded"], resultPath });
  state.addCatch(next, { errors: [sfn.Errors.ALL], resultPath });
}
