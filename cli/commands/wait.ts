import type { Command } from "commander";
import { type Cli, connect } from "../context.ts";
import { seconds } from "../options.ts";
import { globalsOf, printJson } from "../output.ts";
import { exitCodeOf, sayEnd, watchJob } from "../watch.ts";

export function waitCommand(program: Command, cli: Cli): void {
  program
    .command("wait <job>")
    .description("follow a job to its end; a paused one is waited for")
    .option("--timeout <time>", "give up after 90, 90s, 5m or 2h", seconds)
    .addHelpText(
      "after",
      "\nExit codes: 0 COMPLETE, 1 FAILED, 2 CANCELED or UNRUNNABLE, 3 timed out, 4 the command itself failed.",
    )
    .action(async (id: string, options: { readonly timeout?: number }, command: Command) => {
      const { json = false } = globalsOf(command);
      const client = await connect(cli);
      const watched = await watchJob(cli, client, id, { timeout: options.timeout, quiet: json });
      sayEnd(cli, watched, json);
      if (json) printJson(cli.terminal, watched.job);
      process.exitCode = exitCodeOf(watched);
    });
}
