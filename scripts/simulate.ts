/**
 * npm run simulate -- [--schedules N] [--from SEED] [--seed SEED] [--threads N] [--plain]: runs schedules of the whole engine
 * in memory (docs/guide/simulation.md). `--seed` replays one and prints its steps.
 */
import { parseArgs } from "node:util";
import { makeBase, simulate } from "../test/simulation/simulate.ts";
import { missingCrashes, tables } from "../test/simulation/tally.ts";
import { ROOT } from "./lib/paths.ts";
import { runMain, ToolingError } from "./lib/tooling-error.ts";

/** From so many schedules on, each pair of caller and port method must have crashed before and behind a call. */
const ENOUGH = 50_000;
const SHOWN_FAILURES = 10;

await runMain(async () => {
  const { values } = parseArgs({
    options: {
      schedules: { type: "string", default: "1000" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      threads: { type: "string", default: "2" },
      plain: { type: "boolean", default: false },
    },
  });
  const isReplay = values.seed !== undefined;
  const base = makeBase(ROOT);
  const { pairs } = base;
  console.log(`${pairs.length} pairs of caller and port method`);
  const cpu = process.cpuUsage();
  const { tally, trace, seconds } = await simulate(base, {
    from: whole("seed", values.seed ?? values.from),
    schedules: isReplay ? 1 : whole("schedules", values.schedules),
    threads: whole("threads", values.threads),
    plain: values.plain,
    traced: isReplay,
    say: console.log,
  });
  if (isReplay) console.log(trace.join("\n"));
  else console.log(`\n${tables(tally, pairs)}\n`);
  for (const { seed, problems } of tally.failures.slice(0, SHOWN_FAILURES)) {
    console.log(`seed ${seed}: ${problems.join("\n  ").slice(0, 2_000)}\n  npm run simulate -- --seed ${seed}`);
  }
  const missing = missingCrashes(tally, pairs);
  const isShort = tally.schedules < ENOUGH;
  if (!isReplay && missing.length > 0)
    console.log(`without a crash${isShort ? "" : " (FAILED)"}:\n  ${missing.join("\n  ")}`);
  const { user, system } = process.cpuUsage(cpu);
  const per = ((user + system) / 1_000 / tally.schedules).toFixed(1);
  console.log(
    `${tally.schedules} schedules, ${tally.steps} steps in ${seconds.toFixed(0)} s (${per} ms of a core each), ended ${JSON.stringify(tally.ended)}`,
  );
  console.log(`${tally.schedules - tally.failed} passed, ${tally.failed} failed`);
  return tally.failed > 0 || (!isShort && missing.length > 0) ? 1 : 0;
});

function whole(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new ToolingError(`--${name} takes a whole number from 1, not ${text}`);
}
