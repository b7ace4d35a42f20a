/** The command line in a test: a terminal that collects, folders of its own, no process. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cli } from "../../cli/context.ts";
import { Interrupts } from "../../cli/interrupts.ts";
import { runCli } from "../../cli/main.ts";
import { plainPaint } from "../../cli/terminal.ts";

export interface CliWorld extends AsyncDisposable {
  readonly cli: Cli;
  readonly folder: string;
  readonly out: string[];
  readonly err: string[];
  readonly live: string[];
  /** Questions. */
  readonly asked: string[];
  /** @returns the exit code */
  readonly run: (...args: string[]) => Promise<number>;
  readonly json: () => unknown;
}

export async function cliWorld(
  options: {
    readonly env?: NodeJS.ProcessEnv;
    readonly isLive?: boolean;
    readonly key?: string;
    /** To every question; undefined: nobody is there. */
    readonly answer?: boolean;
  } = {},
): Promise<CliWorld> {
  const folder = await mkdtemp(join(tmpdir(), "jobjob-cli-"));
  const [out, err, live, asked]: [string[], string[], string[], string[]] = [[], [], [], []];
  const cli: Cli = {
    terminal: {
      out: (line) => out.push(line),
      err: (line) => err.push(line),
      live: (line) => live.push(line),
      isLive: options.isLive ?? false,
      columns: 60,
      paint: plainPaint,
    },
    env: { HOME: folder, ...options.env },
    cwd: folder,
    stateDirectory: join(folder, "state"),
    interrupts: new Interrupts(),
    now: Date.now,
    sleep: async () => {},
    readSecret: async () => options.key ?? "",
    confirm: async (question) => {
      asked.push(question);
      return options.answer;
    },
  };
  return {
    cli,
    folder,
    out,
    err,
    live,
    asked,
    run: async (...args) => {
      process.exitCode = 0;
      const code = await runCli(cli, args);
      const own = Number(process.exitCode ?? 0);
      process.exitCode = 0; // else vitest would end with it
      return code ?? own;
    },
    json: () => JSON.parse(out.join("\n")),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
