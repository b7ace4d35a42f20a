/** What the simulation takes from the synthesised template: the workflow, its functions, and which endings wake the sweeper. */
import * as z from "zod";
import { FUNCTION_NAMES, FUNCTIONS, type FunctionName } from "../../cdk/function-table.ts";
import { definitionOf, ofType, type Resource, resourcesOf } from "../unit/cdk/synth.ts";

export interface Deployed {
  /** The definition as JSON, its functions' ARNs as `<LogicalId.Arn>`. */
  readonly definition: unknown;
  readonly functions: readonly DeployedFunction[];
  /** Statuses of executions that an event rule sends to the sweeper. */
  readonly wakes: readonly string[];
}
export interface DeployedFunction {
  readonly resource: string;
  readonly name: FunctionName;
  /** Seconds. */
  readonly timeout: number;
}

const lambda = z.object({ Description: z.string(), Timeout: z.number() });
const rule = z.object({ EventPattern: z.object({ detail: z.object({ status: z.array(z.string()) }) }) });

/** Synthesises the stack, in process: a few seconds. */
export function synthesise(): Deployed {
  const resources = resourcesOf();
  return { definition: definitionOf(resources), functions: functionsOf(resources), wakes: wakesOf(resources) };
}

function functionsOf(resources: Record<string, Resource>): DeployedFunction[] {
  return ofType(resources, "AWS::Lambda::Function").map(([id, { Properties }]) => {
    const { Description, Timeout } = lambda.parse(Properties);
    const name = FUNCTION_NAMES.find((one) => Description.endsWith(`${one}: ${FUNCTIONS[one].description}`));
    if (!name) throw new Error(`The function ${id} ("${Description}") isn't in cdk/function-table.ts.`);
    return { resource: `<${id}.Arn>`, name, timeout: Timeout };
  });
}

function wakesOf(resources: Record<string, Resource>): string[] {
  return ofType(resources, "AWS::Events::Rule").flatMap(([, { Properties }]) => {
    const parsed = rule.safeParse(Properties);
    return parsed.success ? parsed.data.EventPattern.detail.status : [];
  });
}
