import type { Command } from "commander";
import { CliError } from "../cli-error.ts";
import { type Cli, connect } from "../context.ts";
import { fetchResults } from "../fetch-results.ts";
import { bareState, humanBytes } from "../human.ts";
import { globalsOf, printJson } from "../output.ts";
import { readOutput } from "../places.ts";

export function downloadCommand(program: Command, cli: Cli): void {
  program
    .command("download <job> [place]")
    .description(
      "fetch a COMPLETE job's results into a folder (the working one by default), or its one result as a file",
    )
    .option("--overwrite", "replace files that exist")
    .action(
      async (id: string, place: string | undefined, options: { readonly overwrite?: boolean }, command: Command) => {
        const overwrite = options.overwrite === true;
        const output = await readOutput(place ?? "./", cli.cwd, overwrite);
        if (output.kind !== "local")
          throw new CliError("USAGE", "download fetches to this machine; name a local folder or file.");
        const client = await connect(cli);
        const { job } = await client.get(id);
        if (job.state !== "JOB_STATE_COMPLETE") {
          throw new CliError(
            "NOT_COMPLETE",
            `The job ${id} is ${bareState(job.state)} and has no results; \`jobjob wait ${id}\` follows it.`,
          );
        }
        const files = await fetchResults(cli, client, id, output, overwrite);
        if (globalsOf(command).json) return printJson(cli.terminal, files);
        for (const { path, size } of files) cli.terminal.out(`${path}  ${humanBytes(size)}`);
        if (files.length === 0) cli.terminal.err("The job has no results to download.");
      },
    );
}
