/** One action on one job or many: asks first when filters match several, and tells what became of each. */
import type { Command } from "commander";
import type { JobJobClient, RequeueChoice } from "../client/index.ts";
import { eachOf } from "../client/index.ts";
import type { ActionsAnswer } from "../core/contracts/api/records.ts";
import type { Action } from "../core/contracts/api/requests.ts";
import { CliError, EXIT } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { bareState } from "./human.ts";
import type { Selection, SelectionOptions } from "./job-selection.ts";
import { globalsOf, printJson } from "./output.ts";
import { printTable } from "./table.ts";

export interface Verb {
  readonly action: Action;
  /** "stop", as the command is called. */
  readonly name: string;
  /** "stopped": what a job is that it was done to. */
  readonly done: string;
}

type Outcome = Pick<ActionsAnswer, "ids" | "skipped">;

/**
 * @returns the jobs that were acted on
 * @throws CliError when the answer to the question is no
 */
export async function actOn(
  cli: Cli,
  client: JobJobClient,
  verb: Verb,
  selection: Selection,
  options: SelectionOptions & { readonly choice?: RequeueChoice },
  command: Command,
): Promise<readonly string[]> {
  const { json = false } = globalsOf(command);
  const outcome = await carryOut(cli, client, verb, selection, options);
  if (json) printJson(cli.terminal, { ok: outcome.ids.length, ...outcome, dryRun: options.dryRun === true });
  else tell(cli, verb, outcome, options.dryRun === true);
  // Of those that filters match some may be past it; of those that were named each is missed.
  if (!options.dryRun && "ids" in selection && outcome.skipped.length > 0) process.exitCode = EXIT.ERROR;
  return options.dryRun ? [] : outcome.ids;
}

async function carryOut(
  cli: Cli,
  client: JobJobClient,
  verb: Verb,
  selection: Selection,
  { choice = {}, dryRun, yes }: SelectionOptions & { readonly choice?: RequeueChoice },
): Promise<Outcome> {
  const { action } = verb;
  if ("ids" in selection) return collected(client.act({ action, ...choice, ids: selection.ids, dryRun }));
  const matched = await collected(client.act({ action, ...choice, filters: selection.filters, dryRun: true }));
  if (dryRun || matched.ids.length === 0) return matched;
  if (matched.ids.length > 1 && !yes) await ask(cli, client, verb, matched.ids);
  // Just those that were shown, whatever else has come to match since.
  const { ids, skipped } = await collected(client.act({ action, ...choice, ids: matched.ids }));
  if (skipped.length > 0) process.exitCode = EXIT.ERROR;
  return { ids, skipped: [...skipped, ...matched.skipped] };
}

async function collected(pages: AsyncIterable<ActionsAnswer>): Promise<Outcome> {
  const ids: string[] = [];
  const skipped: ActionsAnswer["skipped"] = [];
  for await (const page of pages) {
    ids.push(...page.ids);
    skipped.push(...page.skipped);
  }
  return { ids, skipped };
}

/** Jobs that are shown before the question. */
const SHOWN = 10;

async function ask(cli: Cli, client: JobJobClient, verb: Verb, ids: readonly string[]): Promise<void> {
  if (!cli.terminal.isLive) return;
  const shown = ids.slice(0, SHOWN);
  const rows = new Map<string, readonly string[]>();
  await eachOf(shown, SHOWN, async (id) => {
    const { job } = await client.get(id);
    rows.set(id, [id, job.name, bareState(job.state)]);
  });
  printTable(
    { ...cli.terminal, out: cli.terminal.err },
    [{ name: "ID" }, { name: "NAME" }, { name: "STATE" }],
    shown.map((id) => rows.get(id) ?? [id]),
  );
  if (ids.length > shown.length) cli.terminal.err(`and ${ids.length - shown.length} more`);
  const answer = await cli.confirm(`${verb.name[0]?.toUpperCase()}${verb.name.slice(1)} these ${ids.length} jobs?`);
  if (answer === undefined)
    throw new CliError("USAGE", `There are ${ids.length} jobs; add --yes to ${verb.name} them all.`);
  if (!answer) throw new CliError("NOT_CONFIRMED", "Nothing was done.");
}

function tell({ terminal }: Cli, verb: Verb, { ids, skipped }: Outcome, dryRun: boolean): void {
  const { out, err, paint } = terminal;
  for (const id of ids) out(`${id}  ${dryRun ? `would be ${verb.done}` : paint("green", verb.done)}`);
  for (const { id, code, why } of skipped) {
    out(`${id}  ${paint("yellow", dryRun ? "would be skipped" : "skipped")}  ${code}: ${inCommands(why, id)}`);
  }
  if (ids.length + skipped.length === 0) err("No job is like that.");
  else if (ids.length + skipped.length > 1) {
    err(`${ids.length} ${dryRun ? "would be " : ""}${verb.done}, ${skipped.length} skipped`);
  }
}

/** The API's remedies are calls and fields; here they are commands and options. The id stands at the line's begin. */
function inCommands(why: string, id: string): string {
  return why
    .replace(`The job ${id} is`, "it is")
    .replace(`There is no job ${id}`, "there is no such job")
    .replace("; GET /v1/customer/jobs lists yours", "")
    .replace("with repartition: true", "with --repartition");
}
