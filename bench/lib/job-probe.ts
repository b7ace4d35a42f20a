/** What workers did for a job, read from the objects and the workflow themselves. */
import { DescribeMapRunCommand, ListMapRunsCommand, SFNClient } from "@aws-sdk/client-sfn";
import { claimIndex } from "../../core/contracts/worker.ts";
import { loadJob } from "../../core/job/load.ts";
import { executionName } from "../../core/keys/execution-name.ts";
import { jobPrefix } from "../../core/keys/object-keys.ts";
import { readJson } from "../../core/objects/json.ts";
import type { Deployed } from "./deployed.ts";

/** What a run did: children that its Map started, and tasks that workers ran. */
export interface Work {
  readonly children: number;
  readonly tasks: number;
}

export class JobProbe {
  readonly #stack: Deployed;
  readonly #id: string;
  readonly #sfn = new SFNClient({});

  constructor(stack: Deployed, id: string) {
    this.#stack = stack;
    this.#id = id;
  }

  /** Keys of the indexes of all claims so far. */
  async claims(): Promise<ReadonlySet<string>> {
    const { objects, bucket, table } = this.#stack;
    const job = await loadJob(table, this.#id);
    const prefix = `${jobPrefix({ owner: job?.owner ?? "", jobId: this.#id })}results/`;
    const keys = new Set<string>();
    for (let cursor: string | undefined; ; ) {
      const page = await objects.list(bucket, prefix, cursor === undefined ? {} : { cursor });
      for (const { key } of page.objects) if (key.endsWith("/index.json")) keys.add(key);
      cursor = page.cursor;
      if (cursor === undefined) return keys;
    }
  }

  async #tasksOf(key: string) {
    const { objects, bucket } = this.#stack;
    return (await readJson(objects, { bucket, key }, claimIndex)).tasks;
  }

  /** Seconds. */
  async longestTask(): Promise<number> {
    let longest = 0;
    for (const key of await this.claims()) {
      for (const { t } of await this.#tasksOf(key)) longest = Math.max(longest, t[1] / 1_000);
    }
    return longest;
  }

  async workSince(before: ReadonlySet<string>): Promise<Work> {
    let tasks = 0;
    for (const key of await this.claims()) if (!before.has(key)) tasks += (await this.#tasksOf(key)).length;
    return { tasks, children: await this.#childrenOfRun() };
  }

  /** Of the latest run's Map. */
  async #childrenOfRun(): Promise<number> {
    const run = (await loadJob(this.#stack.table, this.#id))?.run ?? 0;
    const executionArn = `${this.#stack.stateMachineArn.replace(":stateMachine:", ":execution:")}:${executionName(this.#id, run)}`;
    const { mapRuns = [] } = await this.#sfn.send(new ListMapRunsCommand({ executionArn }));
    let children = 0;
    for (const { mapRunArn } of mapRuns) {
      const { itemCounts } = await this.#sfn.send(new DescribeMapRunCommand({ mapRunArn }));
      children += itemCounts?.total ?? 0;
    }
    return children;
  }
}
