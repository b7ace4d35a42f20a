/** Dry runs: what a job would be cut into, and what it would cost. */
import type { Command } from "commander";
import type { JobJobClient } from "../../client/index.ts";
import type { DryRun } from "../../core/partition/dry-run.ts";
import { CliError } from "../cli-error.ts";
import { type Cli, connect } from "../context.ts";
import { costPairs } from "../cost.ts";
import { type DraftOptions, describeDraft, withDraft } from "../draft.ts";
import { humanBytes, humanDuration } from "../human.ts";
import { draftOptions } from "../options.ts";
import { globalsOf, printJson } from "../output.ts";
import { printPairs, printTable } from "../table.ts";

interface AheadOptions extends DraftOptions {
  readonly job?: string;
}

const aheadOptions = (command: Command): Command =>
  draftOptions(command).option("--job <id>", "of a job that exists, in place of input and template");

export function partitionCommand(program: Command, cli: Cli): void {
  aheadOptions(program.command("partition [input]"))
    .description("the chunks that would be made; nothing is started")
    .action(async (input: string | undefined, options: AheadOptions, command: Command) => {
      const run = await withJob(cli, input, options, (client, id) => client.partition(id));
      if (globalsOf(command).json) return printJson(cli.terminal, run);
      printChunks(cli, run);
    });
}

export function estimateCommand(program: Command, cli: Cli): void {
  aheadOptions(program.command("estimate [input]"))
    .description("what a job would cost")
    .action(async (input: string | undefined, options: AheadOptions, command: Command) => {
      const estimation = await withJob(cli, input, options, (client, id) => client.estimate(id));
      if (globalsOf(command).json) return printJson(cli.terminal, estimation);
      printPairs(cli.terminal, [
        ["Tasks", `${estimation.exact ? "" : "about "}${estimation.chunks} in ${batchText(estimation.batches)}`],
        ["Task time", `${humanDuration(estimation.taskSeconds)} each, as the app declares it`],
        ["ByteChips", estimation.totalEstimation],
        ...costPairs(estimation.cost),
      ]);
      cli.terminal.err(ESTIMATE_NOTE);
    });
}

const batchText = (batches: number): string => `${batches} ${batches === 1 ? "batch" : "batches"}`;

const ESTIMATE_NOTE =
  "List prices of us-east-1 for one run without retries. The task time is the app's guess; results larger than 5 MiB take uploads of their own, and no estimate knows their size. `jobjob cost` shows what was measured beside it.";

/** On the named job, or on one that is made for the question and removed again. */
async function withJob<T>(
  cli: Cli,
  input: string | undefined,
  options: AheadOptions,
  work: (client: JobJobClient, id: string) => Promise<T>,
): Promise<T> {
  if (options.job !== undefined) {
    if (input !== undefined) throw new CliError("USAGE", "Give either an input or --job, not both.");
    return work(await connect(cli), options.job);
  }
  const draft = await describeDraft(cli, input, options, { kind: "kept" });
  const client = await connect(cli);
  return withDraft(cli, client, draft, (job) => work(client, job.id), true);
}

function printChunks({ terminal }: Cli, { tasks, exact, bytes, sources, chunks }: DryRun): void {
  if (chunks.length > 0) {
    printTable(
      terminal,
      [{ name: "CHUNK", right: true }, { name: "SOURCE" }, { name: "RANGE" }, { name: "SIZE", right: true }],
      chunks.map((chunk) => [String(chunk.index), chunk.source ?? "-", ...rangeOf(chunk)]),
    );
  }
  const of = sources > 0 ? ` of ${humanBytes(bytes)} in ${sources} ${sources === 1 ? "object" : "objects"}` : "";
  const shown = chunks.length < tasks ? `; the first ${chunks.length} are shown` : "";
  terminal.err(`${exact ? "" : "about "}${tasks} chunks${of}${shown}`);
}

function rangeOf({ from, to, objects, numbers, replica }: DryRun["chunks"][number]): readonly [string, string] {
  if (from !== undefined && to !== undefined) return [`${from}–${to}`, humanBytes(to - from)];
  if (objects !== undefined) return [`${objects} objects`, "-"];
  if (numbers) return [numbers.map((span) => [...new Set(span.slice(0, 2))].join("–")).join(","), "-"];
  return [replica === undefined ? "-" : `replica ${replica}`, "-"];
}
