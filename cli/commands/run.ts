import type { Command } from "commander";
import type { JobJobClient } from "../../client/index.ts";
import { EXIT } from "../cli-error.ts";
import { type Cli, connect } from "../context.ts";
import { type Draft, type DraftOptions, describeDraft, withDraft } from "../draft.ts";
import { type Fetched, fetchResults } from "../fetch-results.ts";
import { humanBytes } from "../human.ts";
import { collect, draftOptions } from "../options.ts";
import { globalsOf, printJson } from "../output.ts";
import { readOutput } from "../places.ts";
import { exitCodeOf, sayEnd, type Watched, watchJob } from "../watch.ts";

interface RunOptions extends DraftOptions {
  readonly out?: string;
  readonly watch?: boolean;
}

export function runCommand(program: Command, cli: Cli): void {
  draftOptions(program.command("run [input]"))
    .description("run a job on a local file, a folder or s3://BUCKET/KEY; without input for generators")
    .option("-o, --out <place>", "where the output goes: a local file or folder, or s3://BUCKET/PREFIX/")
    .option("-w, --watch", "follow the job to its end; --out with a local place does, too")
    .option("--overwrite", "replace what exists at the output's place")
    .option("--start-at <time>", "not before, as 2026-01-31T12:00:00Z")
    .option("--tag <name=value>", "tag of the job; repeatable", collect)
    .addHelpText(
      "after",
      "\nExample:\n  jobjob run birds.csv -t csv-group-by -p 'app.by=[\"state\"]' --chunks 8 --out by-state.csv\n\nExit codes with --watch: 0 COMPLETE, 1 FAILED, 2 CANCELED or UNRUNNABLE, 4 the command itself failed.",
    )
    .action(async (input: string | undefined, options: RunOptions, command: Command) => {
      const { json = false } = globalsOf(command);
      const output = await readOutput(options.out, cli.cwd, options.overwrite === true);
      const draft = await describeDraft(cli, input, options, output);
      const client = await connect(cli);
      const id = await startJob(cli, client, draft);
      if (!options.watch && output.kind !== "local") return sayStarted(cli, client, id, json);
      cli.terminal.err(`job ${id}`);
      const watched = await watchJob(cli, client, id, { quiet: json });
      sayEnd(cli, watched, json);
      process.exitCode = exitCodeOf(watched);
      const files = await deliver(cli, client, draft, watched, options.overwrite === true);
      if (json) printJson(cli.terminal, { ...watched.job, ...(files ? { files } : {}) });
    });
}

/** Creates, uploads, runs. @returns the id of the job, which is on its way */
export function startJob(cli: Cli, client: JobJobClient, draft: Draft): Promise<string> {
  return withDraft(cli, client, draft, async (job) => {
    await client.run(job.id);
    return job.id;
  });
}

async function sayStarted(cli: Cli, client: JobJobClient, id: string, json: boolean): Promise<void> {
  if (json) printJson(cli.terminal, (await client.get(id)).job);
  else cli.terminal.out(id);
  cli.terminal.err(`\`jobjob wait ${id}\` follows it; \`jobjob inspect ${id}\` shows it.`);
}

/** After the end: results to where they were asked for, or a word on where they are. */
async function deliver(
  cli: Cli,
  client: JobJobClient,
  { output }: Draft,
  { job, end }: Watched,
  overwrite: boolean,
): Promise<readonly Fetched[] | undefined> {
  const { terminal } = cli;
  if (end !== "terminal" || exitCodeOf({ job, end }) !== EXIT.COMPLETE) {
    if (end === "interrupted" && output.kind === "local") {
      terminal.err(`Its output is not downloaded; later: \`jobjob download ${job.id} ${output.given}\`.`);
    }
    return undefined;
  }
  if (output.kind === "kept") terminal.err(`\`jobjob download ${job.id}\` fetches the output; it is kept for 48 h.`);
  if (output.kind !== "local") return undefined;
  const files = await fetchResults(cli, client.results(job.id), output, overwrite);
  for (const { path, size } of files) terminal.err(`${path}  ${humanBytes(size)}`);
  return files;
}
