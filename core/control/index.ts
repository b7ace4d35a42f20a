/** What a user does to a running or ended job. Deleting one is core/job/delete.ts, for it ends the record, not the run. */
export { abortJob } from "./abort.ts";
export { actOnJobs } from "./bulk.ts";
export { pauseJob } from "./pause.ts";
export { type RequeueOptions, requeueJob } from "./requeue.ts";
export { resumeJob } from "./resume.ts";
export type { TaskChoice } from "./select.ts";
