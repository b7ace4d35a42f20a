import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { FUNCTIONS } from "../../../cdk/function-table.ts";
import { EXITS, STEP_FLOW } from "../../../core/contracts/flow.ts";
import { childInput, hand, NEXT } from "../../../core/contracts/workflow.ts";
import { definitionOf, ofType, resourcesOf, type States } from "./synth.ts";

const validate = createRequire(import.meta.url)("asl-validator") as (definition: unknown) => {
  isValid: boolean;
  errors: unknown[];
};

const resources = resourcesOf();
const definition = definitionOf(resources);
const parent = definition.States;
const child: States = parent.Tasks.ItemProcessor.States;
const both = { ...parent, ...child };
const stateOf = (step: string) => `${step[0]?.toUpperCase()}${step.slice(1)}`;
const tasks = Object.entries(both).filter(([, state]) => state.Type === "Task");

/** Seconds of the function that a Task calls. */
function functionTimeout(resource: string): number {
  const id = /^<(.+)\.Arn>$/.exec(resource)?.[1] ?? "";
  return resources[id]?.Properties.Timeout as number;
}

describe("the state machine", () => {
  it("is valid Amazon States Language", () => {
    const deployed = JSON.stringify(definition)
      .replaceAll("<AWS::Partition>", "aws")
      .replaceAll(/<(\w+)\.Arn>/g, "arn:aws:lambda:eu-central-1:123456789012:function:$1");

    const result = validate(JSON.parse(deployed));

    expect(result.errors).toEqual([]);
    expect(result.isValid).toBe(true);
  });

  it("has no state name twice, since children and parent share the history's reader", () => {
    expect(Object.keys(parent).filter((name) => name in child)).toEqual([]);
  });

  it.each(tasks)("%s waits longer than its function may run", (_name, state) => {
    expect(state.TimeoutSeconds).toBeGreaterThan(functionTimeout(state.Resource));
  });

  it.each([...tasks, ["Tasks", parent.Tasks] as const])("%s retries and catches everything", (_name, state) => {
    expect(state.Retry.length).toBeGreaterThan(0);
    expect(state.Catch.map((c: { ErrorEquals: string[] }) => c.ErrorEquals)).toEqual([
      ["States.DataLimitExceeded"],
      ["States.ALL"],
    ]);
    for (const retry of state.Retry) {
      expect(retry).toMatchObject({ JitterStrategy: "FULL", MaxDelaySeconds: expect.any(Number) });
    }
  });

  it("catches on the way to fail λ beside what the steps answered", () => {
    for (const name of [
      ...Object.keys(STEP_FLOW)
        .filter((step) => step !== "fail")
        .map(stateOf),
      "Tasks",
    ]) {
      for (const c of parent[name].Catch) expect(c).toMatchObject({ Next: "Fail", ResultPath: "$.caught" });
    }
    for (const c of parent.Fail.Catch) expect(c.Next).toBe("Failed");
  });

  it("names no error that a handler throws", () => {
    const names = [...tasks, ["Tasks", parent.Tasks] as const].flatMap(([, state]) =>
      [...state.Retry, ...state.Catch].flatMap((rule: { ErrorEquals: string[] }) => rule.ErrorEquals),
    );
    expect(names.filter((name) => !/^(States|Lambda)\./.test(name))).toEqual([]);
  });

  it("has a way from every step for each answer of its row, and for every exit", () => {
    const ways = Object.fromEntries(
      Object.keys(STEP_FLOW)
        .filter((step) => step !== "fail")
        .map((step) => {
          const choice = parent[parent[stateOf(step)].Next];
          return [step, choice.Choices.map((c: { StringEquals: string }) => c.StringEquals)];
        }),
    );
    const { fail: _, ...rows } = STEP_FLOW;
    expect(ways).toEqual(Object.fromEntries(Object.entries(rows).map(([step, row]) => [step, [...row, ...EXITS]])));
  });

  it("leads every `next` of the contract somewhere", () => {
    const known = new Set<string>([...Object.values(STEP_FLOW).flat(), ...EXITS]);
    expect(NEXT.filter((next) => !known.has(next))).toEqual([]);
  });

  it("calls a resumable step again, waits for startAt, and ends in silence when superseded", () => {
    const to = (choice: string, next: string) =>
      parent[choice].Choices.find((c: { StringEquals: string }) => c.StringEquals === next)?.Next;
    expect(to("AssembleNext", "again")).toBe("Assemble");
    expect(to("PrepareNext", "wait")).toBe("WaitUntil");
    expect(parent.WaitUntil).toMatchObject({ TimestampPath: "$.step.until", Next: "Prepare" });
    expect(to("SettleNext", "superseded")).toBe("Superseded");
    expect(parent.Superseded.Type).toBe("Succeed");
    expect(parent.Ended.Type).toBe("Succeed");
    expect(parent.Failed.Type).toBe("Fail");
  });
});

