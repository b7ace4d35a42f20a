import { publish } from "../../core/steps/publish.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("publish", publish);
