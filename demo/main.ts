/** npm run demo [-- --keep]: four real jobs on the deployed stack, each checked against a plain computation. */
import { mkdir, open, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { startJob } from "../cli/commands/run.ts";
import { confirm } from "../cli/confirm.ts";
import { type Cli, processContext } from "../cli/context.ts";
import { describeDraft } from "../cli/draft.ts";
import { fetchResults } from "../cli/fetch-results.ts";
import { humanBytes, humanDuration } from "../cli/human.ts";
import { emulatorLogin, saveLogin } from "../cli/login.ts";
import { readOutput } from "../cli/places.ts";
import { readSecret } from "../cli/read-secret.ts";
import { sayEnd, watchJob } from "../cli/watch.ts";
import { JobJobClient } from "../client/index.ts";
import { JobJobError } from "../core/errors.ts";
import { ROOT, STATE_DIRECTORY } from "../scripts/lib/paths.ts";
import { runMain, ToolingError } from "../scripts/lib/tooling-error.ts";
import { checkJob } from "./check.ts";
import { type DemoJob, demoJobs } from "./jobs.ts";
import { writeQuotedCsv } from "./quoted-csv.ts";
import { type DemoStack, demoStack } from "./stack.ts";

const OUTPUT = join(ROOT, "demo-output");
const QUOTED_CSV = join(STATE_DIRECTORY, "demo", "quoted-input.csv");
const ROWS_SHOWN = 4;

await runMain(async () => {
  const args = process.argv.slice(2);
  const keep = args.includes("--keep");
  const unknown = args.find((arg) => arg !== "--keep");
  if (unknown !== undefined) throw new ToolingError(`demo: ${unknown} is no option of it; there is --keep.`);
  const stack = await demoStack(keep, console.log);
  try {
    return await runDemo(stack, keep);
  } catch (error) {
    if (error instanceof JobJobError) throw new ToolingError(`demo: ${error.message}`);
    throw error;
  } finally {
    await stack.stop();
  }
});

async function runDemo(stack: DemoStack, keep: boolean): Promise<number> {
  const cli = processContext({ readSecret, confirm });
  const client = new JobJobClient(stack.login);
  await mkdir(join(STATE_DIRECTORY, "demo"), { recursive: true });
  await mkdir(OUTPUT, { recursive: true });
  await writeQuotedCsv(QUOTED_CSV);
  const jobs = demoJobs(QUOTED_CSV);
  const problems: string[] = [];
  for (const job of jobs) problems.push(...(await runOne(cli, client, job)));
  await rm(QUOTED_CSV);
  if (keep || stack.isShared) await sayHowToReach(cli, stack);
  for (const problem of problems) console.error(`demo: ${problem}`);
  if (problems.length > 0) return 1;
  console.log(`\ndemo: ${jobs.length} jobs COMPLETE, outputs match`);
  return 0;
}

/** @returns what is wrong with it */
async function runOne(cli: Cli, client: JobJobClient, demo: DemoJob): Promise<readonly string[]> {
  const { terminal } = cli;
  const output = join(OUTPUT, demo.output);
  terminal.out(`\n${terminal.paint("bold", demo.title)}`);
  terminal.out(terminal.paint("dim", commandOf(demo)));
  await rm(output, { force: true });
  const place = await readOutput(output, cli.cwd, true);
  if (place.kind !== "local") throw new Error("a path below demo-output is local");
  const id = await startJob(cli, client, await describeDraft(cli, demo.input, demo.options, place));
  const watched = await watchJob(cli, client, id, { timeout: 600 });
  sayEnd(cli, watched, false);
  if (watched.job.state !== "JOB_STATE_COMPLETE") {
    return [
      `${demo.output}: the job ${id} is ${watched.job.state}: ${watched.job.errorMessage ?? "it took over 10 minutes"}`,
    ];
  }
  await fetchResults(cli, client.results(id), place, true);
  const [difference, checked] = [await demo.difference(output), await checkJob(client, watched.job, demo)];
  await showRows(cli, output);
  terminal.out(
    `${difference === null ? "matches the plain computation" : "DIFFERS"}; ${checked.tasks} tasks on ${checked.workers} workers, ${humanDuration(watched.job.duration ?? 0)}`,
  );
  return [...(difference === null ? [] : [difference]), ...checked.problems].map((what) => `${demo.output}: ${what}`);
}

/** As it would be typed. */
function commandOf({ input, options, output }: DemoJob): string {
  const params = (options.param ?? []).map((param) => ` -p '${param}'`).join("");
  const chunks = options.chunks === undefined ? "" : ` --chunks ${options.chunks}`;
  return `$ jobjob run ${basename(input)} -t ${options.template}${params}${chunks} --out demo-output/${output}`;
}

async function showRows({ terminal }: Cli, path: string): Promise<void> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4_096), 0, 4_096, 0);
    const lines = buffer.subarray(0, bytesRead).toString("utf8").split("\n").slice(0, ROWS_SHOWN);
    terminal.out(`demo-output/${basename(path)}, ${humanBytes(size)}:`);
    for (const line of lines) terminal.out(`  ${line.slice(0, 110)}`);
  } finally {
    await file.close();
  }
}

async function sayHowToReach(cli: Cli, { login, isShared }: DemoStack): Promise<void> {
  console.log(`\nJobJob stays up at ${login.url}`);
  if (!isShared) return;
  await saveLogin(emulatorLogin(cli), login);
  console.log("Try: npx jobjob list · npx jobjob inspect ID · npx jobjob template list; `npx jobjob down` stops it.");
}