describe("a batch's child", () => {
  it("goes Claim, App, Commit, and round by what Commit says", () => {
    expect(parent.Tasks.ItemProcessor.StartAt).toBe("Claim");
    expect(child.Claim).toMatchObject({ Next: "App", ResultPath: "$.hand" });
    expect(child.App).toMatchObject({ Next: "Commit", ResultPath: "$.result" });
    expect(child.Commit).toMatchObject({ Next: "CommitNext", ResultPath: "$.hand" });
    const ways = child.CommitNext.Choices.map((c: { StringEquals: string; Next: string }) => [c.StringEquals, c.Next]);
    expect(Object.fromEntries(ways)).toEqual({ again: "App", wait: "Backoff", done: "Done" });
    expect(Object.keys(Object.fromEntries(ways)).sort()).toEqual([...hand.shape.next.options].sort());
    expect(child.Backoff).toMatchObject({ SecondsPath: "$.hand.seconds", Next: "Claim" });
  });

  it("never invokes app λ twice for one claim: only throttling is retried, anything else goes to Commit as data", () => {
    expect(child.App.Retry.map((r: { ErrorEquals: string[] }) => r.ErrorEquals)).toEqual([
      ["Lambda.TooManyRequestsException"],
    ]);
    for (const c of child.App.Catch) expect(c).toMatchObject({ Next: "Commit", ResultPath: "$.result" });
  });

  it("is made from exactly what the contract says, and answers nothing", () => {
    const given = Object.keys(parent.Tasks.ItemSelector).map((key) => key.replace(/\.\$$/, ""));
    const { hand: _hand, result: _result, ...made } = childInput.shape;
    expect(given.sort()).toEqual(Object.keys(made).sort());
    expect(child.Done.OutputPath).toBeNull();
    expect(parent.Tasks.ResultPath).toBeNull();
  });

  it("may fail without failing the Map", () => {
    expect(parent.Tasks).toMatchObject({
      ToleratedFailurePercentage: 100,
      ItemReader: {
        ReaderConfig: { InputType: "JSON" },
        Parameters: { "Bucket.$": "$.step.bucket", "Key.$": "$.step.manifest" },
      },
      ItemProcessor: { ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD" } },
    });
  });
});

describe("templates", () => {
  it("differ between AWS and an emulator in one field of the Map", () => {
    const emulated = resourcesOf({ mapMaxConcurrency: 4 });
    const map = definitionOf(emulated).States.Tasks;
    expect([parent.Tasks.MaxConcurrencyPath, parent.Tasks.MaxConcurrency]).toEqual(["$.step.workers", undefined]);
    expect([map.MaxConcurrencyPath, map.MaxConcurrency]).toEqual([undefined, 4]);
    const same = (all: typeof resources) => {
      const text = JSON.stringify(all).replace(/\\"MaxConcurrency(Path)?\\":(\\"\$\.step\.workers\\"|4),?/, "");
      return text.replaceAll(/"S3Key":"[^"]+"/g, "");
    };
    expect(same(emulated)).toEqual(same(resources));
  });

  it("take budgets, limits and lifetimes from the context", () => {
    const tiny = resourcesOf({ stepBudgetMs: "2000", partLimit: "8", tokenSeconds: 5, compat: "bytenite" });
    const variables = (id: RegExp) =>
      ofType(tiny, "AWS::Lambda::Function")
        .filter(([name]) => id.test(name))
        .map(([, fn]) => (fn.Properties.Environment as { Variables: Record<string, string> }).Variables)[0];
    expect(variables(/^WorkflowAssemble/)).toMatchObject({ JOBJOB_STEP_BUDGET_MS: "2000", JOBJOB_PART_LIMIT: "8" });
    expect(variables(/^ApiFn/)).toMatchObject({ JOBJOB_TOKEN_SECONDS: "5", JOBJOB_COMPAT: "bytenite" });
  });

  it("refuse a wrong context key by name", () => {
    expect(() => resourcesOf({ maxWorkers: "many" })).toThrow(/maxWorkers/);
    expect(() => resourcesOf({ grantedBuckets: "Not_A_Bucket" })).toThrow(/grantedBuckets/);
  });

  it("keep data unless told to destroy it", () => {
    const policies = (all: typeof resources) =>
      [...ofType(all, "AWS::S3::Bucket"), ...ofType(all, "AWS::DynamoDB::Table")].map(([, r]) => r.DeletionPolicy);
    expect(policies(resources)).toEqual(["Retain", "Retain"]);
    expect(policies(resourcesOf({ destroy: "true" }))).toEqual(["Delete", "Delete"]);
  });

  it("reserve concurrency for the control functions when told to", () => {
    const reserved = (all: typeof resources) =>
      ofType(all, "AWS::Lambda::Function").filter(([, fn]) => fn.Properties.ReservedConcurrentExecutions !== undefined);
    expect(reserved(resources)).toEqual([]);
    expect(reserved(resourcesOf({ reservedControlConcurrency: 50 })).length).toBe(
      Object.values(FUNCTIONS).filter((spec) => "control" in spec).length,
    );
  });

  it("hold no custom resource and no Docker image", () => {
    expect(
      Object.values(resources).filter((r) => /^(Custom::|AWS::CloudFormation::CustomResource)/.test(r.Type)),
    ).toEqual([]);
    expect(
      ofType(resources, "AWS::Lambda::Function").filter(([, fn]) => fn.Properties.PackageType === "Image"),
    ).toEqual([]);
  });
});
