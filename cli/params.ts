/** Params from the command line, in the types that the template's blocks want. */
import { findBlock } from "../apps/catalog.ts";
import { findTemplate } from "../apps/templates.ts";
import { parseAssignments, splitAssignment } from "./assignments.ts";

const KINDS = ["partitioner", "app", "assembler"] as const;
type Kind = (typeof KINDS)[number];
type Params = Record<string, Record<string, unknown>>;

/**
 * Values are JSON where they are JSON. Where the block wants text, `7`, `true` and `null` are text: `partitioner.range=7` is the
 * number 7 to us and "7" to its block. Of templates that aren't built in we don't know what is wanted.
 * @throws CliError
 */
export function readParams(given: readonly string[], template: string | undefined): Params {
  let params = parse(given);
  const asText = new Set<string>();
  for (const text of given) {
    const { keys } = splitAssignment("--param", text, KINDS);
    if (!isRefused(params, template, keys)) continue;
    const changed = parse(given, new Set([...asText, text]));
    if (isRefused(changed, template, keys)) continue; // wrong either way: the server says what is wanted
    asText.add(text);
    params = changed;
  }
  return params;
}

const parse = (given: readonly string[], asText: ReadonlySet<string> = new Set()): Params =>
  parseAssignments("--param", given, KINDS, (text) => asText.has(text)) as Params;

/** Whether its block finds fault with the value at this path, or with a part of it. */
function isRefused(params: Params, templateId: string | undefined, [kind = "", ...path]: readonly string[]): boolean {
  const template = templateId === undefined ? undefined : findTemplate(templateId);
  const block = template && findBlock(kind as Kind, template[kind as Kind]);
  if (!template || !block) return false;
  const { error } = block.params.safeParse({ ...template.params[kind as Kind], ...params[kind] });
  return error?.issues.some((issue) => path.every((key, i) => issue.path[i] === key)) === true;
}
