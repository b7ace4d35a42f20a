import { partition } from "../../core/steps/partition.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("partition", partition);
