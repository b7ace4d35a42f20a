import { deliver } from "../../core/steps/deliver.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("deliver", deliver);
