/** pause, resume, stop, requeue, delete: each for one job or many. */
import { type Command, InvalidArgumentError } from "commander";
import { ApiFailure, type RequeueChoice } from "../../client/index.ts";
import { actOn, type Verb } from "../act.ts";
import { CliError } from "../cli-error.ts";
import { type Cli, connect } from "../context.ts";
import { readSelection, type SelectionOptions, selectionOptions } from "../job-selection.ts";
import { globalsOf, printJson } from "../output.ts";
import { exitCodeOf, sayEnd, watchJob } from "../watch.ts";

interface ControlOptions extends SelectionOptions {
  readonly watch?: boolean;
}

const EXIT_CODES = "Exit codes: 0 done, 4 a job that was named was skipped, or the command itself failed";

export function pauseCommand(program: Command, cli: Cli): void {
  const verb: Verb = { action: "pause", name: "pause", done: "pausing" };
  selectionOptions(program.command("pause [jobs...]"))
    .description("let the tasks in hand end and start no new one; nothing runs then until `resume`")
    .option("-w, --watch", "wait until the job is PAUSED")
    .addHelpText("after", `\n${EXIT_CODES}; with --watch 1 FAILED, 2 CANCELED when the job ended before it was PAUSED.`)
    .action(async (jobs: readonly string[], options: ControlOptions, command: Command) => {
      const done = await control(cli, verb, jobs, options, {}, command, "PAUSED");
      if (done.length === 1 && !options.watch) {
        cli.terminal.err(`The tasks in hand end first. \`jobjob resume ${done[0]}\` goes on with the others.`);
      }
    });
}

export function resumeCommand(program: Command, cli: Cli): void {
  const verb: Verb = { action: "resume", name: "resume", done: "resumed" };
  selectionOptions(program.command("resume [jobs...]"))
    .description("go on with what is left of a PAUSED job")
    .option("-w, --watch", "follow the job to its end")
    .addHelpText("after", `\n${EXIT_CODES}; with --watch those of \`wait\`.`)
    .action(async (jobs: readonly string[], options: ControlOptions, command: Command) => {
      const done = await control(cli, verb, jobs, options, {}, command);
      if (done.length === 1 && !options.watch) cli.terminal.err(`\`jobjob wait ${done[0]}\` follows it.`);
    });
}

export function stopCommand(program: Command, cli: Cli): void {
  const verb: Verb = { action: "abort", name: "stop", done: "stopped" };
  selectionOptions(program.command("stop [jobs...]"))
    .alias("abort")
    .description("end jobs: nothing of them appears any more; a NEW one is deleted")
    .option("-w, --watch", "wait until the job is CANCELED")
    .addHelpText("after", `\nWhat has ended keeps its results: \`jobjob requeue\` runs the rest.\n\n${EXIT_CODES}.`)
    .action(async (jobs: readonly string[], options: ControlOptions, command: Command) => {
      const done = await control(cli, verb, jobs, options, {}, command, "CANCELED");
      if (done.length === 1 && !options.watch) await sayCanceling(cli, done[0] ?? "");
    });
}

/** A delivery that was under way needs a minute; most jobs are CANCELED by now, and a NEW one is gone. */
async function sayCanceling(cli: Cli, id: string): Promise<void> {
  const client = await connect(cli);
  try {
    const { job } = await client.get(id);
    if (job.state !== "JOB_STATE_CANCELING") return;
    cli.terminal.err(
      `It is CANCELING: its delivery was under way. \`jobjob wait ${id}\` tells when nothing of it can appear any more.`,
    );
  } catch (error) {
    if (!(error instanceof ApiFailure && error.status === 404)) throw error;
  }
}

interface RequeueOptions extends ControlOptions {
  readonly unfinished?: boolean;
  readonly failed?: boolean;
  readonly partial?: boolean;
  readonly all?: boolean;
  readonly tasks?: string;
  readonly repartition?: boolean;
}

