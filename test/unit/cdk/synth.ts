import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { JobJobStack } from "../../../cdk/stack.ts";

/** The project's own context, as the CDK CLI would hand it over. */
const CONTEXT: Record<string, unknown> = JSON.parse(readFileSync("cdk.json", "utf8")).context;

/** One folder for everything a test file synthesises, gone with its process. */
const scratch = mkdtempSync(join(tmpdir(), "jobjob-synth-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

/** A folder with an empty handler: what the functions hold is not these tests' subject. */
const placeholder = join(scratch, "code");
mkdirSync(placeholder);
writeFileSync(join(placeholder, "index.mjs"), "export const handler = () => undefined;\n");

export interface Synthesised {
  readonly app: App;
  readonly stack: JobJobStack;
}

export function makeStack(context: Record<string, unknown> = {}): Synthesised {
  const outdir = mkdtempSync(join(scratch, "out-"));
  const app = new App({ context: { ...CONTEXT, ...context }, outdir, analyticsReporting: false });
  return { app, stack: new JobJobStack(app, "JobJob", { codeOf: () => placeholder }) };
}

export interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DependsOn?: readonly string[];
  readonly DeletionPolicy?: string;
}

export function resourcesOf(context: Record<string, unknown> = {}): Record<string, Resource> {
  return Template.fromStack(makeStack(context).stack).toJSON().Resources;
}

/** Only those of one type, by logical id. */
export function ofType(resources: Record<string, Resource>, type: string): [string, Resource][] {
  return Object.entries(resources).filter(([, resource]) => resource.Type === type);
}

/** Text with its references resolved to `<LogicalId>` and `<LogicalId.Attribute>`, as a policy's reader wants to see it. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return String(value);
  const [kind, operand] = Object.entries(value)[0] ?? ["", ""];
  if (kind === "Ref") return `<${operand}>`;
  if (kind === "Fn::GetAtt") return `<${(operand as string[]).join(".")}>`;
  if (kind === "Fn::Join") {
    const [separator, parts] = operand as [string, unknown[]];
    return parts.map(textOf).join(separator);
  }
  throw new Error(`Not text: ${JSON.stringify(value)}`);
}

// biome-ignore lint/suspicious/noExplicitAny: a state machine's JSON, looked into by tests
export type States = Record<string, any>;

/** The definition of JobWorkflow, its references as text. */
export function definitionOf(resources: Record<string, Resource>): { StartAt: string; States: States } {
  const [machine] = ofType(resources, "AWS::StepFunctions::StateMachine");
  return JSON.parse(textOf(machine?.[1].Properties.DefinitionString));
}
