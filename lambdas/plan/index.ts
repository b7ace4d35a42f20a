import { plan } from "../../core/steps/plan.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("plan", plan);
