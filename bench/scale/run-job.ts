/**
 * A job on a platform, event by event: the steps one after the other, between them the Map: its children start at the rate
 * that the service allows, each claims, works and commits, and every call takes what is scarce.
 */
import { type Cost, usageOf as costOf, priceOf, type Usage, WORKER_GB, type WorkInput } from "../../core/cost/index.ts";
import type { ChildTimes, Platform, Stage } from "./platform.ts";
import { Line, Rate, Shared, Slots } from "./resources.ts";
import { RULES, TRANSACTION_WRITE_UNITS, TRANSITIONS, WORKER_GETS, WORKER_PUTS } from "./rules.ts";
import { Simulator } from "./simulator.ts";
import { Timeline } from "./timeline.ts";
import { type Batches, batchesOf, getsOf, type Workload } from "./workload.ts";

export interface Stay {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

export interface Outcome {
  readonly work: Workload;
  readonly batches: Batches;
  readonly seconds: number;
  /** The steps and the Map ("tasks"), in order. */
  readonly stages: readonly Stay[];
  /** When the Map's first child started and its last one ended. */
  readonly tasks: Stay;
  /** What was in use over time, by the limit that bounds it; and the children that ran. */
  readonly used: Readonly<Record<UsedName, Timeline>>;
  /** Transactions that met another one in their gate, and all of them. */
  readonly conflicts: number;
  readonly transactions: number;
  readonly usage: Usage;
  readonly cost: Cost;
}

export type UsedName =
  | "children"
  | "childStarts"
  | "transitions"
  | "lambdaConcurrency"
  | "lambdaScaling"
  | "s3Gets"
  | "s3Puts"
  | "tableWrites"
  | "partitionWrites";

/** Partitions of a new table: 4,000 write units, 1,000 each. A gate's items share one. */
const PARTITIONS = 4;
export function runJob(work: Workload, platform: Platform): Outcome {
  const batches = batchesOf(work);
  const { before, after } = platform.stages(work, batches);
  const stays: Stay[] = [];
  let now = 0;
  const stay = ({ name, seconds }: Stage): void => {
    stays.push({ name, from: now, to: now + seconds });
    now += seconds;
  };
  for (const stage of before) stay(stage);
  const map = new MapRun(work, batches, platform, now);
  map.run();
  const tasks = { name: "tasks", from: now, to: Math.max(now, map.end) };
  stays.push(tasks);
  now = tasks.to;
  for (const stage of after) stay(stage);
  const usage = usageOf(map, platform, work, batches);
  return {
    work,
    batches,
    seconds: now,
    stages: stays,
    tasks,
    used: map.used,
    conflicts: map.gates.reduce((sum, gate) => sum + gate.conflicts, 0),
    transactions: map.gates.reduce((sum, gate) => sum + gate.arrivals, 0),
    usage,
    cost: priceOf(usage),
  };
}

/** The cost model's, for the seconds that the simulation found; and what one function does alone, longer than it knows. */
function usageOf(map: MapRun, platform: Platform, work: Workload, batches: Batches): Usage {
  const { before, after } = platform.stages(work, batches);
  const { count, size, gates } = batches;
  const usage = costOf({
    batches: count,
    claims: count,
    gates,
    workers: Math.min(work.workers, count),
    batchSize: size,
    appSeconds: map.taskSeconds,
    input: inputOf(work),
    results: { objects: 1, bytes: work.outputBytes },
    delivered: false,
  });
  const around = map.aroundSeconds - count * RULES.aroundSeconds.value;
  const alone = [...before, ...after].reduce((sum, { gbSeconds = 0 }) => sum + gbSeconds, 0);
  return { ...usage, controlGbSeconds: usage.controlGbSeconds + around * WORKER_GB + alone };
}

function inputOf({ source }: Workload): WorkInput {
  if (source.kind === "none") return { from: "nothing" };
  if (source.kind === "objects") return { from: "objects", objects: source.count };
  return { from: "bytes", bytes: source.bytes, sources: 1, scanned: source.scanned };
}

/** A worker asks S3 while it works, not for all at once: in so many portions of the time. */
const GETS_PER_PORTION = 25;
const MOST_PORTIONS = 20;

type FunctionName = "claim" | "app" | "commit";

class MapRun {
  end = 0;
  readonly used: Record<UsedName, Timeline>;
  readonly gates: readonly Line[];
  /** Billed of the workers: while they are at their tasks, and before and behind them. */
  taskSeconds = 0;
  aroundSeconds = 0;
  readonly #sim = new Simulator();
  readonly #work: Workload;
  readonly #batches: Batches;
  readonly #platform: Platform;
  readonly #children: Slots;
  readonly #starts: Rate;
  readonly #transitions: Rate;
  readonly #invocations: Slots;
  readonly #scaling: Readonly<Record<FunctionName, Rate>>;
  readonly #warm: Record<FunctionName, number> = { claim: 0, app: 0, commit: 0 };
  readonly #gets: Rate;
  readonly #puts: Rate;
  readonly #table: Rate;
  readonly #partitions: readonly Rate[];
  readonly #processors: Shared;

