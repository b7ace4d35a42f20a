import { settle } from "../../core/steps/settle.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("settle", settle);
