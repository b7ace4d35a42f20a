/** A NEW job with its input: what `run`, `partition` and `estimate` begin with. */
import { type JobJobClient, type NewJob, uploadFiles } from "../client/index.ts";
import type { JobRecord } from "../core/contracts/api/records.ts";
import { parseAssignments, parseTags } from "./assignments.ts";
import { CliError } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { humanBytes } from "./human.ts";
import { InterruptedError, orInterrupted } from "./interrupts.ts";
import { type Input, type Output, readInput } from "./places.ts";

/** As commander gives them. */
export interface DraftOptions {
  readonly template?: string;
  readonly param?: readonly string[];
  readonly config?: readonly string[];
  readonly chunks?: number;
  readonly name?: string;
  readonly tag?: readonly string[];
  readonly startAt?: string;
  readonly overwrite?: boolean;
}

/** What to create, from the options alone; nothing is sent. @throws CliError */
export async function describeDraft(cli: Cli, given: string | undefined, options: DraftOptions, output: Output) {
  const input = await readInput(given, cli.cwd);
  const params = await paramsOf(options);
  if (options.chunks !== undefined) params.partitioner = { ...(params.partitioner ?? {}), chunks: options.chunks };
  const config = parseAssignments("--config", options.config ?? []);
  if (options.overwrite && output.kind === "s3") config.overwrite = true;
  return { input, output, params, config, options };
}

// Loaded when needed: all blocks with their params take longer than most commands.
async function paramsOf({ param = [], template }: DraftOptions) {
  return param.length === 0 ? {} : (await import("./params.ts")).readParams(param, template);
}

export type Draft = Awaited<ReturnType<typeof describeDraft>>;

/**
 * Creates the job, uploads its input, and lets `work` go on from there. What goes wrong, or Ctrl-C, before `work` has
 * ended removes the job again; so does `temporary`.
 */
export async function withDraft<T>(
  cli: Cli,
  client: JobJobClient,
  draft: Draft,
  work: (job: JobRecord) => Promise<T>,
  temporary = false,
): Promise<T> {
  const template = draft.options.template ?? (await askForTemplate(client));
  const { job } = await client.create(newJob(template, draft));
  let keep = false;
  try {
    const answer = await cli.interrupts.during((signal) =>
      orInterrupted(
        upload(cli, client, job, draft.input, signal).then(() => work(job)),
        signal,
      ),
    );
    keep = !temporary;
    return answer;
  } catch (error) {
    if (error instanceof InterruptedError)
      cli.terminal.err("Interrupted before the job was started; nothing is left of it.");
    throw error;
  } finally {
    cli.terminal.live("");
    if (!keep) await removeDraft(cli, client, job.id);
  }
}

async function removeDraft(cli: Cli, client: JobJobClient, id: string): Promise<void> {
  try {
    await client.delete(id);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    cli.terminal.err(`The job ${id} could not be removed again (${why}); \`jobjob delete ${id}\` does it.`);
  }
}

async function askForTemplate(client: JobJobClient): Promise<never> {
  const known: string[] = [];
  for await (const { id } of client.templates()) known.push(id);
  throw new CliError("USAGE", `Name a template with --template; there are ${known.join(", ")}.`);
}

function newJob(templateId: string, { input, output, params, config, options }: Draft): NewJob {
  const dataSource =
    input.kind === "none"
      ? { dataSourceDescriptor: "bypass" }
      : input.kind === "s3"
        ? input.place
        : { dataSourceDescriptor: "file", params: { name: input.files[0]?.name ?? "input" } };
  return {
    templateId,
    dataSource,
    dataDestination: output.kind === "s3" ? output.place : { dataSourceDescriptor: "bucket" },
    params,
    config,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.startAt === undefined ? {} : { startAt: options.startAt }),
    ...(options.tag === undefined ? {} : { tags: parseTags(options.tag) }),
  };
}

async function upload(
  { terminal }: Cli,
  client: JobJobClient,
  job: JobRecord,
  input: Input,
  signal: AbortSignal,
): Promise<void> {
  if (input.kind !== "file" && input.kind !== "folder") return;
  const { files, bytes } = input;
  const what = `${files.length === 1 ? files[0]?.name : `${files.length} files`}, ${humanBytes(bytes)}`;
  if (!terminal.isLive) terminal.err(`uploading ${what}`);
  await uploadFiles(client, job, files, {
    onBytes: (sent) => {
      if (terminal.isLive && !signal.aborted)
        terminal.live(`uploading ${what}: ${Math.floor((100 * sent) / Math.max(1, bytes))} %`);
    },
  });
}
