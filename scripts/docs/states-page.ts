import { JOB_STATES, JOB_TRANSITIONS } from "../../core/states/job-states.ts";
import { TASK_STATES } from "../../core/states/task-states.ts";
import { JOB_WORDS, type JobRow, TASK_WORDS } from "../../core/states/views.ts";
import { table } from "./markdown.ts";

/** What the rows that refine a state mean. */
const REFINED: Partial<Record<JobRow, string>> = {
  STARTED_QUEUED: "STARTED, waiting for START_AT or CONCURRENCY",
  PARTITIONED_IDLE: "PARTITIONED, no task begun in this run",
  COMPLETE_INCOMPLETE: "COMPLETE, but incomplete",
  FAILED_TIMEOUT: "FAILED by jobTimeout",
};

/** docs/guide/states.md, printed from core/states. */
export function statesPage(): string {
  const transitions = JOB_STATES.map((from) => [from, JOB_TRANSITIONS[from].join(", ") || "none: it is final"]);
  const jobs = (Object.keys(JOB_WORDS) as JobRow[]).map((row) => {
    const words = JOB_WORDS[row];
    return [REFINED[row] ?? row, words.pachyderm, words.flamenco, words.ngenea];
  });
  const tasks = TASK_STATES.map((state) => {
    const words = TASK_WORDS[state];
    return [state, words.pachyderm, words.flamenco, words.ngenea];
  });
  return `# States
<!-- Printed from core/states by scripts/docs.ts; don't edit. -->

## Where each job state may lead
Nothing changes a job's state but a pair of this table. On the wire a state is \`JOB_STATE_<X>\`.

${table(["from", "to"], transitions)}

A NEW job that is aborted is deleted. A terminal state changes only by requeue, and FAILED also by abort.

## The same in other systems' words
\`?view=pachyderm|flamenco|ngenea\` in the API, \`--view\` in the CLI.

${table(["job", "Pachyderm", "Flamenco", "ngenea Hub"], jobs)}

${table(["task", "Pachyderm", "Flamenco", "ngenea Hub"], tasks)}

CANCELED and PAUSED tasks are never stored but derived when a task is read: an unfinished task of a job that has ended is CANCELED, one of a paused job PAUSED.
`;
}
