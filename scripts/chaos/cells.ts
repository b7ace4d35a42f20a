/** The table of actions × states: what was done to jobs, and in which state it met them. */
import { JOB_STATES, type JobState } from "../../core/states/job-states.ts";

/** What a user does, and what befalls a job: its execution stopped from outside, a worker's process killed. */
export const ACTIONS = ["pause", "resume", "abort", "requeue", "stop", "kill"] as const;
export type Action = (typeof ACTIONS)[number];
export type UserAction = Exclude<Action, "stop" | "kill">;

/** The states that every run of chaos must hit, by action: wherever the matrix of states allows the action. */
export const REQUIRED: Readonly<Record<Action, readonly JobState[]>> = {
  pause: ["PARTITIONED"],
  resume: ["PAUSED"],
  abort: ["PARTITIONING", "PARTITIONED", "MERGING", "DOWNLOADING"],
  requeue: ["FAILED", "CANCELED"],
  stop: ["PARTITIONING", "PARTITIONED", "MERGING", "DOWNLOADING"],
  kill: ["PARTITIONED"],
};
/** Where the matrix forbids the action: there it must be refused, and the refusal name the state. */
export const REFUSED: Readonly<Record<UserAction, readonly JobState[]>> = {
  pause: ["PARTITIONING", "MERGING", "DOWNLOADING"],
  resume: ["PARTITIONING", "MERGING", "DOWNLOADING"],
  abort: [],
  requeue: ["PARTITIONING", "PARTITIONED", "MERGING", "DOWNLOADING"],
};

const USER_ACTIONS = Object.keys(REFUSED) as readonly UserAction[];

export class Cells {
  readonly #done = new Map<string, number>();
  readonly #refused = new Map<string, number>();

  done(action: Action, state: JobState, times = 1): void {
    count(this.#done, cell(action, state), times);
  }

  refused(action: Action, state: JobState): void {
    count(this.#refused, cell(action, state), 1);
  }

  /** An action that must be refused in this state, and has not been so far. */
  notYetRefusedIn(state: JobState): UserAction | undefined {
    return USER_ACTIONS.find((action) => REFUSED[action].includes(state) && !this.#refused.has(cell(action, state)));
  }

  /** Required cells that nothing has hit. */
  empty(): string[] {
    const missing = <A extends Action>(
      actions: readonly A[],
      wanted: Readonly<Record<A, readonly JobState[]>>,
      found: ReadonlyMap<string, number>,
      how: string,
    ) =>
      actions.flatMap((action) =>
        wanted[action].filter((state) => !found.has(cell(action, state))).map((state) => `${action} ${how} ${state}`),
      );
    return [
      ...missing(ACTIONS, REQUIRED, this.#done, "in"),
      ...missing(USER_ACTIONS, REFUSED, this.#refused, "refused in"),
    ];
  }

  /** A row per state that was met, a column per action: how often it was done, and how often refused ("r"). */
  print(): string {
    const rows = JOB_STATES.filter((state) => ACTIONS.some((action) => this.#text(action, state) !== ""));
    const lines = [
      ["", ...ACTIONS],
      ...rows.map((state) => [
        state,
        ...ACTIONS.map((action) => this.#text(action, state) || this.#blank(action, state)),
      ]),
    ];
    return lines
      .map(([head = "", ...rest]) => head.padEnd(16) + rest.map((text) => text.padStart(9)).join(""))
      .join("\n");
  }

  #text(action: Action, state: JobState): string {
    const done = this.#done.get(cell(action, state));
    const refused = this.#refused.get(cell(action, state));
    return [...(done ? [String(done)] : []), ...(refused ? [`${refused}r`] : [])].join(" ");
  }

  #blank(action: Action, state: JobState): string {
    const isWanted =
      REQUIRED[action].includes(state) || USER_ACTIONS.some((a) => a === action && REFUSED[a].includes(state));
    return isWanted ? "MISSING" : "·";
  }
}

const cell = (action: Action, state: JobState): string => `${action} ${state}`;

function count(counts: Map<string, number>, key: string, times: number): void {
  counts.set(key, (counts.get(key) ?? 0) + times);
}
