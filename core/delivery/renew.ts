import type { StepAnswer } from "../contracts/workflow.ts";
import { noteOutcome, type StepHold } from "../job/step-claim.ts";
import type { StepContext } from "../steps/context.ts";

const HELD: StepAnswer = { next: "again" };

/**
 * Says that the claim still holds, by a conditional write: between it and the next write to the destination nobody but the
 * call under way can be late. @returns the answer when it doesn't: a later invocation took the claim, or the job was called off.
 */
export async function renew(ctx: StepContext, hold: StepHold): Promise<StepAnswer | undefined> {
  const answer = await noteOutcome(ctx, hold, { set: { claim: hold.claim } }, HELD);
  return answer === HELD ? undefined : answer;
}
