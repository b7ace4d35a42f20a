import { fail } from "../../core/steps/fail.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("fail", fail);
