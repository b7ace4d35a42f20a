import { StepFunctionsWorkflow } from "../../adapters/step-functions/index.ts";
import type { SweepEvent } from "../../core/contracts/workflow.ts";
import type { ControlContext } from "../../core/steps/context.ts";
import { type SweepReport, sweep } from "../../core/steps/sweep.ts";
import { stepContext } from "../contexts.ts";
import { requireVariable } from "../environment.ts";
import { makeHandler } from "../handler.ts";
import { nudgeOf } from "../nudge.ts";
import { readSweepEvent } from "./event.ts";

export const handler = makeHandler<ControlContext, SweepEvent, SweepReport>({
  name: "sweep",
  parse: readSweepEvent,
  context: () => ({
    ...stepContext(),
    workflow: new StepFunctionsWorkflow({ stateMachineArn: requireVariable("stateMachineArn") }),
    // Lambda's own variable: a function whose environment named itself would be a circle in the template.
    nudge: nudgeOf(process.env.AWS_LAMBDA_FUNCTION_NAME ?? ""),
  }),
  run: sweep,
  describe: ({ looked, repaired }) => ({ looked, repaired }),
});
