/**
 * npm run chaos [-- --jobs 50 --seed N --at-once 6 --verbose]: jobs of every kind on the deployed stack (AWS_ENDPOINT_URL's,
 * else an embedded emulator of its own) under random pauses, resumes, aborts, requeues, executions stopped from outside and
 * killed workers. docs/guide/chaos.md says how to read what it prints.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { ApiFailure, UnreachableError } from "../../client/index.ts";
import { onInterrupt } from "../lib/run.ts";
import { runMain, ToolingError } from "../lib/tooling-error.ts";
import { runChaos } from "./chaos.ts";
import { Random } from "./random.ts";
import { report } from "./report.ts";
import { type ChaosStack, chaosStack } from "./stack.ts";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "50" },
    seed: { type: "string" },
    "at-once": { type: "string", default: "6" },
    verbose: { type: "boolean", default: false },
  },
});

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new ToolingError(`--${name} must be a whole number from 1; it is ${JSON.stringify(text)}`);
}

/** Ends what this run began on a stack that goes on without it: its jobs, and nothing else. */
async function clearAway({ client }: ChaosStack, jobs: readonly string[]): Promise<void> {
  const tryTo = async (method: string, id: string, rest = ""): Promise<void> => {
    try {
      await client.transport.call(method, `/v1/customer/jobs/${id}${rest}`);
    } catch (error) {
      // It has ended, or ends in its own time; or the emulator was ours, and is gone with all that is in it.
      if (!(error instanceof ApiFailure || error instanceof UnreachableError)) throw error;
    }
  };
  for (const id of jobs) await tryTo("POST", id, "/abort");
  for (const id of jobs) await tryTo("DELETE", id);
}

await runMain(async () => {
  const jobs = wholeNumber("jobs", values.jobs);
  const atOnce = wholeNumber("at-once", values["at-once"]);
  const seed = wholeNumber("seed", values.seed ?? String(randomInt(1, 2 ** 32)));
  const endpoint = process.env.AWS_ENDPOINT_URL;
  if (!endpoint) throw new ToolingError("AWS_ENDPOINT_URL is unset: use `npm run chaos`, which starts an emulator.");
  console.log(`chaos: seed ${seed}, ${jobs} jobs, ${atOnce} at once`);
  const created: string[] = [];
  const stack = await chaosStack(endpoint, console.log);
  let isInterrupted = false;
  onInterrupt(() => {
    isInterrupted = true;
    return clearAway(stack, created);
  });
  const note = values.verbose ? (line: string) => console.log(`  ${line}`) : () => {};
  const random = new Random(seed);
  const result = await runChaos({ stack, jobs, atOnce, random, created, say: console.log, note }).catch(
    (error: unknown) => {
      if (!isInterrupted) throw error;
      return new Promise<never>(() => {}); // what was interrupted may fail; the clean-up ends the process
    },
  );
  const { lines, problems } = report(result, jobs);
  for (const line of lines) console.log(line);
  for (const problem of problems) console.log(`problem: ${problem}`);
  const ending = problems.length === 0 ? "passed" : `FAILED with ${problems.length} problems`;
  console.log(`chaos: ${ending}; again with npm run chaos -- --jobs ${jobs} --seed ${seed}`);
  return problems.length === 0 ? 0 : 1;
});
