/** What a job's apps printed, and what its engines did: so far, or with `--follow` as it comes. */
import { type Command, InvalidArgumentError } from "commander";
import { ApiFailure, type LogLine, LogReader, TransferError, UnreachableError } from "../../client/index.ts";
import { LOG_LEVELS } from "../../core/contracts/api/logs.ts";
import { type Cli, connect } from "../context.ts";
import { bareState } from "../human.ts";
import { InterruptedError, orInterrupted } from "../interrupts.ts";
import { seconds, wholeNumber } from "../options.ts";
import { globalsOf } from "../output.ts";
import type { Colour } from "../terminal.ts";

interface LogsOptions {
  readonly task?: number;
  readonly level?: string;
  readonly since?: number;
  readonly follow?: boolean;
}

const TERMINAL = new Set(["COMPLETE", "FAILED", "CANCELED", "UNRUNNABLE"]);
/** A worker writes its log every 10 s while it runs; a pass over a big job takes longer, and then waits longer. */
const EVERY_MS = 2_000;
const LOST_MS = 5_000;

export function logsCommand(program: Command, cli: Cli): void {
  program
    .command("logs <job>")
    .description("what its tasks printed and how they failed, by time; a running task's come about every 10 s")
    .option("--task <n>", "of this task alone, from 0", wholeNumber(0))
    .option("--level <level>", "this level and worse: debug, info, warn or error", level)
    .option("--since <time>", "only what is younger than 90, 90s, 5m or 2h", seconds)
    .option("-f, --follow", "go on with what comes, until the job ends")
    .addHelpText("after", "\nWith --json a line for each: {at, service, task, attempt, claim, level, container, text}.")
    .action(async (id: string, options: LogsOptions, command: Command) => {
      const json = globalsOf(command).json === true;
      const { out, err } = cli.terminal;
      const client = await connect(cli);
      const reader = new LogReader(client, id, { task: options.task, keep: keeper(cli, options) });
      let printed = 0;
      const pass = async (signal: AbortSignal): Promise<void> => {
        for await (const lines of reader.read()) {
          for (const line of lines) out(json ? JSON.stringify(line) : shown(cli, line));
          printed += lines.length;
          signal.throwIfAborted();
        }
      };
      if (options.follow) return follow(cli, async () => bareState((await client.get(id)).job.state), pass);
      await cli.interrupts.during((signal) => orInterrupted(pass(signal), signal));
      if (printed === 0) {
        const all = options.task === undefined && options.level === undefined && options.since === undefined;
        err(all ? "Nothing was printed yet." : "Nothing like that was printed; without options all of it is shown.");
      }
    });
}

/**
 * The state is asked before the logs are read: what a job printed before its end is read after it. A first call that fails
 * ends it; a connection that is lost later is waited for.
 */
async function follow(
  cli: Cli,
  stateOf: () => Promise<string>,
  pass: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { err } = cli.terminal;
  let connection: "begins" | "stands" | "lost" = "begins";
  await cli.interrupts.during(async (signal) => {
    while (!signal.aborted) {
      try {
        const state = await orInterrupted(stateOf(), signal);
        const began = cli.now();
        await orInterrupted(pass(signal), signal);
        if (connection === "lost") err("The connection is back.");
        connection = "stands";
        if (TERMINAL.has(state)) return err(`The job is ${state}.`);
        await cli.sleep(Math.max(EVERY_MS, 2 * (cli.now() - began)), signal);
      } catch (error) {
        if (error instanceof InterruptedError) break;
        if (connection === "begins" || !passes(error)) throw error;
        if (connection === "stands") err("The connection is lost; nothing is missed, it is tried again.");
        connection = "lost";
        await cli.sleep(LOST_MS, signal);
      }
    }
    throw new InterruptedError("interrupted");
  });
}

const passes = (error: unknown): boolean =>
  error instanceof UnreachableError ||
  ((error instanceof ApiFailure || error instanceof TransferError) && error.retryable);

function level(text: string): string {
  const found = LOG_LEVELS.find((name) => name === text.toUpperCase());
  if (!found) throw new InvalidArgumentError("It must be debug, info, warn or error.");
  return found;
}

const rankOf = (name: string): number => (LOG_LEVELS as readonly string[]).indexOf(name);

function keeper(cli: Cli, { level: least, since }: LogsOptions): (line: LogLine) => boolean {
  const from = since === undefined ? "" : new Date(cli.now() - since * 1_000).toISOString();
  const rank = least === undefined ? -1 : rankOf(least);
  return (line) => rankOf(line.level) >= rank && line.at >= from;
}

const COLOURS: Readonly<Record<string, Colour>> = { ERROR: "red", WARN: "yellow", DEBUG: "dim", TRACE: "dim" };
/** "partitioner" fits. */
const WHO = 11;

function shown({ terminal: { paint } }: Cli, { at, service, task, attempt, level: name, container, text }: LogLine) {
  const again = attempt !== null && attempt > 1 ? `/${attempt}` : "";
  const who = (task === null ? service : `#${task}${again}`).padEnd(WHO);
  const colour = COLOURS[name];
  const word = name.padEnd(5);
  const head = `${paint("dim", at)}  ${who}  ${colour ? paint(colour, word) : word}  `;
  const indent = " ".repeat(at.length + WHO + word.length + 6);
  const body = plain(text).split("\n").join(`\n${indent}`);
  return head + (container === "runtime" && name === "INFO" ? paint("dim", body) : body);
}

/** An app may print anything, also what would steer the terminal. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
  const withoutColours = text.replace(/\u001b\[[0-?]*[ -/]*[@-~]/g, "");
  return withoutColours.replace(/(?![\n\t])[\p{Cc}\p{Cf}]/gu, "");
}
