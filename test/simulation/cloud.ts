import { parseMachine } from "./asl/definition.ts";
import type { Deployed } from "./definition.ts";
import type { Cloud } from "./executions.ts";

/** The deployment as the schedules run it. @throws ZodError when the workflow uses what the interpreter doesn't know */
export const cloudOf = ({ definition, functions, wakes }: Deployed): Cloud => ({
  machine: parseMachine(definition),
  functions: new Map(functions.map(({ resource, name, timeout }) => [resource, { name, seconds: timeout }])),
  wakes,
});
