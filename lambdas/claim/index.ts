import { claim } from "../../core/steps/claim.ts";
import { childHandler } from "../child-handler.ts";
import { stepContext } from "../contexts.ts";

export const handler = childHandler("claim", claim, stepContext);
