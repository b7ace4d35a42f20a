import { finish } from "../../core/steps/finish.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("finish", finish);
