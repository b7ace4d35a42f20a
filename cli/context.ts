/** What a command works with; tests give twins. */
import { setTimeout as pause } from "node:timers/promises";
import { JobJobClient } from "../client/index.ts";
import { STATE_DIRECTORY } from "../scripts/lib/paths.ts";
import { Interrupts } from "./interrupts.ts";
import { type FoundLogin, findLogin, type LoginPlaces } from "./login.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

export interface Cli extends LoginPlaces {
  readonly terminal: Terminal;
  readonly cwd: string;
  readonly interrupts: Interrupts;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Ends early, without an error, when the signal fires. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** The one line on stdin, for a key that shouldn't stand in the shell's history. */
  readonly readSecret: (prompt: string) => Promise<string>;
  /** Asks for a yes; undefined when nobody is there to be asked. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
  /** Set by `connect`, for error messages. */
  login?: FoundLogin;
}

export async function connect(cli: Cli): Promise<JobJobClient> {
  cli.login = await findLogin(cli);
  return new JobJobClient(cli.login);
}

export function processContext(asking: Pick<Cli, "readSecret" | "confirm">): Cli {
  return {
    terminal: processTerminal(),
    env: process.env,
    cwd: process.env.INIT_CWD && process.env.npm_lifecycle_event === "jobjob" ? process.env.INIT_CWD : process.cwd(),
    stateDirectory: STATE_DIRECTORY,
    interrupts: new Interrupts(),
    now: Date.now,
    sleep: async (ms, signal) => {
      await pause(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
        if (!signal?.aborted) throw error;
      });
    },
    ...asking,
  };
}
