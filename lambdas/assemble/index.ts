import { assemble } from "../../core/steps/assemble.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("assemble", assemble);
