import { prepare } from "../../core/steps/prepare.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("prepare", prepare);