  constructor(work: Workload, batches: Batches, platform: Platform, from: number) {
    const { scarce } = platform;
    const sim = this.#sim;
    sim.now = from;
    this.#work = work;
    this.#batches = batches;
    this.#platform = platform;
    this.#children = new Slots(sim, Math.min(work.workers, scarce.mapConcurrency));
    this.#starts = new Rate(scarce.childStarts, 1, from);
    this.#transitions = new Rate(scarce.transitions, scarce.transitions, from);
    this.#invocations = new Slots(sim, scarce.lambdaConcurrency);
    const scaling = () => new Rate(scarce.lambdaScaling, scarce.lambdaScalingBurst, from);
    this.#scaling = { claim: scaling(), app: scaling(), commit: scaling() };
    const gets = scarce.s3Gets * (work.source.kind === "objects" ? work.source.prefixes : 1);
    this.#gets = new Rate(gets, 1, from);
    this.#puts = new Rate(scarce.s3Puts, 1, from);
    this.#table = new Rate(scarce.tableWrites, 1, from);
    const partition = () => new Rate(scarce.partitionWrites, 1, from);
    this.#partitions = Array.from({ length: PARTITIONS }, partition);
    this.#processors = new Shared(sim, scarce.processors);
    this.gates = Array.from({ length: batches.gates }, () => new Line());
    this.used = {
      children: this.#children.used,
      childStarts: this.#starts.used,
      transitions: this.#transitions.used,
      lambdaConcurrency: this.#invocations.used,
      lambdaScaling: this.#scaling.app.used,
      s3Gets: this.#gets.used,
      s3Puts: this.#puts.used,
      tableWrites: this.#table.used,
      partitionWrites: this.#partitions[0]?.used ?? new Timeline(),
    };
  }

  run(): void {
    this.end = this.#sim.now;
    for (let n = 0; n < this.#batches.count; n++) this.#children.take(() => this.#start(n));
    this.#sim.run();
  }

  #start(n: number): void {
    const { size } = this.#batches;
    const tasks = Math.min(size, this.#work.tasks - n * size);
    const times = this.#platform.childTimes(this.#work, tasks);
    const gate = this.gates[n % this.gates.length];
    const partition = this.#partitions[(n % this.gates.length) % PARTITIONS];
    if (!gate || !partition) throw new RangeError("a job has at least one gate");
    const commit = () =>
      this.#step(
        "commit",
        TRANSITIONS.commit,
        (done) => this.#compute(times.commit, () => this.#transact(gate, partition, done)),
        () =>
          this.#pass(TRANSITIONS.end, () => {
            this.end = this.#sim.now;
            this.#children.give();
          }),
      );
    const app = () =>
      this.#step("app", TRANSITIONS.app, (done, isNew) => this.#app(times.app, tasks, isNew, done), commit);
    const claim = () =>
      this.#step(
        "claim",
        TRANSITIONS.claim,
        (done) => this.#compute(times.claim, () => this.#transact(gate, partition, done)),
        app,
      );
    this.#sim.schedule(this.#starts.take(this.#sim.now), () => this.#pass(TRANSITIONS.start, claim));
  }

  /** Goes through so many states. */
  #pass(transitions: number, then: () => void): void {
    const at = this.#transitions.take(this.#sim.now, transitions);
    this.#sim.schedule(at + transitions * this.#platform.transitionLatency, then);
  }

  /** A state that calls a function: on a warm environment, or on one that is started. */
  #step(
    name: FunctionName,
    transitions: number,
    body: (done: () => void, isNew: boolean) => void,
    then: () => void,
  ): void {
    this.#pass(transitions, () => {
      this.#invocations.take(() => {
        const { invokeLatency, coldStart } = this.#platform;
        const isWarm = this.#warm[name] > 0;
        if (isWarm) this.#warm[name]--;
        const ready = isWarm ? this.#sim.now : this.#scaling[name].take(this.#sim.now) + coldStart;
        const began = ready - (isWarm ? 0 : coldStart); // the start is billed
        this.#sim.schedule(ready + invokeLatency, () =>
          body(() => {
            if (name === "app") this.aroundSeconds += this.#sim.now - began - invokeLatency;
            this.#warm[name]++;
            this.#invocations.give();
            then();
          }, !isWarm),
        );
      });
    });
  }

  #compute(seconds: number, then: () => void): void {
    this.#processors.do(seconds, then);
  }

  #transact(gate: Line, partition: Rate, then: () => void): void {
    const { now } = this.#sim;
    const given = Math.max(
      this.#table.take(now, TRANSACTION_WRITE_UNITS),
      partition.take(now, TRANSACTION_WRITE_UNITS),
    );
    this.#sim.schedule(given, () =>
      this.#sim.schedule(gate.take(this.#sim.now, this.#platform.transactionLatency), then),
    );
  }

  /** Waits for what it waits for; works, and asks S3 in portions for what the next stretch of work reads. */
  #app(times: ChildTimes["app"], tasks: number, isNew: boolean, then: () => void): void {
    const gets = WORKER_GETS + tasks * getsOf(this.#work.task);
    const works = times.works + (isNew ? this.#platform.firstCall(tasks) : 0);
    const portions = Math.min(MOST_PORTIONS, Math.ceil(gets / GETS_PER_PORTION));
    const work = (left: number): void => {
      if (left === 0) {
        const atTasks = this.#sim.now - began - times.around;
        this.taskSeconds += atTasks;
        this.aroundSeconds -= atTasks;
        const given = this.#puts.take(this.#sim.now, WORKER_PUTS);
        this.#sim.schedule(given, then);
        return;
      }
      const given = this.#gets.take(this.#sim.now, gets / portions);
      this.#processors.do(works / portions, () => this.#sim.schedule(given, () => work(left - 1)));
    };
    const began = this.#sim.now + times.waits;
    this.#sim.schedule(began, () => work(portions));
  }
}
