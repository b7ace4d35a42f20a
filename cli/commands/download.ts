import type { Command } from "commander";
import type { JobRecord } from "../../core/contracts/api/records.ts";
import { PARTIAL_RESULT_STATES } from "../../core/states/job-states.ts";
import { CliError } from "../cli-error.ts";
import { type Cli, connect } from "../context.ts";
import { fetchResults } from "../fetch-results.ts";
import { bareState, humanBytes } from "../human.ts";
import { partialOption } from "../options.ts";
import { globalsOf, printJson } from "../output.ts";
import { readOutput } from "../places.ts";

const hasParts = ({ state }: JobRecord): boolean => PARTIAL_RESULT_STATES.some((one) => one === bareState(state));

function notComplete(job: JobRecord): CliError {
  const { id, state } = job;
  const remedy = hasParts(job)
    ? "`--partial` fetches what its tasks have finished."
    : `\`jobjob wait ${id}\` follows it.`;
  return new CliError("NOT_COMPLETE", `The job ${id} is ${bareState(state)} and has no results; ${remedy}`);
}

export function downloadCommand(program: Command, cli: Cli): void {
  const download = program
    .command("download <job> [place]")
    .description(
      "fetch a COMPLETE job's results into a folder (the working one by default), or its one result as a file",
    )
    .option("--overwrite", "replace files that exist");
  partialOption(download).action(
    async (
      id: string,
      place: string | undefined,
      options: { readonly overwrite?: boolean; readonly partial?: boolean },
      command: Command,
    ) => {
      const partial = options.partial === true;
      const overwrite = options.overwrite === true;
      const output = await readOutput(place ?? "./", cli.cwd, overwrite);
      if (output.kind !== "local")
        throw new CliError("USAGE", "download fetches to this machine; name a local folder or file.");
      const client = await connect(cli);
      const { job } = await client.get(id);
      if (job.state !== "JOB_STATE_COMPLETE" && !(partial && hasParts(job))) throw notComplete(job);
      const files = await fetchResults(cli, client.results(id, { partial }), output, overwrite);
      if (globalsOf(command).json) return printJson(cli.terminal, files);
      for (const { path, size } of files) cli.terminal.out(`${path}  ${humanBytes(size)}`);
      if (files.length === 0) cli.terminal.err("The job has no results to download.");
    },
  );
}
