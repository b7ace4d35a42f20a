/** What must be true of a demo job besides its output. */
import type { JobJobClient } from "../client/index.ts";
import type { JobRecord } from "../core/contracts/api/records.ts";
import type { DemoJob } from "./jobs.ts";

/** The way of a job that meets no trouble. */
export const STATES = [
  "NEW",
  "STARTED",
  "UPLOADING",
  "PARTITIONING",
  "PARTITIONED",
  "TASKS_COMPLETED",
  "MERGING",
  "MERGED",
  "DOWNLOADING",
  "COMPLETE",
].map((state) => `JOB_STATE_${state}`);

/** @returns what is wrong; nothing when all is as it should be */
export function problemsOfStates(
  stateTimestamps: Readonly<Record<string, string>>,
  timeline: readonly string[],
): string[] {
  const problems: string[] = [];
  const missing = STATES.filter((state) => stateTimestamps[state] === undefined);
  if (missing.length > 0) problems.push(`not stamped: ${missing.join(", ")}`);
  for (const [i, state] of STATES.slice(1).entries()) {
    const [before, at] = [stateTimestamps[STATES[i] ?? ""], stateTimestamps[state]];
    if (before !== undefined && at !== undefined && Date.parse(at) < Date.parse(before)) {
      problems.push(`${state} was stamped before ${STATES[i]}`);
    }
  }
  if (timeline.join() !== STATES.join()) problems.push(`the timeline went ${timeline.join(" → ")}`);
  return problems;
}

export interface Checked {
  readonly problems: readonly string[];
  readonly tasks: number;
  readonly workers: number;
}

export async function checkJob(client: JobJobClient, job: JobRecord, demo: DemoJob): Promise<Checked> {
  const timeline: string[] = [];
  for await (const { to } of client.events(job.id)) if (to !== null) timeline.push(to);
  const workers = new Set<string>();
  let tasks = 0;
  for await (const { attempts } of client.tasks(job.id)) {
    tasks++;
    for (const { worker } of attempts) if (worker !== null) workers.add(worker);
  }
  const problems = problemsOfStates(job.stateTimestamps, timeline);
  if (tasks < demo.leastChunks) problems.push(`it has ${tasks} tasks and should have at least ${demo.leastChunks}`);
  if (workers.size < 2) problems.push(`${workers.size} worker took part, and more than one should`);
  return { problems, tasks, workers: workers.size };
}
