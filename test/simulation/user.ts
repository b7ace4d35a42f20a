/** The user of a schedule: creates and runs the job, then does to it what the seed says, in the states that the seed picks. */
import type { ApiError } from "../../core/contracts/api/errors.ts";
import { JobJobError } from "../../core/errors.ts";
import { isTerminal, type JobState } from "../../core/states/job-states.ts";
import type { Aims } from "./aims.ts";
import { type RequeueAsk, USER } from "./callers.ts";
import { DECIDERS, type Decider } from "./faults.ts";
import type { JobPlan } from "./job-plan.ts";
import type { Watch } from "./watch.ts";
import type { SimulatedContext, World } from "./world.ts";

export const ACTIONS = ["pause", "resume", "abort", "requeue", "delete"] as const;
export type Action = (typeof ACTIONS)[number];

export interface Acted {
  readonly action: Action;
  /** What the job was when it was asked. */
  readonly state: JobState;
  readonly accepted: boolean;
}

/** The API gives up after 29 s. */
const API_SECONDS = 29;
const MOST_TRIES = 6;
const MOST_ACTIONS = 24;
const LEAST_ACTIONS = 2;
const LEAST_FAULTS = 2;
/** The way of a job, as it goes by itself; the user waits for a state that lies ahead. Often there is the most to disturb. */
const WAY = [
  ...(["STARTED", "UPLOADING", "PARTITIONING"] as const),
  ...(["PARTITIONED", "PARTITIONED", "PARTITIONED", "PARTITIONED", "PARTITIONED", "PARTITIONED"] as const),
  ...(["TASKS_COMPLETED", "MERGING", "MERGING", "MERGED", "DOWNLOADING", "DOWNLOADING", "COMPLETE"] as const),
] as const satisfies readonly JobState[];
/** Share of the waits that are for a decision on its way instead: an action meets it before its write has gone out. */
const LIES_IN_WAIT = 0.3;
/** Share of the jobs with several tasks a batch that are aborted while one of them waits for its retry beside one that ended. */
const WAITS_FOR_RETRY = 0.3;
type Ask = (ctx: SimulatedContext) => Promise<unknown>;

export class User {
  readonly #world: World;
  readonly #watch: Watch;
  readonly #plan: JobPlan;
  readonly #first: Aims["first"];
  readonly acted: Acted[] = [];
  /** Intentions that may take effect more than once, and do no harm. */
  readonly repeatable = new Set<number>();
  #intents = 0;
  jobId = "";

  /** @param first what it does first, and in which state */
  constructor(world: World, watch: Watch, plan: JobPlan, first?: Aims["first"]) {
    this.#first = first;
    this.#world = world;
    this.#watch = watch;
    this.#plan = plan;
  }

  get state(): JobState | undefined {
    const { job } = this.#watch;
    return job?.deletedAt === undefined ? (job?.state as JobState | undefined) : undefined;
  }
  get accepted(): number {
    return this.acted.filter(({ accepted }) => accepted).length;
  }

