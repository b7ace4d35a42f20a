import type { JobRecord } from "../core/contracts/api/records.ts";
import { bareState, humanDuration, humanRate, humanUsd } from "./human.ts";
import type { Colour, Paint } from "./terminal.ts";

/** Seconds over which the rate is taken: long enough to be calm, short enough to follow a change. */
const WINDOW_MS = 15_000;

/** How fast tasks end, from what was seen. */
export class Pace {
  readonly #seen: { readonly at: number; readonly done: number; readonly run: number }[] = [];
  /** Something has ended since the first look: from there on a standstill counts. */
  #moved = false;

  observe(job: JobRecord, at: number): void {
    const done = doneOf(job);
    const last = this.#seen.at(-1);
    // A next run may begin lower.
    if (last && (last.run !== job.run || last.done > done)) {
      this.#seen.length = 0;
      this.#moved = false;
    } else if (last && last.done < done) {
      this.#moved = true;
    } else if (!this.#moved) {
      // The time before the first task ends (start, split, the first task itself) would spoil the rate for long.
      this.#seen.length = 0;
    }
    this.#seen.push({ at, done, run: job.run });
    while (this.#seen.length > 2 && at - (this.#seen[1]?.at ?? at) >= WINDOW_MS) this.#seen.shift();
  }

  /** Tasks a second; undefined until two looks lie a second apart and something ended between them. */
  get perSecond(): number | undefined {
    const [first, last] = [this.#seen[0], this.#seen.at(-1)];
    if (!first || !last || last.at - first.at < 1_000 || last.done === first.done) return undefined;
    return ((last.done - first.done) * 1_000) / (last.at - first.at);
  }
}

const doneOf = ({ progress }: JobRecord): number =>
  progress.completed + progress.partial + progress.skipped + progress.failed;

/** `PARTITIONED  12 + 0 / 40  3.2/s  ETA 9 s  $0.0012  4.1 s`. */
export function progressLine(job: JobRecord, pace: Pace, paint: Paint): string {
  const left = job.progress.total - doneOf(job);
  const rate = pace.perSecond;
  const isRunning = job.state === "JOB_STATE_PARTITIONED";
  const parts = [
    stateText(job, paint),
    job.progress.text,
    isRunning && rate !== undefined ? humanRate(rate) : null,
    isRunning && rate !== undefined && left > 0 ? `ETA ${humanDuration(left / rate)}` : null,
    job.cost ? humanUsd(job.cost.usd) : null,
    job.duration === null ? null : humanDuration(job.duration),
  ];
  return parts.filter((part) => part !== null).join("  ");
}

/** The state, and what it waits for. */
export function stateText(job: JobRecord, paint: Paint): string {
  const state = bareState(job.state);
  const waits = waitingText(job);
  return paint(colourOf(state), state) + (waits === "" ? "" : ` (${waits})`);
}

function waitingText(job: JobRecord): string {
  switch (bareState(job.state)) {
    case "PAUSING":
      return "the tasks in hand end first";
    case "PAUSED":
      return "`jobjob resume` goes on";
    case "CANCELING":
      return "what is under way ends first";
  }
  switch (job.waitingFor) {
    case "START_AT":
      return job.startAt ? `waits until ${job.startAt}` : "waits out its grace period";
    case "UPLOAD":
      return "waits for its upload";
    case "CONCURRENCY":
      return "waits for other jobs";
    case "UPSTREAM":
      return "waits for another job";
    default:
      return "";
  }
}

const YELLOW: ReadonlySet<string> = new Set(["CANCELED", "CANCELING", "PAUSED", "PAUSING", "PARTIAL", "SOFT_FAILED"]);

export function colourOf(state: string): Colour {
  if (state === "COMPLETE" || state === "COMPLETED") return "green";
  if (state === "FAILED" || state === "UNRUNNABLE") return "red";
  if (YELLOW.has(state)) return "yellow";
  return "cyan";
}
