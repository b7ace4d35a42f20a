import { type Command, Option } from "commander";
import type { ListedJob } from "../../core/contracts/api/records.ts";
import { VIEWS, type ViewName } from "../../core/states/views.ts";
import { type Cli, connect } from "../context.ts";
import { bareState, humanAgo, humanBytes, humanDuration } from "../human.ts";
import { type LimitOptions, limitOf, limitOptions } from "../options.ts";
import { globalsOf, printJson, take } from "../output.ts";
import { colourOf } from "../progress-line.ts";
import { printTable } from "../table.ts";
import type { Paint } from "../terminal.ts";

interface ListOptions extends LimitOptions {
  readonly state?: string;
  readonly name?: string;
  readonly view?: ViewName;
}

const COLUMNS = [
  { name: "ID" },
  { name: "TEMPLATE" },
  { name: "STARTED" },
  { name: "DURATION", right: true },
  { name: "RESTART", right: true },
  { name: "PROGRESS" },
  { name: "DL", right: true },
  { name: "UL", right: true },
  { name: "STATE" },
];

export function listCommand(program: Command, cli: Cli): void {
  limitOptions(program.command("list"), 20)
    .alias("ls")
    .description("your jobs, newest first")
    .option("--state <state>", "only those in this state")
    .option("--name <text>", "only those whose name holds this text")
    .addOption(new Option("--view <system>", "states in another system's words").choices(VIEWS))
    .action(async (options: ListOptions, command: Command) => {
      const client = await connect(cli);
      const { state, name, view } = options;
      const { rows, more } = await take(client.list({ state, name, view }), limitOf(options));
      if (globalsOf(command).json) return printJson(cli.terminal, rows);
      if (rows.length === 0) {
        const isFiltered = state !== undefined || name !== undefined;
        return cli.terminal.err(
          isFiltered ? "No job is like that." : "No jobs. `jobjob run FILE --template ID` makes one.",
        );
      }
      const { paint } = cli.terminal;
      printTable(
        cli.terminal,
        COLUMNS,
        rows.map((job) => jobRow(job, cli.now(), paint)),
      );
      if (more) cli.terminal.err(`There are more than ${rows.length}: --limit or --all shows them.`);
    });
}

function jobRow(job: ListedJob, now: number, paint: Paint): readonly string[] {
  const state = bareState(job.state);
  return [
    job.id,
    job.templateId,
    humanAgo(job.startedAt ?? job.submittedAt, now),
    job.duration === null ? "-" : humanDuration(job.duration),
    String(job.stats.restarts),
    job.progress.text,
    humanBytes(job.stats.downloadBytes),
    humanBytes(job.stats.uploadBytes),
    paint(colourOf(state), job.view?.state ?? state),
  ];
}
