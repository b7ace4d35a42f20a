import * as z from "zod";
import { EVENT_SOURCE, STATE_CHANGE, type StateChangeDetail, stateChangeDetail } from "../../core/contracts/events.ts";
import { eventsUsd } from "../../core/cost/index.ts";
import { REPAIR_KINDS } from "../../core/steps/sweep/repair.ts";
import { code, table } from "./markdown.ts";

const EXAMPLE: StateChangeDetail = {
  id: "01K8A5TQ0W7Y2C9M4N6P8R1S3T",
  jobId: "01K8A5SXV3B5D7F9H1J3L5N7Q9",
  owner: "admin",
  run: 1,
  from: "JOB_STATE_PARTITIONED",
  to: "JOB_STATE_TASKS_COMPLETED",
  at: "2026-11-22T07:14:10.123Z",
  who: "workflow",
  why: null,
  counts: { total: 40, queued: 0, active: 0, completed: 39, partial: 0, softFailed: 0, failed: 1, skipped: 0 },
};

/** A type as a reader of JSON says it. */
function typeOf(schema: z.ZodType): string {
  if (schema instanceof z.ZodNullable) return `${typeOf(schema.unwrap() as z.ZodType)} or null`;
  if (schema instanceof z.ZodEnum) return "`JOB_STATE_…`";
  if (schema instanceof z.ZodObject) return `{${Object.keys(schema.shape).join(", ")}}`;
  return schema instanceof z.ZodNumber ? "number" : "text";
}

/** docs/guide/events.md: its schema and prices are printed from the code. */
export function eventsPage(): string {
  const fields = Object.entries(stateChangeDetail.shape).map(([name, schema]) => [
    code(name),
    typeOf(schema),
    schema.description ?? "",
  ]);
  const example = JSON.stringify(stateChangeDetail.parse(EXAMPLE), null, 2);
  const million = (gates: number) => `$${Math.ceil(eventsUsd(10, gates) * 1e6)}`;
  return `# Events
<!-- Printed by scripts/docs.ts; the text stands in scripts/docs/events-page.ts, the schema in core/contracts/events.ts. -->

Whatever happens to a job is a row of its timeline, written in the very transaction that makes it happen. There are three ways to hear of it.

| to | take |
|---|---|
| look at a job | \`jobjob events JOB\`, or \`GET /v1/customer/jobs/{id}/events\` |
| follow while you work | \`jobjob events [JOB] --follow\`, or \`GET /v1/customer/events\` |
| let something run when a job changes | a rule on EventBridge |

## On EventBridge
Each change of a job's state is an event on the default bus (another one: \`cdk deploy -c eventBus=NAME\`; it must exist).

${table(
  ["field", "value"],
  [
    ["`source`", code(EVENT_SOURCE)],
    ["`detail-type`", code(STATE_CHANGE)],
    ["`time`", "when the state changed, in whole seconds; `detail.at` has the milliseconds"],
    ["`detail`", "as below"],
  ],
)}

${table(["detail", "", ""], fields)}

\`\`\`json
${example}
\`\`\`

A rule for the jobs that failed, for example:

\`\`\`json
{ "source": ["${EVENT_SOURCE}"], "detail-type": ["${STATE_CHANGE}"], "detail": { "to": ["JOB_STATE_FAILED"] } }
\`\`\`

- **At least once.** A change whose maker died the moment after is told all the same. One may come twice: then with the same \`id\`, so keep the ids you have seen.
- **In any order.** EventBridge promises none; \`at\` orders the changes of a job.
- **Counts are of the moment the event is sent**, usually a second or two after the change, and add up to \`total\`. In an event of PARTITIONED some tasks may have ended already. Those of a job that has ended are final.
- Fields may be added; none is changed or removed.
- A bus that takes nothing is tried for a day. After that the events are lost on the bus, and still in the timeline, which is kept for 400 days (or until the job is deleted).

**What it costs.** A job goes through about ten states: ${million(1)} a million jobs (events, and calls of the function that sends them), ${million(32)} with the most gates (32) to count. It is no part of a job's cost as \`jobjob cost\` shows it. The stream of the table and its filter are free, and tasks make no events: a job of a million tasks has as many as a job of one.

## The stream of all your jobs
\`GET /v1/customer/events\` answers lines of JSON, oldest first, at most 100:

\`\`\`json
{"result":{"event":"job.state","data":{"jobId":"01K8A5SXV3B5D7F9H1J3L5N7Q9","id":"01K8A5TQ0W7Y2C9M4N6P8R1S3T","at":"2026-11-22T07:14:10.123Z","who":"workflow","what":"STATE","run":1,"from":"JOB_STATE_PARTITIONED","to":"JOB_STATE_TASKS_COMPLETED","why":null}}}
\`\`\`

\`event\` is \`job.created\`, \`job.state\`, \`job.repair\` (the sweeper mended something), \`job.uploaded\`, \`job.deleted\`; \`data\` is the timeline's row with its job.

${table(
  ["query", ""],
  [
    [code("cursor"), "of the last answer's header `x-next-cursor`: goes on behind it"],
    [code("since"), "a time (RFC 3339) to begin at, without a cursor; default: now"],
    [code("timeout"), "seconds to wait for the first event, at most 25; default 20"],
    [code("limit"), "lines, at most 100"],
  ],
)}

A gateway and a Lambda can't hold a stream open for hours, so an answer ends when there is something to tell or the time is up; a client asks on with the cursor. No event is left out and none comes twice, also when some appear up to a minute late; when an answer is lost, ask again with the same cursor.

A long poll keeps a Lambda busy for all its time, about $2 a day: to listen for good, take a rule on EventBridge. \`jobjob events --follow\` asks briefly every other second instead; Ctrl-C ends it, and a lost connection is waited for without loss or doubles. \`--json\` gives a line of JSON for each event.

## What the sweeper repaired
A repair is a row of the job's timeline (\`REPAIR\`), and counts in CloudWatch's metric \`Repairs\` of the namespace \`JobJob\`, with the dimension \`kind\`: ${REPAIR_KINDS.map(code).join(", ")}. A sweep that repairs nothing writes nothing, so let an alarm treat missing data as good.
`;
}
