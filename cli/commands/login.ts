import type { Command } from "commander";
import { JobJobClient } from "../../client/index.ts";
import { CliError } from "../cli-error.ts";
import type { Cli } from "../context.ts";
import { emulatorLogin, forgetLogin, saveLogin, userLogin } from "../login.ts";
import { globalsOf, printJson } from "../output.ts";

export function loginCommand(program: Command, cli: Cli): void {
  program
    .command("login")
    .description("remember a deployment and its API key, for all later commands")
    .option("--url <url>", "the deployment's URL, as `jobjob up` prints it (default: JOBJOB_URL)")
    .option("--key <key>", "the API key (default: JOBJOB_API_KEY, else it is asked for)")
    .action(async (options: { readonly url?: string; readonly key?: string }, command: Command) => {
      const url = options.url ?? cli.env.JOBJOB_URL;
      if (!url) throw new CliError("USAGE", "Name the deployment: `jobjob login --url URL`.");
      if (!URL.canParse(url)) throw new CliError("USAGE", `${url} is no URL; write it as https://…`);
      const apiKey = (options.key ?? cli.env.JOBJOB_API_KEY ?? (await cli.readSecret("API key: "))).trim();
      if (apiKey === "")
        throw new CliError("USAGE", "No API key was given: use --key, JOBJOB_API_KEY or standard input.");
      cli.login = { url, apiKey, from: "login", isEmulator: false };
      const user = await new JobJobClient({ url, apiKey }).user();
      const path = userLogin(cli);
      await saveLogin(path, { url, apiKey });
      // The last of `up` and `login` counts.
      await forgetLogin(emulatorLogin(cli));
      if (globalsOf(command).json) printJson(cli.terminal, { url, user: user.id, file: path });
      else cli.terminal.out(`Logged in at ${url} as ${user.id}; kept in ${path}.`);
    });
}
