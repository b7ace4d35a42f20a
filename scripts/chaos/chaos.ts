/** The run itself. */
import { randomUUID } from "node:crypto";
import { eachOf } from "../../client/index.ts";
import { Cells } from "./cells.ts";
import { driveJob, type Outcome } from "./driver.ts";
import { startKiller } from "./killer.ts";
import { KINDS } from "./kinds.ts";
import { leftOvers } from "./left-overs.ts";
import { planJobs } from "./plan.ts";
import type { Random } from "./random.ts";
import type { ChaosStack } from "./stack.ts";
import { Watch } from "./watch.ts";

const SAY_EVERY_MS = 10_000;

interface Chaos {
  readonly stack: ChaosStack;
  readonly jobs: number;
  readonly atOnce: number;
  readonly random: Random;
  /** Filled as jobs are created. */
  readonly created: string[];
  /** What everybody wants to see, and what only somebody who looks closely. */
  readonly say: (line: string) => void;
  readonly note: (line: string) => void;
}
export interface Result {
  readonly outcomes: readonly Outcome[];
  readonly cells: Cells;
  readonly kills: number;
  readonly left: readonly string[];
}

/** 20 of 50 jobs, and as many of fewer. */
export const leastKills = (jobs: number): number => Math.ceil(jobs * 0.4);

/** Runs the jobs and what befalls them, and looks at what is left when all have ended. */
export async function runChaos({ stack, jobs, atOnce, random, created, say, note }: Chaos): Promise<Result> {
  const watch = new Watch(stack.table);
  const cells = new Cells();
  const plans = planJobs(jobs, random.fork(0));
  const kinds = random.fork(1).shuffle(KINDS);
  const folder = `chaos/${randomUUID()}/`;
  const outcomes: Outcome[] = [];
  let kills = 0;
  const stopKiller = startKiller({
    stack,
    random: random.fork(2),
    allowed: () => Math.ceil((leastKills(jobs) * 2 * (outcomes.length + atOnce)) / jobs),
    isTime: () => watch.states.some((state) => state === "PARTITIONED"),
    onKill: ({ worker }) => {
      kills++;
      cells.done("kill", "PARTITIONED");
      note(`killed the worker ${worker}`);
    },
  });
  const teller = setInterval(() => {
    say(`${outcomes.length} of ${jobs} jobs have ended, ${kills} kills; now ${watch.states.join(", ") || "none"}`);
  }, SAY_EVERY_MS);
  try {
    const queue = plans.map((plan, i) => ({ plan, i }));
    await eachOf(queue, atOnce, async ({ plan, i }) => {
      const kind = kinds[i % kinds.length];
      if (!kind) throw new Error("there are no kinds of jobs");
      const outcome = await driveJob({
        stack,
        watch,
        cells,
        random: random.fork(10 + i),
        kind,
        plan,
        folder: `${folder}${i}/`,
        onCreated: (id) => created.push(id),
        say: note,
      });
      outcomes.push(outcome);
      note(`${outcome.id} (${kind.name}) is ${outcome.state} after ${outcome.runs} runs`);
    });
  } finally {
    clearInterval(teller);
    await stopKiller();
    watch.stop();
  }
  say("looking for what is left over");
  return { outcomes, cells, kills, left: await leftOvers(stack, created, folder) };
}
