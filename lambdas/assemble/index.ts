import { assemblerEngines } from "../../apps/assemblers/engines.ts";
import { assemble } from "../../core/steps/assemble.ts";
import { stepHandler } from "../step-handler.ts";

export const handler = stepHandler("assemble", (context, input) => assemble(context, input, assemblerEngines));
