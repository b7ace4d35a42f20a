/** One job under chaos: what befalls it, and what a user would do about it, until it has ended for good. */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiFailure, type NewJob, type Place } from "../../client/index.ts";
import type { JobItem } from "../../core/contracts/job-items.ts";
import { loadGates, sumGates } from "../../core/gates/gates.ts";
import { executionName } from "../../core/keys/execution-name.ts";
import { isActive, JOB_STATES, type JobState } from "../../core/states/job-states.ts";
import type { Cells, UserAction } from "./cells.ts";
import type { Kind } from "./kinds.ts";
import { differenceOfOutputs, fingerprintOf, type Target } from "./outputs.ts";
import type { Intent, JobPlan } from "./plan.ts";
import type { Random } from "./random.ts";
import type { ChaosStack } from "./stack.ts";
import { Timeline } from "./timeline.ts";
import type { Watch } from "./watch.ts";

/** The sweeper's period on either emulator and on AWS. */
const SWEEP_MS = 60_000;
/** What one sweep itself may take. */
const SWEEP_TAKES_MS = 5_000;
/** Nothing about a job that is alive may stand still for longer; an abort in DOWNLOADING takes up to 65 s and a sweep. */
const STUCK_MS = 240_000;
/** From a stopped job's last move (the children of MiniStack's Map go on after StopExecution); docs/adr/0019. */
export const LOST_LIMIT_MS = 2 * SWEEP_MS + SWEEP_TAKES_MS;
const MOST_RUNS = 20;

export interface Stop {
  /**
   * From when it stood still until it had FAILED; undefined when the step that was under way took it on to its end, or
   * a wish came first.
   */
  readonly lostAfterMs: number | undefined;
}
export interface Outcome {
  readonly id: string;
  readonly kind: string;
  readonly state: JobState;
  readonly runs: number;
  readonly seconds: number;
  readonly stops: readonly Stop[];
  readonly problems: readonly string[];
}

export interface DriverOptions {
  readonly stack: ChaosStack;
  readonly watch: Watch;
  readonly cells: Cells;
  readonly random: Random;
  readonly kind: Kind;
  readonly plan: JobPlan;
  /** Of this job in the granted bucket, ends in "/". */
  readonly folder: string;
  readonly onCreated: (id: string) => void;
  readonly say: (line: string) => void;
}

/** Creates the job, and sees it through. */
export async function driveJob(options: DriverOptions): Promise<Outcome> {
  const { stack, random, kind, folder } = options;
  const recipe = kind.make(random);
  for (const [name, text] of recipe.inputs) {
    await stack.objects.put({ bucket: stack.granted, key: `${folder}in/${name}` }, text);
  }
  const target: Target = { bucket: stack.granted, folder: random.chance(0.6) ? `${folder}out/` : null };
  const { job } = await stack.client.create({
    name: `chaos: ${kind.name}`,
    ...recipe.draft,
    dataSource: recipe.inputs.size > 0 ? granted(stack, `${folder}in/`) : { dataSourceDescriptor: "bypass" },
    dataDestination: target.folder === null ? { dataSourceDescriptor: "bucket" } : granted(stack, target.folder),
    config: { retryBackoff: { initialMs: 300, maxMs: 2_000 }, maxTaskRetries: 4, ...recipe.draft.config },
  } satisfies NewJob);
  options.onCreated(job.id);
  return new Driver(options, job.id, target, recipe.outputs).run();
}

const granted = (stack: ChaosStack, name: string): Place => ({
  dataSourceDescriptor: "s3",
  params: { name, bucketName: stack.granted },
});

class Driver {
  readonly #o: DriverOptions;
  readonly #id: string;
  readonly #target: Target;
  readonly #expected: ReadonlyMap<string, string>;
  readonly #left: { readonly intent: Intent; tries: number }[];
  readonly #problems: string[] = [];
  readonly #stops: Stop[] = [];
  readonly #stoppedRuns = new Set<number>();
  readonly #timeline: Timeline;
  /** An execution that was stopped from outside, and hasn't been accounted for. */
  #stopped: { readonly run: number; readonly at: number; readonly intent: Intent } | undefined;

  constructor(options: DriverOptions, id: string, target: Target, expected: ReadonlyMap<string, string>) {
    this.#o = options;
    this.#id = id;
    this.#timeline = new Timeline(options.stack.table, id);
    this.#target = target;
    this.#expected = expected;
    this.#left = options.plan.intents.map((intent) => ({ intent, tries: intent.tries }));
  }

