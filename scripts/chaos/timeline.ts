import { eventItem } from "../../core/contracts/job-items.ts";
import { EVENT_PREFIX, jobKey } from "../../core/keys/item-keys.ts";
import type { Table } from "../../core/ports/index.ts";
import type { JobState } from "../../core/states/job-states.ts";
import type { UserAction } from "./cells.ts";

/** What users did to a job, by its timeline: that alone knows the state they met it in. */
export class Timeline {
  readonly #table: Table;
  readonly #id: string;
  /** Rows that were told. */
  readonly #told = new Set<string>();

  constructor(table: Table, id: string) {
    this.#table = table;
    this.#id = id;
  }

  /** Actions since the last call, each with the state it was done in. */
  async news(): Promise<ReadonlyMap<UserAction, JobState>> {
    const found = new Map<UserAction, JobState>();
    const { pk } = jobKey(this.#id);
    for (let cursor: string | undefined; ; ) {
      const from = cursor === undefined ? {} : { cursor };
      const page = await this.#table.query({ pk, prefix: EVENT_PREFIX, consistent: true, ...from });
      for (const item of page.items) {
        if (this.#told.has(item.sk)) continue;
        this.#told.add(item.sk);
        const { from: before, to } = eventItem.parse(item);
        const action = before && to && actionOf(before, to);
        if (action) found.set(action, before);
      }
      cursor = page.cursor;
      if (cursor === undefined) return found;
    }
  }
}

/** The user's action that made a transition; none for what the engine does by itself. */
function actionOf(from: JobState, to: JobState): UserAction | undefined {
  if (to === "PAUSING") return "pause";
  if (to === "CANCELING" || (from === "FAILED" && to === "CANCELED")) return "abort";
  if (to === "REQUEUEING") return "requeue";
  return from === "PAUSED" && to === "PARTITIONED" ? "resume" : undefined;
}
