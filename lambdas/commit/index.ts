import { commit } from "../../core/steps/commit.ts";
import { childHandler } from "../child-handler.ts";
import { stepContext } from "../contexts.ts";
import { requireVariable } from "../environment.ts";
import { nudgeOf } from "../nudge.ts";

export const handler = childHandler("commit", commit, () => ({
  ...stepContext(),
  nudge: nudgeOf(requireVariable("sweepFunction")),
}));
