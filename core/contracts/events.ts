/**
 * What JobJob tells on EventBridge, and what the stream of the table hands to the events λ.
 * Written by: core/events (from timeline rows, core/job/transition.ts). Read by: rules of the deployment's owner, whose code
 * we never see: fields are added, never changed or removed.
 */
import * as z from "zod";
import { JOB_STATE_WIRE_PREFIX, JOB_STATES } from "../states/job-states.ts";
import { COUNT_NAMES } from "./progress-items.ts";

export const EVENT_SOURCE = "jobjob";
export const STATE_CHANGE = "JobJob Job State Change";

const stateName = z.enum(JOB_STATES.map((state) => `${JOB_STATE_WIRE_PREFIX}${state}` as const));
const count = z.int().min(0);

/** `detail` of a "JobJob Job State Change". Its descriptions are the ones of docs/guide/events.md. */
export const stateChangeDetail = z.strictObject({
  id: z
    .string()
    .describe("of the change, a ULID: the same at every delivery, and in the job's timeline; drop what you have seen"),
  jobId: z.string().describe("the job"),
  owner: z.string().describe("whose job it is"),
  run: z.int().min(0).describe("the run the job is in from then on; 0 before the first one"),
  from: stateName.nullable().describe("the state it left; null of a job that was just created"),
  to: stateName.describe("the state it entered"),
  at: z.iso.datetime().describe("when, RFC 3339 UTC; the order of a job's changes"),
  who: z.string().describe("an owner, or the part of JobJob that did it, as `workflow` or `sweeper`"),
  why: z.string().nullable().describe("the reason, where there is one: of a failure its message, up to 500 characters"),
  counts: z
    .strictObject({ total: count, ...Object.fromEntries(COUNT_NAMES.map((name) => [name, count])) } as {
      total: typeof count;
    } & Record<(typeof COUNT_NAMES)[number], typeof count>)
    .nullable()
    .describe(
      "tasks by state, read when the event is sent: exact then, and perhaps further than the change; null when the job was deleted meanwhile",
    ),
});
export type StateChangeDetail = z.infer<typeof stateChangeDetail>;

/** DynamoDB's own notation of the two kinds of values that timeline rows hold. */
const attribute = z.union([z.object({ S: z.string() }), z.object({ N: z.string() })]);

/** One change of the table. Only new timeline rows are asked for (cdk/events.ts), but not every engine honours a filter. */
export const streamRecord = z.object({
  eventName: z.string(),
  dynamodb: z.object({
    SequenceNumber: z.string(),
    Keys: z.object({ pk: z.object({ S: z.string() }), sk: z.object({ S: z.string() }) }),
    /** Of any item of the table: looked into only when it is a timeline row. */
    NewImage: z.record(z.string(), z.unknown()).optional(),
  }),
});
export type StreamRecord = z.infer<typeof streamRecord>;
export const streamEvent = z.object({ Records: z.array(streamRecord) });
export type StreamEvent = z.infer<typeof streamEvent>;

/** A timeline row as the stream has it. */
export const rowImage = z.record(z.string(), attribute);

/** The events λ's answer: Lambda gives the named records, and those behind them, again. */
export interface StreamAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}
