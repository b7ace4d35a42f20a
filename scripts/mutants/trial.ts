/**
 * Runs the (mutated) simulation it is bundled with: schedules without faults and control actions, which must pass, then others
 * until the invariant's own check fails. Its answer is one line of JSON on stdout.
 */
import { readFile } from "node:fs/promises";
import { cloudOf } from "../../test/simulation/cloud.ts";
import { runSchedule } from "../../test/simulation/schedule.ts";
import { parseWhereStrict } from "../../test/simulation/strict.ts";
import type { Trial, TrialAnswer } from "./trial-contract.ts";

const trial: Trial = JSON.parse(process.argv[2] ?? "");
const parseIn = parseWhereStrict();
// Thousands of refusals a second: their stacks would cost more than they are worth.
Error.stackTraceLimit = 0;
const cloud = cloudOf(JSON.parse(await readFile(trial.deployed, "utf8")));

async function problemsOf(seed: number, plain: boolean): Promise<readonly string[]> {
  parseIn(seed);
  const { problems } = await runSchedule({ seed, cloud, pairs: trial.pairs, plain });
  return problems.filter((problem) => !problem.startsWith("SCHEDULE"));
}

async function run(): Promise<TrialAnswer> {
  for (let seed = 1; seed <= trial.plainSchedules; seed++) {
    const [problem] = await problemsOf(seed, true);
    if (problem !== undefined) return { plainFailure: `seed ${seed}: ${problem}`, others: 0 };
  }
  let others = 0;
  for (let seed = 1; seed <= trial.seeds; seed++) {
    const problems = await problemsOf(seed, false);
    const caught = problems.find((problem) => problem.startsWith(`${trial.invariant}:`));
    if (caught !== undefined) return { seed, caught, others };
    if (problems.length > 0) others++;
  }
  return { others };
}

process.stdout.write(`${JSON.stringify(await run())}\n`);
