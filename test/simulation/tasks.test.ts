/**
 * The tasks of a job under fire: plan, children, settle, failFast and the sweeper on the in-memory twins, in an order that a
 * seed picks, with functions that die, answers that are lost, calls that are given up and go on, and duplicates long after.
 * A failure names its seed: SIMULATION_SEED=<seed> npx vitest run --project simulation
 */
import { expect, it } from "vitest";
import { unpackStates } from "../../core/batches/packed-states.ts";
import { gateCount } from "../../core/batches/sizing.ts";
import { claimIndex } from "../../core/contracts/worker.ts";
import { loadGates, sumGates, unfinishedOf, withinTolerance } from "../../core/gates/gates.ts";
import { claimIndexKey } from "../../core/keys/object-keys.ts";
import { isTerminal } from "../../core/states/job-states.ts";
import { sweep } from "../../core/steps/sweep.ts";
import { BUCKET, type Engine, JOB, job, OWNER, putTasksJob } from "../helpers/engine.ts";
import { Flow, type Verdict } from "./flow.ts";
import { Watch } from "./watch.ts";
import { World } from "./world.ts";

const SCHEDULES = 300;
/** Below the least number of tries that anything has: then no step can be unlucky for good. */
const FAULTS = 5;
const TASKS = 13;
const BATCH = 2;
const HOUR = 3_600_000;

const isOver = async (engine: Engine): Promise<boolean> => {
  const { state } = await job(engine);
  return state === "TASKS_COMPLETED" || isTerminal(state);
};

class Schedule {
  readonly world: World;
  readonly watch: Watch;
  readonly failFast: boolean;
  readonly tolerated: number;
  readonly retries: number;
  /** Where the workflow went from here. */
  led: string | undefined;
  broken: unknown;

  constructor(seed: number) {
    this.world = new World(seed, FAULTS);
    const batches = Math.ceil(TASKS / BATCH);
    const sizes = new Map(Array.from({ length: batches }, (_, n) => [n, Math.min(BATCH, TASKS - n * BATCH)]));
    this.watch = new Watch(this.world.engine.table, JOB, sizes, gateCount(batches));
    this.failFast = this.world.chance(0.5);
    this.tolerated = this.world.oneOf(0, 20, 100);
    this.retries = this.world.oneOf(0, 1, 3);
  }

  async run(): Promise<void> {
    const { world, watch } = this;
    await putTasksJob(world.engine, TASKS, {
      taskSeconds: 10,
      config: {
        failFast: this.failFast,
        toleratedFailurePercentage: this.tolerated,
        maxTaskRetries: this.retries,
      },
    });
    world.onWrite = (caller) => this.#guard(() => watch.look(caller));
    const flow = new Flow(world, { jobId: JOB, run: 1 }, { workers: world.oneOf(2, 3), verdict: this.#verdicts() });
    this.#spawn(
      flow.run("plan").then((led) => {
        this.led = led;
      }),
    );
    this.#spawn(this.#sweepEveryMinute());
    for (let ghosts = world.oneOf(0, 1, 3); ghosts > 0; ghosts--) this.#spawn(this.#haunt());
    await world.scheduler.run(() => {
      for (const jobId of world.engine.nudge.take()) this.#spawn(this.#sweep({ jobId }));
      if (this.broken !== undefined) throw this.broken;
    });
  }

  /** An actor that fails by itself fails the schedule. */
  #spawn(actor: Promise<unknown>): void {
    actor.catch((error: unknown) => {
      this.broken ??= error;
    });
  }

  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      this.broken ??= error;
    }
  }

  #verdicts(): Verdict {
    const { world } = this;
    const failing = world.oneOf(0, 0.1, 0.4);
    return () => {
      if (world.chance(failing)) return world.chance(0.8) ? "F" : "X";
      return world.chance(0.1) ? undefined : world.oneOf("C" as const, "C", "C", "P", "K");
    };
  }

  async #sweep(event: { jobId?: string }): Promise<void> {
    await this.world.invoke({ caller: { name: "sweep" }, body: (ctx) => sweep(ctx, event) }).catch(() => {}); // next minute
  }

  async #sweepEveryMinute(): Promise<void> {
    for (let minute = 0; !(await isOver(this.world.engine)); minute++) {
      if (minute > 120) throw new Error(`stranded: the job is ${(await job(this.world.engine)).state} after two hours`);
      await this.world.scheduler.turn("the minute's sweep", 60_000);
      await this.#sweep({});
    }
  }

  /** A call that was made before comes again, perhaps much later; nobody waits for its answer. Workers are never called twice. */
  async #haunt(): Promise<void> {
    const { world } = this;
    await world.scheduler.turn("a ghost wakes", world.random() * world.oneOf(1_000, 60_000, HOUR));
    const calls = world.history.filter(({ caller }) => caller.name !== "app");
    const again = calls[Math.floor(world.random() * calls.length)];
    if (again) await world.invoke(again).catch(() => {});
  }

  async assess(): Promise<void> {
    const { engine } = this.world;
    const { state, failure, generation, gates = 0, round } = await job(engine);
    const all = await loadGates(engine.table, JOB, generation, gates);
    const { counts, stats } = sumGates(all);
    const isBroken = (this.world.made["map broke"] ?? 0) > 0;
    const isTolerated = !isBroken && withinTolerance(counts.failed, this.tolerated, TASKS);
    expect({ state, failure }).toMatchObject({ state: isTolerated ? "TASKS_COMPLETED" : "FAILED" });
    if (isTolerated) expect(this.led).toBe("assemble"); // or the job would stand still for ever
    if (isTolerated || !(this.failFast || isBroken)) expect(unfinishedOf(counts)).toBe(0);
    // A round more costs a plan and a claim per batch: only a child that was lost is worth it.
    if (!this.failFast && !this.world.made["child lost"]) expect(round).toBe(1);
    expect(all.filter(({ mode }) => mode === "open")).toEqual([]);
    expect(stats.claims).toBe(this.watch.consumed);
    for (const [n, batch] of this.watch.batches) {
      for (const [o, task] of unpackStates(batch.tasks).entries()) {
        if (!"CPK".includes(task.letter)) continue;
        const key = claimIndexKey({ owner: OWNER, jobId: JOB }, generation, n, task.claim);
        const index = claimIndex.parse(JSON.parse(engine.objects.text({ bucket: BUCKET, key }) ?? "null"));
        expect(index.tasks.filter((entry) => entry.o === o).map(({ x }) => x)).toEqual([task.letter]);
      }
    }
  }
}

it(`${SCHEDULES} schedules: counts are exact (I2), nothing late takes effect (I3), every job ends`, async () => {
  const only = Number(process.env.SIMULATION_SEED ?? 0);
  const seeds = only ? [only] : Array.from({ length: SCHEDULES }, (_, i) => i + 1);
  const made: Record<string, number> = {};
  for (const seed of seeds) {
    const schedule = new Schedule(seed);
    try {
      await schedule.run();
      await schedule.assess();
    } catch (error) {
      const { trace, steps } = schedule.world.scheduler;
      const told = `seed ${seed}, step ${steps} (SIMULATION_SEED=${seed} runs it alone)\n${trace.join("\n")}`;
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${told}`, { cause: error });
    }
    for (const [kind, times] of Object.entries(schedule.world.made)) made[kind] = (made[kind] ?? 0) + times;
  }
  if (!only) expect(Object.keys(made).length).toBe(9);
});
