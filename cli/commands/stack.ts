/** `up` and `down`: a deployment on this machine, or in an account. */
import type { Command } from "commander";
import { JobJobClient } from "../../client/index.ts";
import { CliError } from "../cli-error.ts";
import type { Cli } from "../context.ts";
import { emulatorLogin, forgetLogin, saveLogin } from "../login.ts";
import { globalsOf, printJson } from "../output.ts";

// Loaded when needed: the CDK tooling and the AWS SDK take longer than most commands.
const tooling = async () => ({
  ...(await import("../../scripts/emulator/emulator.ts")),
  ...(await import("../../scripts/deploy/deploy-stack.ts")),
});

export function upCommand(program: Command, cli: Cli): void {
  program
    .command("up")
    .description(
      "deploy: to AWS_ENDPOINT_URL, else to the embedded emulator, which is started; with --aws to your account",
    )
    .option("--aws", "deploy to AWS with the credentials and region of your environment")
    .action(async (options: { readonly aws?: boolean }, command: Command) => {
      const say = (line: string) => cli.terminal.err(line);
      const { ensureEmulator, deployStack } = await tooling();
      const endpoint = options.aws ? undefined : cli.env.AWS_ENDPOINT_URL || (await ensureEmulator({ say })).endpoint;
      const outputs = await deployStack({ endpoint, say });
      if (endpoint === undefined) return sayAws(cli, outputs.ApiUrl, outputs.AdminKeySecretArn, command);
      const { readAdminKey } = await import("../admin-key.ts");
      const login = { url: outputs.ApiUrl, apiKey: await readAdminKey(endpoint, outputs.AdminKeySecretArn) };
      const user = await new JobJobClient(login).user();
      await saveLogin(emulatorLogin(cli), login);
      if (globalsOf(command).json) return printJson(cli.terminal, { ...outputs, endpoint });
      cli.terminal.out(`JobJob is up at ${login.url}`);
      cli.terminal.out(`Logged in as ${user.id}. Try: jobjob template list`);
    });
}

function sayAws({ terminal }: Cli, url: string, secret: string, command: Command): void {
  if (globalsOf(command).json) {
    printJson(terminal, { ApiUrl: url, AdminKeySecretArn: secret });
    return;
  }
  terminal.out(`JobJob is up at ${url}`);
  terminal.out("The first API key (owner admin) is a secret of the deployment. Log in with:");
  terminal.out(
    `  aws secretsmanager get-secret-value --secret-id ${secret} --query SecretString --output text | jobjob login --url ${url}`,
  );
}

export function downCommand(program: Command, cli: Cli): void {
  program
    .command("down")
    .description("stop the embedded emulator and all it holds")
    .action(async (_options: unknown, command: Command) => {
      if (cli.env.AWS_ENDPOINT_URL) {
        throw new CliError(
          "NOT_OURS",
          `AWS_ENDPOINT_URL is set: the emulator at ${cli.env.AWS_ENDPOINT_URL} was not started by jobjob, so stop it yourself; a stack in AWS goes with \`npx cdk destroy\`.`,
        );
      }
      const { stopEmulator } = await tooling();
      const stopped = await stopEmulator();
      await forgetLogin(emulatorLogin(cli));
      if (globalsOf(command).json) return printJson(cli.terminal, { stopped });
      cli.terminal.out(stopped ? "The embedded emulator is stopped." : "No embedded emulator was running.");
    });
}
