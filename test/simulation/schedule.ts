/** One schedule: a job, its user, the cloud and what goes wrong in it, all from one seed. */
import { SeededIds } from "../../adapters/memory/index.ts";
import { isTerminal } from "../../core/states/job-states.ts";
import { aimsOf } from "./aims.ts";
import { checkRest, doomedState, type Rest } from "./check.ts";
import { type Cloud, Executions } from "./executions.ts";
import type { Pair } from "./faults.ts";
import { linesOf, planJob, putInput } from "./job-plan.ts";
import { isDoomed } from "./records.ts";
import { isStrict } from "./strict.ts";
import { type Acted, isQuiet, User } from "./user.ts";
import { Watch } from "./watch.ts";
import { INPUT, World } from "./world.ts";

export interface ScheduleOptions {
  readonly seed: number;
  readonly cloud: Cloud;
  /** What crashes may be out for. */
  readonly pairs: readonly Pair[];
  readonly traced?: boolean;
  /** Without faults and control actions. @default false */
  readonly plain?: boolean;
}

export interface Outcome {
  readonly seed: number;
  readonly steps: number;
  readonly kinds: ReadonlyMap<string, number>;
  readonly calls: ReadonlyMap<string, { readonly calls: number; readonly before: number; readonly after: number }>;
  readonly acted: readonly Acted[];
  readonly ended: string;
  /** What was found wrong; each begins with the invariant's name. */
  readonly problems: readonly string[];
  readonly trace: readonly string[];
}

const LEAST_FAULTS = 2;
/** Share of the schedules that are led to their job's end when nothing goes wrong any more. */
const MENDED = 0.07;
const MINUTE_MS = 60_000;
/** Hours that the engine has to come to rest, once nothing goes wrong any more: any timeout of the workflow is far shorter. */
const REST_MINUTES = 240;
/** Small enough that an output has several parts, and an upload now and then more than it may have. */
const TINY_PART = 16;
const TINY_LIMIT = 4;
const TREE_LIMIT = 3;
/** A step saves its cursor after a few calls. */
const SHORT_BUDGET_MS = 60;

export async function runSchedule(options: ScheduleOptions): Promise<Outcome> {
  const schedule = new Schedule(options);
  const problems = await schedule.run();
  const { world, user } = schedule;
  return {
    seed: options.seed,
    steps: world.scheduler.steps,
    kinds: world.faults.kinds,
    calls: world.faults.calls,
    acted: user.acted,
    ended: user.state ?? "deleted",
    problems,
    trace: world.scheduler.trace ?? [],
  };
}

class Schedule {
  readonly world: World;
  readonly user: User;
  readonly #rest: Rest;
  readonly #versions = new Map<string, string>();
  readonly #executions: Executions;
  readonly #isPlain: boolean;
  #problems: readonly string[] = [];

  constructor({ seed, cloud, pairs, traced = false, plain = false }: ScheduleOptions) {
    this.#isPlain = plain;
    const dice = new SeededIds(seed * 2 + 1);
    const aims = aimsOf(plain ? [] : pairs, () => dice.random());
    const isTiny = dice.random() < 0.08 || aims.isOfParts;
    const isShort = dice.random() < 0.08 || aims.isShort === true;
    const part = isTiny ? TINY_PART : 5 * 1024 * 1024;
    const world = new World({
      seed,
      faults: { budget: plain ? 0 : 1 + Math.floor(dice.random() * 5), aims },
      settings: {
        partBytes: part,
        ...(isTiny ? { partLimit: aims.isTree ? TREE_LIMIT : TINY_LIMIT + Math.floor(dice.random() * 20) } : {}),
        ...(isShort ? { stepBudgetMs: SHORT_BUDGET_MS, publishBudgetMs: SHORT_BUDGET_MS } : {}),
      },
      minPartBytes: part,
      skewed: plain ? 0 : 0.1,
      traced,
      strict: isStrict(seed),
    });
    this.world = world;
    // A gzip object is unpacked within one budget.
    const plan = planJob(world, { gzip: !isShort, plain, failFast: aims.isFailFast === true });
    const watch = new Watch(plan.shape);
    world.observer = watch;
    this.user = new User(world, watch, plan, aims.first);
    this.#rest = { world, watch, user: this.user, plan, versions: this.#versions };
    this.#executions = new Executions(world, cloud, plan.fates);
  }

