import type { FailureStep, JobItem } from "../contracts/job-items.ts";
import type { JobState } from "../states/job-states.ts";

/** The step that a job in a state is in the hands of. */
const STEP_OF: Partial<Record<JobState, FailureStep>> = {
  STARTED: "prepare",
  UPLOADING: "prepare",
  PARTITIONING: "partition",
  PARTITIONED: "tasks",
  PAUSING: "tasks",
  REQUEUEING: "plan",
  TASKS_COMPLETED: "assemble",
  MERGING: "assemble",
  MERGED: "deliver",
  DOWNLOADING: "deliver",
};

/** Which step a failure of the job now would be a failure of. In DOWNLOADING the latest step claim tells deliver from publish. */
export function failureStepOf(job: JobItem): FailureStep {
  if (job.state === "DOWNLOADING" && job.claimStep?.startsWith("publish#")) return "publish";
  return STEP_OF[job.state] ?? "start";
}
