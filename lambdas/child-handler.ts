import { type ChildInput, childInput, type Hand, hand } from "../core/contracts/workflow.ts";
import type { Log } from "../core/ports/index.ts";
import type { StepContext } from "../core/steps/context.ts";
import { type Handler, makeHandler, parserOf } from "./handler.ts";

/**
 * The handler of a step of a batch's child (claim, commit). Its errors are all thrown: after its retries the child gives
 * up, and settle hands the batch out again.
 */
export function childHandler<Context extends StepContext>(
  name: "claim" | "commit",
  step: (context: Context, input: ChildInput) => Promise<Hand>,
  context: () => Context,
  log?: Log,
): Handler<Hand> {
  const checked = parserOf(hand);
  return makeHandler<Context, ChildInput, Hand>({
    name,
    parse: parserOf(childInput),
    context,
    ...(log ? { log } : {}),
    run: async (ctx, input) => checked(await step(ctx, input)),
    describe: ({ next, claim, tasks, rounds }) => ({ next, claim, tasks, rounds }),
  });
}
