import { type Command, Option } from "commander";
import type { TaskRecord } from "../../core/contracts/api/records.ts";
import { VIEWS, type ViewName } from "../../core/states/views.ts";
import { type Cli, connect } from "../context.ts";
import { humanBytes, humanDuration } from "../human.ts";
import { type LimitOptions, limitOf, limitOptions } from "../options.ts";
import { globalsOf, printJson, take } from "../output.ts";
import { colourOf } from "../progress-line.ts";
import { printTable } from "../table.ts";
import type { Paint } from "../terminal.ts";

const COLUMNS = [
  { name: "TASK", right: true },
  { name: "STATE" },
  { name: "ATTEMPT", right: true },
  { name: "DURATION", right: true },
  { name: "IN", right: true },
  { name: "OUT", right: true },
  { name: "CHUNK" },
  { name: "ERROR" },
];

interface TasksOptions extends LimitOptions {
  readonly state?: string;
  readonly view?: ViewName;
}

export function tasksCommand(program: Command, cli: Cli): void {
  limitOptions(program.command("tasks <job>"), 100)
    .description("a job's tasks in order")
    .option("--state <state>", "only those in this state, as FAILED")
    .addOption(new Option("--view <system>", "states in another system's words").choices(VIEWS))
    .action(async (id: string, options: TasksOptions, command: Command) => {
      const client = await connect(cli);
      const { state, view } = options;
      const { rows, more } = await take(client.tasks(id, { state, view }), limitOf(options));
      if (globalsOf(command).json) return printJson(cli.terminal, rows);
      if (rows.length === 0)
        return cli.terminal.err(options.state ? `No task is ${options.state}.` : "No tasks (yet).");
      printTable(
        cli.terminal,
        COLUMNS,
        rows.map((task) => taskRow(task, cli.terminal.paint)),
      );
      if (more) cli.terminal.err(`There are more than ${rows.length}: --limit or --all shows them.`);
    });
}

function taskRow(task: TaskRecord, paint: Paint): readonly string[] {
  return [
    String(task.ordinal),
    paint(colourOf(task.state), task.view ?? task.state),
    String(task.attempt),
    task.ms === null ? "-" : humanDuration(task.ms / 1_000),
    task.bytesIn === null ? "-" : humanBytes(task.bytesIn),
    task.bytesOut === null ? "-" : humanBytes(task.bytesOut),
    chunkText(task.chunk),
    task.error ? `${task.error.code}: ${task.error.message}` : rejectedText(task),
  ];
}

const rejectedText = ({ rejected, rejections }: TaskRecord): string =>
  rejected === 0 ? "" : `${rejected} rejected${rejections[0] ? `: ${rejections[0].reason}` : ""}`;

function chunkText(chunk: TaskRecord["chunk"]): string {
  if (!chunk) return "-";
  if (chunk.numbers !== null) return chunk.numbers;
  const first = chunk.sources[0]?.key.split("/").at(-1) ?? "";
  if (chunk.objects !== null) return `${chunk.objects} objects from ${first}`;
  if (chunk.from !== null && chunk.to !== null) return `${first} ${chunk.from}–${chunk.to}`;
  return chunk.replica === null ? first || "-" : `replica ${chunk.replica}`;
}
