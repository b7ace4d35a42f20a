/** Looks at all jobs' items many times a second, straight in the table: the short states last for tenths of a second. */
import { setTimeout as sleep } from "node:timers/promises";
import { type JobItem, jobItem } from "../../core/contracts/job-items.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import type { Table } from "../../core/ports/index.ts";
import type { JobState } from "../../core/states/job-states.ts";

const LOOK_EVERY_MS = 15;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Watch {
  readonly #table: Table;
  readonly #watched = new Set<string>();
  readonly #jobs = new Map<string, JobItem>();
  #waiters: Waiter[] = [];
  #on = true;

  constructor(table: Table) {
    this.#table = table;
    void this.#run();
  }

  add(id: string): void {
    this.#watched.add(id);
  }

  remove(id: string): void {
    this.#watched.delete(id);
    this.#jobs.delete(id);
  }

  stop(): void {
    this.#on = false;
  }

  /** States of the jobs under watch, as last seen. */
  get states(): readonly JobState[] {
    return [...this.#jobs.values()].map(({ state }) => state);
  }

  /** The job as a look sees it that begins after this call. @throws Error when the table can't be read */
  async fresh(id: string): Promise<JobItem> {
    await new Promise<void>((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
    });
    const job = this.#jobs.get(id);
    if (!job) throw new Error(`There is no item of the job ${id}.`);
    return job;
  }

  async #run(): Promise<void> {
    while (this.#on) {
      const waiters = this.#waiters.splice(0);
      try {
        const items = await this.#table.batchGet([...this.#watched].map(jobKey), { consistent: true });
        for (const item of items) {
          const job = jobItem.parse(item);
          if (this.#watched.has(job.id)) this.#jobs.set(job.id, job);
        }
        for (const { resolve } of waiters) resolve();
      } catch (error) {
        for (const { reject } of waiters) reject(error);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }
}
