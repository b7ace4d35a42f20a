import * as z from "zod";
import { type SweepEvent, sweepEvent } from "../../core/contracts/workflow.ts";
import { parserOf } from "../handler.ts";

/** EventBridge's envelope. A schedule's `detail` is empty, an execution's has far more than its name and status. */
const envelope = z.object({ source: z.string(), detail: z.unknown() });
const nudge = parserOf(sweepEvent);

/**
 * What woke the sweeper: EventBridge's events as they come (what its input transformers can do differs between AWS and the
 * emulators), or a nudge `{jobId}` of another function.
 */
export function readSweepEvent(event: unknown): SweepEvent {
  const wrapped = envelope.safeParse(event);
  if (!wrapped.success) return nudge(event);
  return wrapped.data.source === "aws.states" ? nudge({ detail: wrapped.data.detail }) : {};
}
