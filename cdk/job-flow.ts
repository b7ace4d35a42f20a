import type * as lambda from "aws-cdk-lib/aws-lambda";
import * as sfn from "aws-cdk-lib/aws-stepfunctions";
import { Construct } from "constructs";
import { EXITS, STEP_FLOW, type StepName } from "../core/contracts/flow.ts";
import type { ChildInput, Next } from "../core/contracts/workflow.ts";
import { FAULTY_STEP, THROTTLED_STEP, UNREADABLE_MANIFEST } from "./retries.ts";
import { catchEverything, stepTask } from "./step-task.ts";

export interface JobFlowProps {
  readonly functions: Readonly<Record<StepName, lambda.IFunction>>;
  /** The first state of a batch's child. */
  readonly batch: sfn.IChainable;
  /** A fixed MaxConcurrency instead of the path, for emulators. */
  readonly mapMaxConcurrency: number | undefined;
}

/**
 * JobWorkflow: one execution per run of a job, named `<jobId>-r<run>`, with the input `{jobId, run}`.
 *
 * Prepare (waits for startAt in WaitUntil; resolves and stages the source) ▶ Partition ▶ Plan ▶ Tasks (a Distributed Map, a
 * child per batch of the manifest) ▶ Settle (back to Plan while tasks are left) ▶ Assemble ▶ Deliver ▶ Publish ▶ Finish ▶
 * Ended. After each step stands a Choice on `$.step.next`: `again` calls the same step once more (it is resumable, its cursor
 * lies in S3), `fail` and whatever is caught go to Fail ▶ Failed, `superseded` ends in silence: another run has taken over.
 * A requeued run skips what still stands: Prepare may go to Plan, Assemble or Deliver.
 *
 * The ways are core/contracts/flow.ts, the payloads core/contracts/workflow.ts.
 */
export class JobFlow extends Construct {
  readonly start: sfn.IChainable;
  private readonly steps = new Map<StepName, sfn.TaskStateBase>();

  constructor(
    scope: Construct,
    id: string,
    private readonly props: JobFlowProps,
  ) {
    super(scope, id);
    const fail = this.addFail();
    for (const name of Object.keys(STEP_FLOW) as StepName[]) {
      if (name !== "fail") catchEverything(this.addStep(name), fail, "$.caught");
    }
    const tasks = this.addTasks(fail);
    tasks.next(this.step("settle"));
    this.connect(tasks);
    this.start = this.step("prepare");
  }

  private step(name: StepName): sfn.TaskStateBase {
    const step = this.steps.get(name);
    if (!step) throw new Error(`The flow has no step ${name}.`);
    return step;
  }

  private addStep(name: StepName): sfn.TaskStateBase {
    const task = stepTask(this, stateName(name), {
      fn: this.props.functions[name],
      comment: `${name} λ; its answer tells where to go`,
      resultPath: "$.step",
      retries: [THROTTLED_STEP, FAULTY_STEP],
    });
    this.steps.set(name, task);
    return task;
  }

  /** Fail λ makes the job FAILED; when even that fails, the sweeper does, told by the execution's status. */
  private addFail(): sfn.TaskStateBase {
    const failed = new sfn.Fail(this, "Failed", {
      error: "JobJob.JobFailed",
      cause: "The job FAILED; its record says which step, why and what to do.",
    });
    const fail = this.addStep("fail");
    catchEverything(fail, failed, "$.uncaught");
    const superseded = sfn.Condition.stringEquals("$.step.next", "superseded" satisfies Next);
    fail.next(
      new sfn.Choice(this, "FailNext")
        .when(sfn.Condition.stringEquals("$.step.next", "again" satisfies Next), fail)
        .when(superseded, this.exit("superseded"))
        .otherwise(failed),
    );
    return fail;
  }

  private addTasks(fail: sfn.IChainable): sfn.DistributedMap {
    const { mapMaxConcurrency } = this.props;
    const map = new sfn.DistributedMap(this, "Tasks", {
      comment: "one child per batch; what they did is in S3 and DynamoDB, not in their answers",
      label: "Batches",
      mapExecutionType: sfn.StateMachineType.STANDARD,
      itemReader: new sfn.S3JsonItemReader({
        bucketNamePath: sfn.JsonPath.stringAt("$.step.bucket"),
        key: sfn.JsonPath.stringAt("$.step.manifest"),
      }),
      itemSelector: CHILD_INPUT,
      toleratedFailurePercentage: 100,
      resultPath: sfn.JsonPath.DISCARD,
      ...(mapMaxConcurrency === undefined
        ? { maxConcurrencyPath: "$.step.workers" }
        : { maxConcurrency: mapMaxConcurrency }),
    });
    map.itemProcessor(this.props.batch);
    map.addRetry(UNREADABLE_MANIFEST);
    catchEverything(map, fail, "$.caught");
    return map;
  }

  /** The Choice after each step, from its row of the flow. An answer that no row knows is a defect, and goes to Fail. */
  private connect(tasks: sfn.IChainable): void {
    const wait = new sfn.Wait(this, "WaitUntil", { time: sfn.WaitTime.timestampPath("$.step.until") });
    wait.next(this.step("prepare"));
    for (const [name, ways] of Object.entries(STEP_FLOW) as [StepName, readonly Next[]][]) {
      if (name === "fail") continue;
      const choice = new sfn.Choice(this, `${stateName(name)}Next`);
      for (const next of [...ways, ...EXITS]) {
        choice.when(sfn.Condition.stringEquals("$.step.next", next), this.target(name, next, { tasks, wait }));
      }
      this.step(name).next(choice.otherwise(this.step("fail")));
    }
  }

  private target(from: StepName, next: Next, others: { tasks: sfn.IChainable; wait: sfn.IChainable }): sfn.IChainable {
    switch (next) {
      case "again":
        return this.step(from);
      case "wait":
        return others.wait;
      case "tasks":
        return others.tasks;
      case "superseded":
      case "ended":
        return this.exit(next);
      default:
        return this.step(next);
    }
  }

  private exit(next: "superseded" | "ended"): sfn.Succeed {
    const name = stateName(next);
    const existing = this.node.tryFindChild(name);
    return existing ? (existing as sfn.Succeed) : new sfn.Succeed(this, name, { comment: EXIT_COMMENTS[next] });
  }
}

const EXIT_COMMENTS = {
  superseded: "another run, an abort or a pause has taken over; nothing is left to do here",
  ended: "the last step has made the last transition itself",
};

/** `prepare` is the function, `Prepare` its state. */
const stateName = (name: string): string => `${name[0]?.toUpperCase()}${name.slice(1)}`;

/** A child's `$`: what contract `childInput` says, without what the child's own steps add. */
const CHILD_INPUT = {
  jobId: sfn.JsonPath.stringAt("$.jobId"),
  run: sfn.JsonPath.numberAt("$.run"),
  round: sfn.JsonPath.numberAt("$.step.round"),
  owner: sfn.JsonPath.stringAt("$.step.owner"),
  work: sfn.JsonPath.stringAt("$.step.work"),
  generation: sfn.JsonPath.numberAt("$.step.generation"),
  policy: sfn.JsonPath.objectAt("$.step.policy"),
  b: sfn.JsonPath.objectAt("$$.Map.Item.Value"),
} satisfies Record<Exclude<keyof ChildInput, "hand" | "result">, unknown>;