  async run(): Promise<Outcome> {
    const { watch, stack } = this.#o;
    const began = performance.now();
    watch.add(this.#id);
    await stack.client.run(this.#id);
    let seen = "";
    let since = performance.now();
    let job = await watch.fresh(this.#id);
    for (; ; job = await watch.fresh(this.#id)) {
      const now = `${job.state} ${job.run} ${job.round} ${job.claim}`;
      if (now !== seen) [seen, since] = [now, performance.now()];
      else if (performance.now() - since > STUCK_MS) {
        this.#problems.push(`stuck in ${job.state}, run ${job.run}, for ${STUCK_MS / 1_000} s`);
        break;
      }
      await this.#account(job);
      if (job.run > MOST_RUNS) {
        this.#problems.push(`not through after ${MOST_RUNS} runs; it is ${job.state}`);
        break;
      }
      if (await this.#step(job)) break;
    }
    watch.remove(this.#id);
    const seconds = (performance.now() - began) / 1_000;
    return {
      id: this.#id,
      kind: this.#o.kind.name,
      state: job.state,
      runs: job.run,
      seconds,
      stops: this.#stops,
      problems: this.#problems,
    };
  }

  /** @returns true when the job has ended for good */
  async #step(job: JobItem): Promise<boolean> {
    if (isActive(job.state) || job.state === "CANCELED" || job.state === "FAILED") await this.#befall(job);
    switch (job.state) {
      case "PAUSED":
        await sleep(this.#o.random.int(0, 1_500));
        await this.#call("resume", job);
        return false;
      case "FAILED":
        if (job.failure && !this.#isExpected(job.failure.code, job.run)) {
          this.#problems.push(`FAILED ${job.failure.code} in ${job.failure.step}: ${job.failure.message}`);
        }
        await this.#requeue(job);
        return false;
      case "CANCELED":
        return this.#whenCanceled(job);
      case "COMPLETE":
        return this.#whenComplete(job);
      default:
        return false;
    }
  }

  /** A workflow is lost only when chaos has stopped it. */
  #isExpected(code: string, run: number): boolean {
    return code === "WORKFLOW_LOST" ? this.#stoppedRuns.has(run) : EXPECTED_FAILURES.has(code);
  }

  async #whenCanceled(job: JobItem): Promise<boolean> {
    const { stack, random, plan } = this.#o;
    const before = await fingerprintOf(stack.objects, this.#target);
    const isLast = plan.staysCanceled && this.#left.length === 0;
    // Whatever still ran when it was canceled has this long to do what it mustn't.
    await sleep(isLast ? 5_000 : random.int(0, 1_500));
    if ((await fingerprintOf(stack.objects, this.#target)) !== before) {
      this.#problems.push("an object at the destination changed after CANCELED (I4)");
    }
    if (!isLast) await this.#requeue(job);
    return isLast;
  }

  async #whenComplete(job: JobItem): Promise<boolean> {
    const difference = await differenceOfOutputs(this.#o.stack, this.#id, this.#target, this.#expected);
    if (difference !== undefined) {
      this.#problems.push(`COMPLETE in run ${job.run}, but ${difference}`);
      return true;
    }
    const toTry = this.#left.filter(({ tries }) => tries > 0);
    if (toTry.length === 0) return true;
    // Something was to befall it and came too late: another run, with what gives it another chance.
    const early: readonly JobState[] = ["STARTED", "UPLOADING", "PARTITIONING"];
    const repartition = toTry.some(({ intent }) => early.includes(intent.at));
    await this.#call("requeue", job, repartition ? { repartition: true } : { tasks: "all" });
    for (const left of toTry) left.tries--;
    return false;
  }

  async #requeue(job: JobItem): Promise<void> {
    const { random } = this.#o;
    const choices = [{}, {}, {}, { tasks: "unfinished" }, { tasks: "all" }, { repartition: true }];
    const { answer } = await this.#call("requeue", job, random.pick(choices));
    // "unfinished" of a job that has none is refused, and rightly.
    if (answer === "NOTHING_TO_REQUEUE") await this.#call("requeue", job);
  }

  /** What is due in this state happens, after a moment; and what must be refused in it is asked for. */
  async #befall(job: JobItem): Promise<void> {
    const forbidden = this.#o.cells.notYetRefusedIn(job.state);
    if (forbidden) await this.#call(forbidden, job);
    const due = this.#left.find(({ intent }) => intent.at === job.state);
    if (!due) return;
    const { random, watch } = this.#o;
    await sleep(random.chance(0.5) ? 0 : random.int(0, due.intent.at === "PARTITIONED" ? 600 : 120));
    const now = await watch.fresh(this.#id);
    if (now.state !== due.intent.at) return;
    const met = await this.#act(due.intent, now);
    // A state of moments may be over each time before the action meets the job, and each miss costs a run.
    if (met === due.intent.at || (met !== undefined && --due.tries <= 0)) this.#left.splice(this.#left.indexOf(due), 1);
  }

  /** @returns the state in which it met the job; undefined when it had no effect */
  async #act(intent: Intent, job: JobItem): Promise<JobState | undefined> {
    if (intent.action === "stop") return (await this.#stop(intent, job)) ? intent.at : undefined;
    const { met, answer } = await this.#call(intent.action, job);
    return answer === "ok" ? met : undefined;
  }

  /** StopExecution, behind JobJob's back. */
  async #stop(intent: Intent, job: JobItem): Promise<boolean> {
    const { stack, say } = this.#o;
    const at = Date.now();
    if (!(await stack.stopExecution(executionName(job.id, job.run)))) return false; // it had ended by itself
    this.#stopped = { run: job.run, at, intent };
    this.#stoppedRuns.add(job.run);
    say(`${this.#id} StopExecution in ${job.state}`);
    return true;
  }

  /** What became of a run whose execution was stopped; the state in which that met the job is told by the job. */
  async #account(job: JobItem): Promise<void> {
    const stopped = this.#stopped;
    if (!stopped) return;
    const { intent } = stopped;
    const isOver = job.run !== stopped.run || !isActive(job.state) || job.state === "PAUSED";
    if (!isOver && Date.now() - stopped.at <= LOST_LIMIT_MS) return;
    const isLost = job.state === "FAILED" && job.failure?.code === "WORKFLOW_LOST";
    const still = Math.max(stopped.at, await this.#movedAt(job));
    const stillMs = (isLost ? (job.stamps.FAILED ?? 0) : Date.now()) - still;
    const isLate = stillMs > LOST_LIMIT_MS;
    if (!isOver && !isLate) return;
    if (isLate && (isLost || !isOver)) {
      const seconds = (stillMs / 1_000).toFixed(1);
      this.#problems.push(
        `its execution was stopped in ${intent.at}; it stood still for ${seconds} s, and is ${job.state}`,
      );
    }
    const met = isLost ? job.interrupted : undefined;
    if (met) this.#o.cells.done("stop", met);
    const tries = intent.tries - 1;
    if (met !== intent.at && tries > 0) this.#left.push({ intent: { ...intent, tries }, tries });
    this.#stops.push({ lostAfterMs: isLost ? stillMs : undefined });
    this.#stopped = undefined;
  }

  /** When the job entered its state (that in which it was lost), or in it a task was last claimed or committed. */
  async #movedAt(job: JobItem): Promise<number> {
    const state = (job.state === "FAILED" && job.interrupted) || job.state;
    const gates = await loadGates(this.#o.stack.table, job.id, job.generation, job.gates ?? 1);
    return Math.max(job.stamps[state] ?? 0, sumGates(gates).movedAt ?? 0);
  }

  /** One call. `answer` is "ok" or the code of the refusal, `met` the state in which it met the job. */
  async #call(
    action: UserAction,
    job: JobItem,
    body: object = {},
  ): Promise<{ readonly answer: string; readonly met: JobState | undefined }> {
    const { stack, cells, say } = this.#o;
    try {
      await stack.client.transport.call("POST", `/v1/customer/jobs/${job.id}/${action}`, { body });
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.status !== 409) throw error;
      say(`${this.#id} ${action} refused: ${error.message}`);
      const met = JOB_STATES.find((state) => error.message.includes(` is ${state}`));
      if (!met) this.#problems.push(`the refusal of ${action} names no state: ${error.message}`);
      else if (error.code !== "NOTHING_TO_REQUEUE") cells.refused(action, met);
      return { answer: error.code, met };
    }
    const news = await this.#timeline.news();
    for (const [done, at] of news) cells.done(done, at);
    const met = news.get(action);
    say(`${this.#id} ${action} ${JSON.stringify(body)} in ${met ?? "no state of its own (repeated)"}`);
    return { answer: "ok", met };
  }
}

/** A job may end so for what chaos does to it; everything else would be a fault of ours. */
const EXPECTED_FAILURES: ReadonlySet<string> = new Set([
  "TASKS_FAILED",
  "TOLERANCE_EXCEEDED",
  "WORKER_DIES",
  "WORKER_DIED",
]);
