/** Follows a job to its end: a live line on a terminal, a line per change elsewhere. */
import type { JobJobClient } from "../client/index.ts";
import type { JobRecord } from "../core/contracts/api/records.ts";
import { EXIT } from "./cli-error.ts";
import type { Cli } from "./context.ts";
import { costLine } from "./cost.ts";
import { bareState, humanDuration } from "./human.ts";
import { Pace, progressLine } from "./progress-line.ts";
import { cut } from "./terminal.ts";

export interface WatchOptions {
  /** Ends the watching too, as PAUSED. */
  readonly until?: string | undefined;
  /** Seconds until it gives up. @default never */
  readonly timeout?: number | undefined;
  /** Progress goes to stderr, so that stdout holds the result alone. */
  readonly quiet?: boolean;
}

export interface Watched {
  readonly job: JobRecord;
  readonly end: "terminal" | "reached" | "timeout" | "interrupted";
}

const TERMINAL = new Set(["COMPLETE", "FAILED", "CANCELED", "UNRUNNABLE"]);
/** Half a second while it is young, later 2 s: a long job doesn't need more. */
const lookEvery = (watchedMs: number): number => Math.min(2_000, Math.max(500, watchedMs / 30));

/** Ctrl-C ends the watching alone: the job goes on. */
export function watchJob(cli: Cli, client: JobJobClient, id: string, options: WatchOptions = {}): Promise<Watched> {
  return cli.interrupts.during((signal) => follow(cli, client, id, options, signal));
}

async function follow(
  cli: Cli,
  client: JobJobClient,
  id: string,
  options: WatchOptions,
  signal: AbortSignal,
): Promise<Watched> {
  const began = cli.now();
  const pace = new Pace();
  const view = options.quiet || !cli.terminal.isLive ? new Lines(cli, options.quiet === true) : new LiveLine(cli);
  try {
    for (;;) {
      const { job } = await client.get(id);
      pace.observe(job, cli.now());
      view.show(job, pace);
      if (bareState(job.state) === options.until) return { job, end: "reached" };
      if (TERMINAL.has(bareState(job.state))) return { job, end: "terminal" };
      const watched = cli.now() - began;
      if (options.timeout !== undefined && watched >= options.timeout * 1_000) return { job, end: "timeout" };
      const left = options.timeout === undefined ? Number.POSITIVE_INFINITY : options.timeout * 1_000 - watched;
      if (!signal.aborted) await cli.sleep(Math.min(lookEvery(watched), left), signal);
      if (signal.aborted) return { job, end: "interrupted" };
    }
  } finally {
    view.end();
  }
}

interface View {
  show(job: JobRecord, pace: Pace): void;
  end(): void;
}

class LiveLine implements View {
  readonly #cli: Cli;
  constructor(cli: Cli) {
    this.#cli = cli;
  }
  show(job: JobRecord, pace: Pace): void {
    const { terminal } = this.#cli;
    terminal.live(cut(progressLine(job, pace, terminal.paint), terminal.columns - 1));
  }
  end(): void {
    this.#cli.terminal.live("");
  }
}

/** A line for each state entered since the last look, with the time since the job was taken, and for progress. */
class Lines implements View {
  readonly #write: (line: string) => void;
  #stamps = new Map<string, string>();
  #progress = "";

  constructor({ terminal }: Cli, quiet: boolean) {
    this.#write = quiet ? terminal.err : terminal.out;
  }

  show(job: JobRecord, pace: Pace): void {
    const entered = Object.entries(job.stateTimestamps)
      .filter(([state, at]) => this.#stamps.get(state) !== at && state !== job.state)
      .sort(([, a], [, b]) => (a < b ? -1 : a > b ? 1 : 0));
    const since = Date.parse(job.submittedAt ?? job.createdAt);
    for (const [state, at] of entered) {
      const seconds = Math.max(0, Date.parse(at) - since) / 1_000;
      this.#write(`${humanDuration(seconds).padStart(8)}  ${bareState(state)}`);
    }
    const stamp = job.stateTimestamps[job.state];
    const isNew = stamp !== undefined && this.#stamps.get(job.state) !== stamp;
    this.#stamps = new Map(Object.entries(job.stateTimestamps));
    const progress = `${job.state} ${job.waitingFor} ${job.progress.text}`;
    if (progress === this.#progress) return;
    this.#progress = progress;
    const line = progressLine({ ...job, duration: null }, pace, (_colour, text) => text);
    const seconds = isNew ? Math.max(0, Date.parse(stamp) - since) / 1_000 : (job.duration ?? 0);
    this.#write(`${humanDuration(seconds).padStart(8)}  ${line}`);
  }
  end(): void {}
}

/** What `wait` exits with, and `run --watch` too. */
export function exitCodeOf({ job, end }: Watched): number {
  if (end === "interrupted") return EXIT.INTERRUPTED;
  if (end === "timeout") return EXIT.TIMED_OUT;
  if (end === "reached") return EXIT.COMPLETE;
  switch (bareState(job.state)) {
    case "COMPLETE":
      return EXIT.COMPLETE;
    case "FAILED":
      return EXIT.FAILED;
    default:
      return EXIT.CANCELED;
  }
}

/** After watching: how it ended, or how to come back. */
export function sayEnd({ terminal }: Cli, { job, end }: Watched, quiet: boolean): void {
  if (end === "timeout" || end === "interrupted") {
    const isPaused = job.state === "JOB_STATE_PAUSED";
    const goesOn = isPaused ? `stays PAUSED; \`jobjob resume ${job.id}\` goes on with it` : "goes on";
    terminal.err(
      `${end === "timeout" ? "The time is up, and the" : "The"} job ${job.id} ${goesOn}; \`jobjob wait ${job.id}\` comes back to it, \`jobjob stop ${job.id}\` ends it.`,
    );
    return;
  }
  // Without a live line the last line of the progress has said it.
  if (!quiet && terminal.isLive) terminal.out(progressLine(job, new Pace(), terminal.paint));
  if (end === "reached") return;
  const cost = costLine(job);
  if (cost !== null) terminal.err(cost);
  if (job.errorMessage !== null) terminal.err(`${terminal.paint("red", bareState(job.state))}: ${job.errorMessage}`);
  const next = nextStep(job);
  if (next) terminal.err(next);
  if (job.incomplete) {
    const { tasks, items } = job.incomplete;
    terminal.err(
      `Left out, within the job's tolerance: ${tasks} failed tasks, ${items} rejected items; see \`jobjob tasks ${job.id} --state FAILED\` and \`--state PARTIAL\`.`,
    );
  }
}

/** The way on from a job that ended short of its results. */
export function nextStep({ id, state, failure, progress }: JobRecord): string | null {
  if (state === "JOB_STATE_CANCELED") return `\`jobjob requeue ${id}\` runs what is left of it.`;
  if (state !== "JOB_STATE_FAILED") return null;
  if (failure?.code === "INPUT_CHANGED")
    return `\`jobjob requeue ${id} --repartition\` cuts the input anew and runs all of it.`;
  const see = progress.failed > 0 ? `\`jobjob tasks ${id} --state FAILED\` shows what failed; ` : "";
  return `${see}\`jobjob requeue ${id}\` runs what is left.`;
}
