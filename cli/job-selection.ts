/** Which jobs a command means: their ids, or filters. */
import type { Command } from "commander";
import type { FieldFilter } from "../client/index.ts";
import { parseTags } from "./assignments.ts";
import { CliError } from "./cli-error.ts";
import { collect } from "./options.ts";

/** As commander gives them. */
export interface SelectionOptions {
  readonly state?: string;
  readonly name?: string;
  readonly template?: string;
  readonly tag?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export const selectionOptions = (command: Command): Command =>
  command
    .option("--state <state>", "every job in this state, in place of ids")
    .option("--name <text>", "every job whose name holds this text")
    .option("--template <id>", "every job made from this template")
    .option("--tag <name=value>", "every job with this tag; repeatable", collect)
    .option("--dry-run", "only say what would happen to which job")
    .option("-y, --yes", "don't ask when filters match several jobs");

export type Selection = { readonly ids: readonly string[] } | { readonly filters: readonly FieldFilter[] };

/** All filters must hold. @throws CliError when it names no jobs, or in two ways */
export function readSelection(verb: string, ids: readonly string[], options: SelectionOptions): Selection {
  const filters: FieldFilter[] = [];
  if (options.state !== undefined) filters.push({ field: "state", condition: "EQ", value: options.state });
  if (options.name !== undefined) filters.push({ field: "name", condition: "CONTAINS", value: options.name });
  if (options.template !== undefined) filters.push({ field: "templateId", condition: "EQ", value: options.template });
  for (const [tag, value] of Object.entries(parseTags(options.tag ?? []))) {
    filters.push({ field: `tags.${tag}`, condition: "EQ", value });
  }
  if (ids.length > 0 && filters.length > 0) {
    throw new CliError("USAGE", "Name jobs either by their ids or by filters, not both.");
  }
  if (ids.length === 0 && filters.length === 0) {
    throw new CliError(
      "USAGE",
      `Name the jobs: \`jobjob ${verb} ID …\`, or filter them with --state, --name, --template or --tag. \`jobjob list\` shows yours.`,
    );
  }
  return ids.length > 0 ? { ids: [...new Set(ids)] } : { filters };
}