  async run(): Promise<readonly string[]> {
    const { world } = this;
    world.spawn(this.#live());
    if (!this.#isPlain) {
      for (let ghosts = world.oneOf(0, 0, 0, 1, 2); ghosts > 0; ghosts--) {
        world.spawn(this.#executions.haunt(world.random() * world.oneOf(1_000, 30_000, 600_000)));
      }
      if (world.chance(0.08)) world.spawn(this.#overwriteInput());
    }
    try {
      await world.scheduler.run();
    } catch (error) {
      const { violations } = this.#rest.watch;
      if (violations.size > 0) return [...violations.values()];
      return [error instanceof Error ? error.message : String(error)];
    }
    return this.#problems;
  }

  /** The schedule's own course: trouble, rest, checks; then what must work once nothing goes wrong. */
  async #live(): Promise<void> {
    const { world, user } = this;
    const { faults } = world;
    for (const input of this.#rest.plan.inputs) await this.#put(input);
    await user.begin();
    if (!this.#isPlain) {
      await user.meddle();
      if (faults.made < LEAST_FAULTS) await this.#provoke();
      if (user.state !== undefined && isTerminal(user.state) && world.chance(0.05)) await user.act("delete");
    }
    await this.#settle(true);
    faults.calm();
    await this.#settle(false);
    this.#problems = await checkRest(this.#rest);
    // Whether it can be mended costs a run: some schedules find out for all.
    if (this.#problems.length === 0 && (this.#isPlain || world.chance(MENDED))) await this.#mend();
    if (!this.#isPlain && this.#problems.length === 0) this.#problems = this.#unmet();
    this.#executions.end();
  }

  /** The next calls go wrong: whatever the sweeper or a requeue is about to do. */
  async #provoke(): Promise<void> {
    const { world, user } = this;
    for (let i = 0; i < 4 && world.faults.made < LEAST_FAULTS; i++) {
      world.faults.isUrgent = true;
      if (isQuiet(user.state)) await user.act(user.state === "PAUSED" ? "resume" : "requeue", { tasks: "all" });
      await world.turn("trouble is waited for", 2_000);
    }
  }

  /** Nothing goes wrong any more: what is left is done with a resume or a requeue, and ends as the tasks' fates say. */
  async #mend(): Promise<void> {
    const { user, world, plan } = { ...this.#rest };
    for (let i = 0; i < 4; i++) {
      if (user.state === "COMPLETE" || user.state === undefined) break;
      const isMoved =
        user.state === "PAUSED" ? await user.act("resume") : await user.act("requeue", { key: `mend-${i}` });
      if (!isMoved) {
        this.#problems = [
          `I10: the job is ${user.state} and can't be moved: ${JSON.stringify(this.#rest.watch.job?.failure)}`,
        ];
        return;
      }
      await this.#settle(false);
      this.#problems = await checkRest(this.#rest);
      if (this.#problems.length > 0) return;
    }
    const failing = plan.fates.filter((fate) => isDoomed(fate, plan.attempts)).length;
    const wanted = doomedState(plan, failing);
    if (user.state === "FAILED" && wanted === "COMPLETE") {
      this.#problems = [
        `I10: nothing goes wrong and requeues don't help: ${JSON.stringify(this.#rest.watch.job?.failure)}`,
      ];
      return;
    }
    if (user.state !== undefined && world.chance(0.15)) await this.#delete();
  }

  /** A deleted job leaves nothing of its own behind. */
  async #delete(): Promise<void> {
    const { world, user } = this;
    if (!(await user.act("delete"))) return;
    await this.#settle(false);
    const left = [...world.table.dump().map(({ pk }) => pk), ...world.objects.keys("data")].filter((name) =>
      name.includes(user.jobId),
    );
    if (left.length > 0) this.#problems = [`I10: the job was deleted and left ${left.slice(0, 5).join(", ")}`];
  }

  /** Until the job moves no more, no function runs and the sweeper has had its last look. */
  async #settle(isTroubled: boolean): Promise<void> {
    const { world, user } = this;
    for (let minute = 0; minute < (isTroubled ? 20 : REST_MINUTES); minute++) {
      await world.turn("rest is waited for", MINUTE_MS);
      const isAtRest = isQuiet(user.state) && world.live === 0 && world.workflow.running().length === 0;
      // A temporary result is looked at after two days.
      const isSwept = world.nextDue > world.clock.now() + 60 * MINUTE_MS;
      if (isAtRest && (isSwept || (isTroubled && minute > 0))) return;
    }
  }

  async #put(input: Parameters<typeof putInput>[1]): Promise<void> {
    await putInput(this.world, input);
    const stored = this.world.objects.peek({ bucket: INPUT, key: input.key });
    if (stored && !input.gzip) this.#versions.set(stored.etag, input.text);
  }

  async #overwriteInput(): Promise<void> {
    const { world } = this;
    const [input] = this.#rest.plan.inputs;
    if (!input) return;
    await world.turn("the input is overwritten", world.random() * world.oneOf(2_000, 60_000));
    if (!world.faults.isCalm && world.faults.draw("input overwritten", 1)) {
      await this.#put({ ...input, text: linesOf(0, input.text.length / 5, 1) });
    }
  }

  /** What a schedule must have had to count. */
  #unmet(): readonly string[] {
    const { shape } = this.#rest.plan;
    const batches = Math.ceil(shape.tasks / shape.batchSize);
    const { made } = this.world.faults;
    if (batches < 3 || shape.gates < 2 || this.user.accepted < 2 || made < LEAST_FAULTS) {
      return [
        `SCHEDULE: ${batches} batches, ${shape.gates} gates, ${this.user.accepted} control actions, ${made} faults are too few`,
      ];
    }
    return [];
  }
}
