/** Moments of a running job, which pass faster or slower than a test that waits for one, by the machine. */
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { JobRecord } from "../../core/contracts/api/records.ts";
import { getJob, type Owner } from "./harness.ts";

/** The moment was over before it could be used. */
export class Missed extends Error {}

const TRIES = 4;

/**
 * Catches a moment: a try that throws `Missed` is made again, with a job that lasts twice as long. `attempt` gets how many
 * times as long as the first. Everything else that is thrown is a failure at once.
 */
export async function catchMoment<T>(attempt: (times: number) => Promise<T>): Promise<T> {
  for (let n = 0; ; n++) {
    try {
      return await attempt(2 ** n);
    } catch (error) {
      if (!(error instanceof Missed) || n === TRIES - 1) throw error;
      console.log(`${error.message}; again with a job that lasts longer`);
    }
  }
}

export const isIn = (state: string) => (job: JobRecord) => job.state === `JOB_STATE_${state}`;

/** Looks until the job is as wanted. @throws Missed when it was COMPLETE first */
export async function until(owner: Owner, id: string, wanted: (job: JobRecord) => boolean): Promise<JobRecord> {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const job = await getJob(owner, id);
    if (wanted(job)) return job;
    if (isIn("COMPLETE")(job)) throw new Missed(`${id} was COMPLETE too soon`);
    if (job.endedAt !== null || Date.now() > deadline) {
      throw new Error(`${id} is ${job.state}, ${job.progress.text}: ${job.errorMessage}`);
    }
    await sleep(50);
  }
}

/** @throws Missed when the job is past it */
export async function stop(owner: Owner, id: string, action: "pause" | "abort"): Promise<void> {
  const { status, body } = await owner.call("POST", `/v1/customer/jobs/${id}/${action}`, {});
  if (status === 409) throw new Missed(`${id}: ${body.message}`);
  expect([status, body.ok], JSON.stringify(body)).toEqual([200, true]);
}