export function requeueCommand(program: Command, cli: Cli): void {
  const verb: Verb = { action: "requeue", name: "requeue", done: "requeued" };
  selectionOptions(program.command("requeue [jobs...]"))
    .description("run a job that has ended again: by default just what is missing")
    .option("--unfinished", "the tasks that aren't completed; the others keep their results")
    .option("--failed", "the failed tasks, and what has not ended")
    .option("--partial", "the tasks that rejected items, and what has not ended")
    .option("--all", "all tasks")
    .option("--tasks <numbers>", "these tasks, as 3,7-9, and what has not ended", taskNumbers)
    .option("--repartition", "cut the input anew, as after it was changed; all tasks run")
    .option("-w, --watch", "follow the job to its end")
    .addHelpText(
      "after",
      `
By default: of a job that failed or was stopped, the tasks that aren't completed; if all are, only the steps behind them
(merge, delivery); of a COMPLETE job, what its tolerance left out, else all tasks.

Examples:
  jobjob requeue 01M80QEN3FDHP1HYWA657CHK4X --watch
  jobjob requeue --state FAILED --name nightly --dry-run

${EXIT_CODES}; with --watch those of \`wait\`.`,
    )
    .action(async (jobs: readonly string[], options: RequeueOptions, command: Command) => {
      const done = await control(cli, verb, jobs, options, choiceOf(options), command);
      if (done.length === 1 && !options.watch) cli.terminal.err(`\`jobjob wait ${done[0]}\` follows it.`);
    });
}

function taskNumbers(text: string): string {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) throw new InvalidArgumentError("Write them as 3,7-9.");
  return text;
}

/** @throws CliError when more than one selection is given */
function choiceOf({ unfinished, failed, partial, all, tasks, repartition }: RequeueOptions): RequeueChoice {
  const given = [unfinished && "unfinished", failed && "failed", partial && "partial", all && "all", tasks].flatMap(
    (one) => one || [],
  );
  if (given.length > 1 || (given.length > 0 && repartition)) {
    throw new CliError("USAGE", "Choose one of --unfinished, --failed, --partial, --all, --tasks and --repartition.");
  }
  const [chosen] = given;
  return { ...(chosen === undefined ? {} : { tasks: chosen }), ...(repartition ? { repartition } : {}) };
}

export function deleteCommand(program: Command, cli: Cli): void {
  const verb: Verb = { action: "delete", name: "delete", done: "deleted" };
  selectionOptions(program.command("delete [jobs...]"))
    .alias("rm")
    .description("delete jobs that have ended, with their temporary results")
    .addHelpText("after", `\n${EXIT_CODES}.`)
    .action(async (jobs: readonly string[], options: ControlOptions, command: Command) => {
      await control(cli, verb, jobs, options, {}, command);
    });
}

/** @param until the state that --watch waits for; undefined: the job's end */
async function control(
  cli: Cli,
  verb: Verb,
  jobs: readonly string[],
  options: ControlOptions,
  choice: RequeueChoice,
  command: Command,
  until?: string,
): Promise<readonly string[]> {
  const selection = readSelection(verb.name, jobs, options);
  if (options.watch && (options.dryRun || !("ids" in selection) || selection.ids.length !== 1)) {
    throw new CliError("USAGE", "--watch follows one job; name just that one, by its id.");
  }
  const client = await connect(cli);
  const [id = ""] = "ids" in selection && selection.ids.length === 1 ? selection.ids : [];
  if (!options.watch || id === "") return actOn(cli, client, verb, selection, { ...options, choice }, command);
  const { json = false } = globalsOf(command);
  const quiet = { ...cli, terminal: { ...cli.terminal, out: cli.terminal.err } };
  await actOn(json ? quiet : cli, client, verb, selection, { ...options, choice }, command);
  if (process.exitCode) return [];
  const watched = await watchJob(cli, client, id, { until, quiet: json });
  sayEnd(cli, watched, json);
  if (json) printJson(cli.terminal, watched.job);
  process.exitCode = exitCodeOf(watched);
  return [id];
}
