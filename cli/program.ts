import { readFileSync } from "node:fs";
import { Command } from "commander";
import * as z from "zod";
import { deleteCommand, pauseCommand, requeueCommand, resumeCommand, stopCommand } from "./commands/control.ts";
import { downloadCommand } from "./commands/download.ts";
import { eventsCommand } from "./commands/events.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { listCommand } from "./commands/list.ts";
import { loginCommand } from "./commands/login.ts";
import { logsCommand } from "./commands/logs.ts";
import { estimateCommand, partitionCommand } from "./commands/plan-ahead.ts";
import { costCommand, resultsCommand, templateCommand } from "./commands/reads.ts";
import { runCommand } from "./commands/run.ts";
import { downCommand, upCommand } from "./commands/stack.ts";
import { tasksCommand } from "./commands/tasks.ts";
import { waitCommand } from "./commands/wait.ts";
import type { Cli } from "./context.ts";

const packageSchema = z.object({ version: z.string() });

/** Every command, in the order in which one needs them. */
const COMMANDS = [
  upCommand,
  downCommand,
  loginCommand,
  templateCommand,
  runCommand,
  partitionCommand,
  estimateCommand,
  listCommand,
  inspectCommand,
  waitCommand,
  tasksCommand,
  logsCommand,
  eventsCommand,
  resultsCommand,
  downloadCommand,
  costCommand,
  pauseCommand,
  resumeCommand,
  stopCommand,
  requeueCommand,
  deleteCommand,
];

export function makeProgram(cli: Cli): Command {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const program = new Command("jobjob")
    .description("Data-parallel jobs in your own AWS account: split, run on every chunk at once, merge, deliver.")
    .version(packageSchema.parse(JSON.parse(text)).version)
    .option("--json", "results as JSON on stdout; hints stay on stderr")
    .option("--debug", "show the stack of an error")
    .addHelpText(
      "after",
      "\nWhich deployment: JOBJOB_URL and JOBJOB_API_KEY, else the last of `jobjob up` and `jobjob login`.",
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (out) => cli.terminal.out(out.replace(/\n$/, "")),
      writeErr: (err) => cli.terminal.err(err.replace(/^error: /, "jobjob: ").replace(/\n$/, "")),
    })
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of COMMANDS) add(program, cli);
  return program;
}
