/**
 * `npm run mutants`: each mutation of table.ts is made on a copy in memory, must typecheck, must pass all schedules without
 * faults and control actions, and must be caught by its invariant's check within 2,000 seeds: a simulation that can't see a
 * rule taken away proves nothing about it. `-- --only <name>` runs one, `-- --quick` leaves type checking out.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { synthesise } from "../../test/simulation/definition.ts";
import type { Pair } from "../../test/simulation/faults.ts";
import { readPairs } from "../../test/simulation/reach.ts";
import { ROOT } from "../lib/paths.ts";
import { run } from "../lib/run.ts";
import { bundleTrial, mutate } from "./bundle.ts";
import { type Invariant, MUTATIONS, type Mutation } from "./table.ts";
import type { Trial, TrialAnswer } from "./trial-contract.ts";
import { Typechecker } from "./typecheck.ts";

const PLAIN_SCHEDULES = 200;
const SEEDS = 2_000;
/** A mutant may loop for ever; this is ten times what a survivor takes on an idle machine. */
const TRIAL_MS = 1_200_000;
const INVARIANTS: readonly Invariant[] = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I10"];

const { values } = parseArgs({ options: { only: { type: "string" }, quick: { type: "boolean", default: false } } });

interface Verdict {
  readonly mutation: Mutation;
  /** Undefined: caught as it must be. */
  readonly problem?: string;
  readonly seed?: number;
  readonly said?: string;
}

interface Bench {
  readonly folder: string;
  readonly deployed: string;
  readonly pairs: readonly Pair[];
}

async function judge(mutation: Mutation, text: string, { folder, deployed, pairs }: Bench): Promise<Verdict> {
  const outfile = join(folder, `${mutation.name}.mjs`);
  await bundleTrial(outfile, mutation, text);
  const { invariant } = mutation;
  const trial: Trial = { deployed, pairs, invariant, plainSchedules: PLAIN_SCHEDULES, seeds: SEEDS };
  const { code, text: output } = await run(process.execPath, [outfile, JSON.stringify(trial)], { timeoutMs: TRIAL_MS });
  if (code !== 0) return { mutation, problem: `its trial broke (exit ${code}): ${output.slice(-300)}` };
  const answer: TrialAnswer = JSON.parse(output.trim().split("\n").at(-1) ?? "");
  if (answer.plainFailure !== undefined) {
    return { mutation, problem: `fails without any fault or control action: ${answer.plainFailure.slice(0, 200)}` };
  }
  if (answer.seed === undefined || answer.caught === undefined) {
    return { mutation, problem: `survives ${SEEDS} seeds (${answer.others} failed another check)` };
  }
  return { mutation, seed: answer.seed, said: answer.caught };
}

function print({ mutation, problem, seed, said }: Verdict): void {
  const head = `${mutation.invariant.padEnd(4)}${mutation.name.padEnd(30)}`;
  if (problem !== undefined) console.log(`${head}NOT CAUGHT: ${problem}`);
  else console.log(`${head}seed ${String(seed).padStart(4)}  ${(said ?? "").replaceAll("\n", " ").slice(0, 110)}`);
}

async function main(): Promise<number> {
  const chosen = MUTATIONS.filter(({ name }) => values.only === undefined || name === values.only);
  if (chosen.length === 0) throw new Error(`There is no mutation ${values.only}; see scripts/mutants/table.ts.`);
  const texts = new Map<Mutation, string>();
  for (const mutation of chosen) texts.set(mutation, await mutate(mutation));
  const folder = await mkdtemp(join(tmpdir(), "jobjob-mutants-"));
  try {
    const deployed = join(folder, "deployed.json");
    await writeFile(deployed, JSON.stringify(synthesise()));
    const bench: Bench = { folder, deployed, pairs: readPairs(ROOT) };
    const checker = values.quick ? undefined : new Typechecker();
    const verdicts: Verdict[] = [];
    const waiting = [...chosen];
    const worker = async (): Promise<void> => {
      for (let mutation = waiting.shift(); mutation; mutation = waiting.shift()) {
        const text = texts.get(mutation) ?? "";
        const [wrong] = checker?.check(join(ROOT, mutation.file), text) ?? [];
        const verdict =
          wrong === undefined
            ? await judge(mutation, text, bench)
            : { mutation, problem: `doesn't typecheck: ${wrong}` };
        verdicts.push(verdict);
        print(verdict);
      }
    };
    await Promise.all(Array.from({ length: Math.min(availableParallelism(), 4) }, worker));
    return report(verdicts);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function report(verdicts: readonly Verdict[]): number {
  const failed = verdicts.filter(({ problem }) => problem !== undefined).length;
  const covered = new Set(
    verdicts.filter(({ problem }) => problem === undefined).map(({ mutation }) => mutation.invariant),
  );
  const missing = values.only === undefined ? INVARIANTS.filter((invariant) => !covered.has(invariant)) : [];
  if (missing.length > 0) console.log(`No mutation was caught by the checks of ${missing.join(", ")}.`);
  console.log(`mutants: ${verdicts.length} mutations, ${verdicts.length - failed} caught, ${failed} not`);
  console.log(`${verdicts.length - failed} passed, ${failed + missing.length} failed`);
  return failed + missing.length === 0 ? 0 : 1;
}

process.exitCode = await main();
