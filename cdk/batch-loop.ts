import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as sfn from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import type { Hand } from "../core/contracts/workflow.ts";
import { FAULTY_CONTROL, THROTTLED_APP, THROTTLED_STEP } from "./retries.ts";
import { catchEverything, stepTask } from "./step-task.ts";

export interface BatchLoopProps {
  readonly claim: lambda.IFunction;
  readonly app: lambda.IFunction;
  readonly commit: lambda.IFunction;
}

/**
 * A child of the Map: one batch.
 *
 * Claim takes what is due into `$.hand` ▶ App works on it and leaves `$.result` (what it dies of is caught there, as data)
 * ▶ Commit judges and answers the next `$.hand` ▶ Choice: `again` ▶ App with the claim that Commit took · `wait` ▶ Wait
 * for the next attempt ▶ Claim · `done` ▶ Done. The common path is six billed transitions: the start, Claim, App, Commit,
 * Choice, Done.
 *
 * A child that gives up (Lost) leaves its batch to settle, which plans another round; the Map tolerates every failure.
 */
export class BatchLoop extends Construct {
  readonly start: sfn.IChainable;

  constructor(scope: Construct, id: string, props: BatchLoopProps) {
    super(scope, id);
    const lost = new sfn.Fail(this, "Lost", {
      error: "JobJob.BatchLost",
      cause: "claim or commit failed for longer than its retries last; settle hands the batch out again.",
    });
    const claim = this.control("Claim", props.claim, lost, "takes what is due");
    const app = this.worker(props.app);
    const commit = this.control("Commit", props.commit, lost, "judges and counts; may take the next claim");
    catchEverything(app, commit, "$.result");
    claim.next(app);
    app.next(commit);
    commit.next(this.decide(app, claim, lost));
    this.start = claim;
  }

  private control(name: string, fn: lambda.IFunction, lost: sfn.Fail, comment: string) {
    const task = stepTask(this, name, {
      fn,
      comment,
      resultPath: "$.hand",
      retries: [THROTTLED_STEP, FAULTY_CONTROL],
    });
    catchEverything(task, lost, "$.caught");
    return task;
  }

  private worker(fn: lambda.IFunction) {
    return stepTask(this, "App", {
      fn,
      comment: "runs the app on the tasks in hand",
      resultPath: "$.result",
      retries: [THROTTLED_APP],
    });
  }

  private decide(app: sfn.IChainable, claim: sfn.IChainable, lost: sfn.Fail): sfn.Choice {
    const wait = new sfn.Wait(this, "Backoff", { time: sfn.WaitTime.secondsPath("$.hand.seconds") });
    // Its input is what a child answers, and Step Functions collects that of every child: nothing.
    const done = new sfn.Succeed(this, "Done", { outputPath: sfn.JsonPath.DISCARD });
    const is = (next: Hand["next"]) => sfn.Condition.stringEquals("$.hand.next", next);
    return new sfn.Choice(this, "CommitNext")
      .when(is("again"), app)
      .when(is("wait"), wait.next(claim))
      .when(is("done"), done)
      .otherwise(lost);
  }
}
