import { CommanderError } from "commander";
import { EXIT } from "./cli-error.ts";
import { confirm } from "./confirm.ts";
import { type Cli, processContext } from "./context.ts";
import { InterruptedError } from "./interrupts.ts";
import { makeProgram } from "./program.ts";
import { readSecret } from "./read-secret.ts";
import { report } from "./report.ts";

/** The command as the shell calls it. */
export async function main(args: readonly string[] = process.argv.slice(2)): Promise<void> {
  const cli = processContext({ readSecret, confirm });
  cli.interrupts.listen();
  // `jobjob list | head`: a reader that has enough is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.COMPLETE);
    throw error;
  });
  const code = await runCli(cli, args);
  if (code !== undefined) process.exitCode = code;
  // An upload that Ctrl-C left behind would hold the process.
  if (code === EXIT.INTERRUPTED) process.exit(code);
}

/** @returns the exit code, or undefined when the command has set its own or succeeded */
export async function runCli(cli: Cli, args: readonly string[]): Promise<number | undefined> {
  const program = makeProgram(cli);
  try {
    await program.parseAsync(args, { from: "user" });
    return undefined;
  } catch (error) {
    if (error instanceof InterruptedError) return EXIT.INTERRUPTED;
    // Help and version end this way, too; what was wrong has been written already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.COMPLETE : EXIT.ERROR;
    await report(cli, error, args.includes("--debug"));
    return EXIT.ERROR;
  }
}