  async begin(): Promise<void> {
    const key = "first";
    const made = await this.#insist("create", (ctx) => USER.create(ctx, this.#plan.body, key));
    this.jobId = (made as { job: { id: string } }).job.id;
    if (this.#world.chance(0.1)) await this.act(this.#world.oneOf("pause", "resume", "requeue"));
    await this.run();
  }

  async run(): Promise<void> {
    try {
      await this.#insist("run", (ctx) => USER.run(ctx, this.jobId));
    } catch (error) {
      // An earlier call was answered by nobody, and its run has ended meanwhile.
      if (!(error instanceof JobJobError && error.code === "JOB_ENDED")) throw error;
    }
  }

  /** Control actions at moments of the seed's choice, until at least two were accepted. */
  async meddle(): Promise<void> {
    if (this.#first) {
      if ("state" in this.#first) await this.#until(this.#first.state, 120_000);
      else await this.#untilDecision(this.#first.decider, 120_000);
      await this.act(this.#first.action);
    }
    const wanted = LEAST_ACTIONS + (this.#world.chance(0.1) ? 1 : 0);
    for (let i = 0; i < MOST_ACTIONS && (i < wanted || this.accepted < LEAST_ACTIONS); i++) {
      const isLate = i >= wanted;
      if (i === 0 && this.#plan.shape.batchSize > 1 && this.#world.chance(WAITS_FOR_RETRY)) {
        await this.#untilRetry(60_000);
        if (this.state !== undefined && this.state !== "NEW") await this.act(isQuiet(this.state) ? "requeue" : "abort");
        continue;
      }
      const liesInWait = !isQuiet(this.state) && this.#world.chance(LIES_IN_WAIT);
      const patience = isLate ? 900_000 : 120_000 * this.#world.random();
      if (liesInWait) await this.#untilDecision(this.#world.oneOf("commit", ...DECIDERS), patience);
      else if (!isQuiet(this.state)) await this.#until(this.#ahead(), patience);
      await this.#world.turn("the user thinks", liesInWait ? 0 : this.#world.random() * this.#thoughtMs());
      if (this.state === undefined) return;
      if (this.state === "NEW") await this.run();
      else await this.act(this.#choose());
    }
  }

  /** Longest thought: while the job moves, a moment; when it stands, now and then so little that calls of its run are still under way. */
  #thoughtMs(): number {
    return isQuiet(this.state) ? this.#world.oneOf(60_000, 3_000) : 200;
  }

  /** The state to wait for: one that lies ahead, or at once the present one, which may not last. */
  #ahead(): JobState {
    const { state } = this;
    if (state === "PAUSING" && this.#world.chance(0.7)) return "PAUSED";
    const at = (WAY as readonly (JobState | undefined)[]).lastIndexOf(state);
    if (state !== undefined && this.#world.chance(at < 0 ? 0.6 : 0.15)) return state;
    return WAY[at + 1 + Math.floor(this.#world.random() * (WAY.length - at - 1))] ?? "COMPLETE";
  }

  #choose(): Action {
    const { state } = this;
    const world = this.#world;
    if (world.chance(0.12)) {
      const any = world.oneOf<Action>("pause", "resume", "abort", "requeue", "delete");
      // A deleted job can't be looked at any more: the schedule is out for others, first.
      const isTooEarly = this.accepted < LEAST_ACTIONS - 1 || world.faults.made < LEAST_FAULTS;
      return any === "delete" && isTooEarly ? "requeue" : any;
    }
    switch (state) {
      case "PAUSED":
        return world.oneOf<Action>("resume", "resume", "resume", "abort");
      case "FAILED":
        return world.oneOf<Action>("requeue", "requeue", "requeue", "abort");
      case "COMPLETE":
      case "CANCELED":
        return "requeue";
      case "PARTITIONED":
        return world.chance(0.8) ? "pause" : "abort";
      default:
        return world.chance(0.75) ? "abort" : "pause";
    }
  }

  /** @returns whether it was accepted */
  async act(action: Action, requeue: RequeueAsk = this.#requeueAsk()): Promise<boolean> {
    const { state } = this;
    if (state === undefined) return false;
    if (action === "abort" && state === "NEW") return false;
    const id = this.jobId;
    const ask: Ask = action === "requeue" ? (ctx) => USER.requeue(ctx, id, requeue) : (ctx) => USER[action](ctx, id);
    const isSafe = action !== "resume" && (action !== "requeue" || requeue.key !== undefined);
    const refusal = await this.#send(action, ask, isSafe);
    // A delete whose answer was lost is answered 404 when it comes again.
    const isDeleted = action === "delete" && this.state === undefined;
    this.acted.push({ action, state, accepted: refusal === undefined || isDeleted });
    if (refusal !== "INPUT_CHANGED" || action !== "requeue" || requeue.repartition) return refusal === undefined;
    return this.act("requeue", { repartition: true });
  }

  #requeueAsk(): RequeueAsk {
    const world = this.#world;
    const { tasks: count } = this.#plan.shape;
    const few = [world.upTo(2), 3 + world.upTo(count - 4)];
    const some = world.oneOf<RequeueAsk["tasks"]>(few, few, few, few, "unfinished", "failed", "partial", "all");
    // What is run again costs the most of a schedule.
    const tasks = world.chance(this.state === "COMPLETE" ? 0.15 : 0.5) ? undefined : some;
    const beside = this.#watch.endedBesideRetry();
    if (beside !== undefined && world.chance(0.5)) return { tasks: [beside] };
    const key = world.chance(0.6) ? `requeue-${this.#intents}` : undefined;
    return world.chance(0.05) ? { repartition: true, key } : { tasks, key };
  }

  /** Sends the same request until it is answered, or the user loses patience. @returns why it was refused; "LOST": nobody knows */
  async #send(name: string, ask: Ask, isSafe: boolean): Promise<string | undefined> {
    const intent = ++this.#intents;
    if (!isSafe) this.repeatable.add(intent);
    const send = () => this.#world.invoke({ name, intent }, ask, { seconds: API_SECONDS });
    if (this.#world.faults.draw("request doubled", 0.03)) send().catch(() => {});
    for (let attempt = 1; ; attempt++) {
      try {
        await send();
        return undefined;
      } catch (error) {
        const isRefused = error instanceof JobJobError && !error.retryable;
        if (isRefused) return (error as ApiError).code;
        if (attempt === MOST_TRIES || (!this.#world.faults.isCalm && this.#world.chance(0.3))) return "LOST";
        await this.#world.turn("the user tries again", this.#world.random() * 2_000);
      }
    }
  }

  /** What the schedule can't do without. */
  async #insist(name: string, ask: Ask): Promise<unknown> {
    const intent = ++this.#intents;
    const send = () => this.#world.invoke({ name, intent }, ask, { seconds: API_SECONDS });
    if (this.#world.faults.draw("request doubled", 0.05)) send().catch(() => {});
    for (;;) {
      try {
        return await send();
      } catch (error) {
        if (error instanceof JobJobError && !error.retryable) throw error;
        await this.#world.turn("the user tries again", this.#world.random() * 2_000);
      }
    }
  }

  /** Resolves when this function is about to write what it decided, or as `#until`. */
  #untilDecision(decider: Decider, ms: number): Promise<void> {
    return this.#unlessQuiet(ms, (resolve) => {
      this.#world.onDecision = (caller) => {
        if (caller === decider) resolve();
      };
    });
  }

  #untilRetry(ms: number): Promise<void> {
    return this.#unlessQuiet(ms, (resolve) => {
      this.#watch.onRetry = resolve;
    });
  }

  /** Resolves when the job enters the state, when it moves no more by itself, or when the user's patience is at its end. */
  #until(state: JobState, ms: number): Promise<void> {
    if (this.state === state) return Promise.resolve();
    return this.#unlessQuiet(ms, () => {}, state);
  }

  #unlessQuiet(ms: number, or: (resolve: () => void) => void, wanted?: JobState): Promise<void> {
    return new Promise((resolve) => {
      or(resolve);
      this.#watch.onState = (entered) => {
        if (entered === wanted || isQuiet(entered)) resolve();
      };
      void this.#world.turn("the user's patience ends", ms).then(resolve);
    });
  }
}

export const isQuiet = (state: JobState | undefined): boolean =>
  state === undefined || state === "NEW" || state === "PAUSED" || isTerminal(state);
