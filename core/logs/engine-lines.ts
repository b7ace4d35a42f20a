/** What a job's partitioner and assembler have to say: their part of its timeline. */
import type { LogRecord } from "../contracts/api/records.ts";
import { type EventItem, eventItem, type SpecItem } from "../contracts/job-items.ts";
import type { JobContext } from "../job/context.ts";
import { parseItem } from "../job/load.ts";
import { EVENT_PREFIX, jobKey } from "../keys/item-keys.ts";
import type { JobState } from "../states/job-states.ts";

export interface EngineLines {
  readonly partitioner: readonly LogRecord[];
  readonly assembler: readonly LogRecord[];
}

/** Rows that are read: a job that was requeued hundreds of times has no more. */
const MOST_ROWS = 5_000;

/** States in which each works; leaving one for FAILED is its error. */
const WORKS: Readonly<Record<keyof EngineLines, readonly JobState[]>> = {
  partitioner: ["PARTITIONING"],
  assembler: ["MERGING"],
};
const BEGINS = { partitioner: "PARTITIONING", assembler: "MERGING" } as const;
const ENDS = { partitioner: "PARTITIONED", assembler: "MERGED" } as const;

export async function engineLines(ctx: JobContext, spec: SpecItem, jobId: string): Promise<EngineLines> {
  const events: EventItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await ctx.table.query({
      pk: jobKey(jobId).pk,
      prefix: EVENT_PREFIX,
      consistent: true,
      ...(cursor === undefined ? {} : { cursor }),
    });
    events.push(...page.items.map((item) => parseItem(eventItem, item)));
    cursor = page.cursor;
  } while (cursor !== undefined && events.length < MOST_ROWS);
  const linesOf = (engine: keyof EngineLines): LogRecord[] =>
    events.flatMap((event) => lineOf(event, engine, nameOf(spec, engine)) ?? []);
  return { partitioner: linesOf("partitioner"), assembler: linesOf("assembler") };
}

function nameOf({ versions, blocks }: SpecItem, engine: keyof EngineLines): string {
  const pinned = versions?.[engine];
  return pinned ? `${pinned.name} ${pinned.version}` : blocks[engine];
}

function lineOf(event: EventItem, engine: keyof EngineLines, name: string): LogRecord | undefined {
  const { from, to, why, run } = event;
  const line = (level: LogRecord["level"], log: string): LogRecord => ({
    log,
    timestamp: new Date(event.at).toISOString(),
    level,
    container: name.split(" ")[0] ?? name,
    attempt: null,
    claim: null,
  });
  const works = from !== undefined && WORKS[engine].includes(from);
  if (to === BEGINS[engine]) return line("INFO", `${name} begins (run ${run}).`);
  if (to === ENDS[engine] && works) return line("INFO", `${name} is done${why ? `: ${why}` : ""}.`);
  if (to === "FAILED" && works) return line("ERROR", why ?? `${name} failed.`);
  if (to === "CANCELING" && works) return line("WARN", "The job was aborted.");
  return undefined;
}
