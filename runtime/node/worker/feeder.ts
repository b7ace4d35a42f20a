import type { ByteTask, FeederOptions, Unit } from "./feed-unit.ts";
import type { HandTask } from "./hand-plan.ts";
import { RunUnit } from "./run-unit.ts";
import { WholeUnit } from "./whole-unit.ts";

/** A gap between two chunks of one source that is cheaper to read over than to ask again. */
const GAP_BYTES = 64 * 1024;
const READERS_AHEAD = 8;

/** Reads the inputs of the tasks in hand, in order, and hands the tasks to the supervisor. */
export class Feeder {
  readonly #options: FeederOptions;
  constructor(options: FeederOptions) {
    this.#options = options;
  }

  /** Ends when all are submitted, or no further may be taken. Outcomes come by the events. */
  async run(tasks: readonly HandTask[]): Promise<void> {
    const units = this.#units(tasks);
    for (let i = 0; i < units.length; i++) {
      const prime = () => this.#prime(units, i + 1);
      const unit = units[i];
      if (unit?.isSmall) prime();
      if (!unit || !(await unit.run(prime))) return;
    }
  }

  /** Asks early for what comes next, as long as it is little: small objects would else cost a round trip each. */
  #prime(units: readonly Unit[], from: number): void {
    for (let i = from; i < Math.min(units.length, from + READERS_AHEAD); i++) {
      const unit = units[i];
      unit?.prime();
      if (!unit?.isSmall) return;
    }
  }

  #units(tasks: readonly HandTask[]): Unit[] {
    const units: Unit[] = [];
    let run: ByteTask[] = [];
    const close = () => {
      if (run.length > 0) units.push(new RunUnit(this.#options, run));
      run = [];
    };
    for (const task of tasks) {
      const { input } = task;
      if (input.kind !== "bytes") {
        close();
        units.push(new WholeUnit(this.#options, task, input.kind === "objects" ? input.sources : []));
        continue;
      }
      const last = run.at(-1)?.input;
      const isNeighbour =
        last?.source.key === input.source.key &&
        last.source.bucket === input.source.bucket &&
        input.chunk.from >= last.chunk.to &&
        input.chunk.from - last.chunk.to <= GAP_BYTES;
      if (!isNeighbour) close();
      run.push({ ...task, input });
    }
    close();
    return units;
  }
}
