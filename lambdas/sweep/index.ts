import { StepFunctionsWorkflow } from "../../adapters/step-functions/index.ts";
import type { SweepEvent } from "../../core/contracts/workflow.ts";
import type { SweepContext } from "../../core/steps/context.ts";
import { type SweepReport, sweep } from "../../core/steps/sweep.ts";
import { stepContext } from "../contexts.ts";
import { requireVariable } from "../environment.ts";
import { makeHandler } from "../handler.ts";
import { readSweepEvent } from "./event.ts";
import { tellRepairs } from "./metric.ts";

export const handler = makeHandler<SweepContext, SweepEvent, SweepReport>({
  name: "sweep",
  parse: readSweepEvent,
  context: () => ({
    ...stepContext(),
    workflow: new StepFunctionsWorkflow({ stateMachineArn: requireVariable("stateMachineArn") }),
  }),
  run: async (ctx, event) => {
    const report = await sweep(ctx, event);
    tellRepairs(ctx.log, ctx.clock.now(), report);
    return report;
  },
  describe: ({ looked, repairs }) => ({ looked, repairs }),
});
