/** Whoever kills workers, and whenever: culprits pay, innocents don't, and the gates' counts are exact (I2). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unpackStates } from "../../core/batches/packed-states.ts";
import type { ChildInput } from "../../core/contracts/workflow.ts";
import { totalOf } from "../../core/gates/gates.ts";
import { claim } from "../../core/steps/claim.ts";
import { commit } from "../../core/steps/commit.ts";
import { plan } from "../../core/steps/plan.ts";
import { KILLED, mortalWork, THROTTLED } from "../helpers/dying-worker.ts";
import { children, counts, type Engine, JOB, makeEngine, putTasksJob, type Verdict } from "../helpers/engine.ts";

const TASKS = 18;

async function prepare(attempts: number): Promise<{ engine: Engine; child: ChildInput }> {
  const engine = makeEngine();
  const retryBackoff = { initialMs: 1_000, rate: 2, maxMs: 8_000 };
  await putTasksJob(engine, TASKS, { config: { maxTaskRetries: attempts - 1, retryBackoff } });
  const [child] = children(engine, await plan(engine, { jobId: JOB, run: 1 }));
  if (!child) throw new Error("no batch");
  return { engine, child };
}

type Result = NonNullable<ChildInput["result"]>;

/** The child's loop to its end; counts how often each task was begun. `meddle` may put another end in a worker's place. */
async function runChild(
  engine: Engine,
  child: ChildInput,
  kills: (ordinal: number) => boolean,
  verdict: Verdict,
  meddle: (hand: number) => Result | undefined,
): Promise<number[]> {
  const begun = Array<number>(TASKS).fill(0);
  let hand = await claim(engine, child);
  for (let n = 0; hand.next !== "done" && n < 500; n++) {
    const result =
      meddle(n) ??
      (await mortalWork(
        engine,
        child,
        hand,
        (ordinal) => {
          begun[ordinal] = (begun[ordinal] ?? 0) + 1;
          return kills(ordinal);
        },
        verdict,
      ));
    hand = await commit(engine, { ...child, hand, result });
    expect(totalOf(await counts(engine))).toBe(TASKS);
    engine.clock.advance((hand.seconds ?? 0) * 1_000);
    if (hand.next === "wait") hand = await claim(engine, { ...child, hand });
  }
  expect(hand.next).toBe("done");
  return begun;
}

const statesOf = (engine: Engine) => {
  const item = engine.table.dump().find(({ sk }) => sk.startsWith("BATCH#"));
  return unpackStates(String(item?.tasks));
};
const ordinals = fc.uniqueArray(fc.nat(TASKS - 1), { maxLength: 5 });

describe("a batch whose tasks kill their workers", () => {
  it("fails those alone, after exactly their attempts; all others complete, run at most once more than needed", async () => {
    await fc.assert(
      fc.asyncProperty(ordinals, fc.integer({ min: 1, max: 3 }), async (killers, attempts) => {
        const { engine, child } = await prepare(attempts);
        const isKiller = (o: number) => killers.includes(o);

        const begun = await runChild(
          engine,
          child,
          isKiller,
          () => "C",
          () => undefined,
        );

        for (const [o, task] of statesOf(engine).entries()) {
          expect(task).toMatchObject(isKiller(o) ? { letter: "F", attempts } : { letter: "C", attempts: 1 });
          expect(begun[o]).toBeLessThanOrEqual((isKiller(o) ? attempts : 1) + 1);
        }
      }),
      { numRuns: 100 },
    );
  });

  it("charges no innocent for deaths before a task was begun, nor for faults of Lambda, whenever they strike", async () => {
    const ends = fc.array(fc.constantFrom("works", "works", "dies", "throttled"), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(ordinals, ordinals, ends, async (killers, failing, fates) => {
        const { engine, child } = await prepare(3);
        const isKiller = (o: number) => killers.includes(o);
        // Three deaths in a row would end the job: never more than two here, one of them a killer's in a hand of all.
        const meddle = (n: number): Result | undefined => {
          const fate = fates[n];
          if (fate === "dies") return n % 3 === 0 ? KILLED : undefined;
          return fate === "throttled" && n % 3 !== 2 ? THROTTLED : undefined;
        };

        await runChild(engine, child, isKiller, (o) => (failing.includes(o) ? "F" : "C"), meddle);

        for (const [o, task] of statesOf(engine).entries()) {
          const fails = isKiller(o) || failing.includes(o);
          expect(task).toMatchObject(fails ? { letter: "F", attempts: 3 } : { letter: "C", attempts: 1 });
        }
      }),
      { numRuns: 100 },
    );
  });
});
