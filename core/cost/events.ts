import { PRICES } from "./prices.ts";

/** What a call of the events function takes: GB of its memory, seconds. */
const EVENTS_GB = 0.5;
const EVENTS_SECONDS = 0.05;

/**
 * US dollars for telling EventBridge of so many changes of a job, at most: each in a call of its own (a call takes all of a
 * second). The table's stream, its filter, and rules cost nothing; what a rule's target costs is its owner's affair. Apart
 * from a job's cost, as API calls and logs are.
 * @param gates of the job, whose counts are read for each call
 */
export function eventsUsd(changes: number, gates: number): number {
  const call = PRICES.request + EVENTS_GB * EVENTS_SECONDS * PRICES.gbSecond + (1 + gates) * PRICES.readUnit;
  return changes * (PRICES.busEvent + call);
}
