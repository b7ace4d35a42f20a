/** An error as a clear line with its remedy. */
import { ApiFailure, JobJobClient, NotAnApiError, UnreachableError } from "../client/index.ts";
import { JobJobError } from "../core/errors.ts";
import type { Cli } from "./context.ts";

/** Writes to stderr; the stack only with `debug`. */
export async function report(cli: Cli, error: unknown, debug: boolean): Promise<void> {
  const { err, paint } = cli.terminal;
  err(`${paint("red", "jobjob:")} ${await lineOf(cli, error)}`);
  if (debug) err(error instanceof Error ? (error.stack ?? "") : String(error));
  else if (!isExpected(error)) err("This is a defect of jobjob; --debug shows where.");
}

const isExpected = (error: unknown): boolean =>
  error instanceof JobJobError || (error instanceof Error && error.name === "ToolingError");

async function lineOf(cli: Cli, error: unknown): Promise<string> {
  if (error instanceof UnreachableError || error instanceof NotAnApiError) return `${error.message} ${remedyOf(cli)}`;
  if (!(error instanceof ApiFailure)) return error instanceof Error ? error.message : String(error);
  if (error.status === 401) {
    const { url, from } = cli.login ?? { url: "the deployment", from: "" };
    const where = from === "" || from === "login" ? "" : ` (it is from ${from})`;
    return `${url} refuses the API key${where}. Log in with a right one: \`jobjob login --url ${url} --key KEY\`.`;
  }
  // The API's own remedy is a call; here it is a command.
  if (error.code === "TEMPLATE_NOT_FOUND") return `${firstPart(error)}. ${await knownTemplates(cli)}`;
  if (error.code === "JOB_NOT_FOUND") return `${firstPart(error)}; \`jobjob list\` shows yours.`;
  return error.status >= 500 && error.requestId ? `${error.message} (request ${error.requestId})` : error.message;
}

const firstPart = ({ message }: Error): string =>
  message.replace(/[;.]? (?:GET|POST) \/v1\/.*$/s, "").replace(/[;.]$/, "");

function remedyOf({ login }: Cli): string {
  if (login?.isEmulator) return "The embedded emulator isn't running any more: `jobjob up` starts and deploys it anew.";
  if (login?.from === "JOBJOB_URL") return "Check JOBJOB_URL.";
  return "Check it with `jobjob login --url URL`, or `jobjob up` for a deployment on this machine.";
}

async function knownTemplates({ login }: Cli): Promise<string> {
  if (!login) return "";
  const known: string[] = [];
  try {
    for await (const { id } of new JobJobClient(login).templates()) known.push(id);
  } catch {
    return "`jobjob template list` shows them."; // the first error is the one to tell
  }
  return `Known: ${known.join(", ")}.`;
}
