/**
 * The whole engine under fire: some thousand schedules, each from its seed. A failure names its seed, to be replayed with
 * `npm run simulate -- --seed N`.
 */
import { expect, it } from "vitest";
import { isNever } from "./never.ts";
import { makeBase, simulate } from "./simulate.ts";
import { tables } from "./tally.ts";

const SCHEDULES = 2_000;
const MINUTES = 60_000;

it(
  "a job comes to its end whatever happens, and nothing of it is lost, doubled or out of place",
  async () => {
    const base = makeBase(process.cwd());
    const { pairs } = base;

    const { tally } = await simulate(base, { schedules: SCHEDULES });

    console.log(tables(tally, pairs));
    expect(tally.failures.map(({ seed, problems }) => `seed ${seed}: ${problems.join("; ").slice(0, 500)}`)).toEqual(
      [],
    );
    expect(tally.schedules).toBe(SCHEDULES);
    // Each is called. That each has crashed before and behind a call is the long run's to show: `npm run simulate`.
    expect(pairs.filter((pair) => isNever(pair) && tally.pairs[`${pair.caller} ${pair.method}`])).toEqual([]);
    const uncalled = pairs.filter((pair) => !isNever(pair) && !tally.pairs[`${pair.caller} ${pair.method}`]);
    // Some situations take thousands of schedules to come by.
    expect(uncalled.length).toBeLessThan(pairs.length / 10);
  },
  20 * MINUTES,
);
