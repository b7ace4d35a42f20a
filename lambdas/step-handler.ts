import { mayAnswer, type StepName } from "../core/contracts/flow.ts";
import { type StepAnswer, type StepInput, stepAnswer, stepInput } from "../core/contracts/workflow.ts";
import { JobJobError } from "../core/errors.ts";
import type { Log } from "../core/ports/index.ts";
import type { StepContext } from "../core/steps/context.ts";
import { stepContext } from "./contexts.ts";
import { type Handler, makeHandler, parserOf } from "./handler.ts";

/**
 * The handler of a step of the job's flow. A business error becomes `{next: "fail", error}`; a step that finds itself
 * superseded ends in silence.
 */
export function stepHandler(
  name: StepName,
  step: (context: StepContext, input: StepInput) => Promise<StepAnswer>,
  context: () => StepContext = stepContext,
  log?: Log,
): Handler<StepAnswer> {
  return makeHandler<StepContext, StepInput, StepAnswer>({
    name,
    parse: parserOf(stepInput),
    context,
    ...(log ? { log } : {}),
    run: async (ctx, input) => checked(name, await step(ctx, input)),
    describe: ({ next }) => ({ next }),
    refuse: (error) => {
      if (error.code === "SUPERSEDED") return { next: "superseded" };
      // fail λ has nobody left to hand its error to: the execution fails, and the sweeper takes over.
      return name === "fail" ? undefined : { next: "fail", error };
    },
  });
}

/** An answer that the workflow has no way for would end in its Default, with the reason lost. */
function checked(name: StepName, answer: StepAnswer): StepAnswer {
  const parsed = stepAnswer.safeParse(answer);
  if (parsed.success && mayAnswer(name, answer.next)) return answer;
  throw new JobJobError({
    code: "ANSWER_INVALID",
    message: `The step ${name} answered "${answer.next}", which core/contracts doesn't know of it; this is a defect of JobJob.`,
  });
}
