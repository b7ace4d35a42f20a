import { Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { makeStack } from "./synth.ts";

describe("cdk-nag's AwsSolutions", () => {
  it.each([
    ["AWS's template", { grantedBuckets: "in-bucket,out-bucket", reservedControlConcurrency: 10 }],
    ["an emulator's template", { mapMaxConcurrency: 4, destroy: true }],
  ])(
    "finds nothing in %s that isn't acknowledged beside the code, with its reason",
    (_name, context) => {
      const { app } = makeStack(context);
      Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

      // A finding ends the synthesis, and its message names the construct and the id to acknowledge.
      expect(() => app.synth()).not.toThrow();
    },
    120_000,
  );

  it("is really asked: an exception that loses its acknowledgement ends the synthesis", () => {
    const { app, stack } = makeStack();
    const bucket = stack.node.findChild("Storage").node.findChild("Data");
    Reflect.set(bucket.node, "_metadata", []);
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

    expect(() => app.synth()).toThrow(/AwsSolutions-S1/);
  }, 120_000);
});
