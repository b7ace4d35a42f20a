/** What happened to one job or to all: a table, or with `--follow` a line for each event as it comes. */
import type { Command } from "commander";
import { ApiFailure, type JobJobClient, type OwnerEvent, UnreachableError } from "../../client/index.ts";
import { type Cli, connect } from "../context.ts";
import { bareState, orDash } from "../human.ts";
import { InterruptedError, orInterrupted } from "../interrupts.ts";
import { seconds } from "../options.ts";
import { globalsOf, printJson, take } from "../output.ts";
import { type Column, printTable } from "../table.ts";

interface EventsOptions {
  readonly follow?: boolean;
  readonly since?: number;
}

/** Asks for what is new; may give again what it gave before. */
type Ask = () => Promise<readonly OwnerEvent[]>;

/** Without a moment: of all jobs the last hour, of one job everything. */
const LAST_SECONDS = 3_600;
/** A long poll would hold a Lambda for all its time: a short call every other second is a tenth of its price. */
const EVERY_MS = 2_000;
const LOST_MS = 5_000;
/** Ids kept to drop what comes again: far more than a call looks back. */
const MOST_SEEN = 10_000;

export function eventsCommand(program: Command, cli: Cli): void {
  program
    .command("events [job]")
    .description("what happened to a job, or to all of yours; oldest first")
    .option("-f, --follow", "go on with what happens, until Ctrl-C")
    .option("--since <time>", "only what is younger than 90, 90s, 5m or 2h", seconds)
    .action(async (id: string | undefined, options: EventsOptions, command: Command) => {
      const json = globalsOf(command).json === true;
      const client = await connect(cli);
      const ago = options.since ?? (id === undefined && !options.follow ? LAST_SECONDS : undefined);
      const since = ago === undefined ? undefined : new Date(cli.now() - ago * 1_000).toISOString();
      const ask = id === undefined ? ofAll(client, since) : ofOne(client, id, since);
      if (options.follow)
        return follow(cli, ask, (event) => cli.terminal.out(json ? JSON.stringify(event) : line(event)));
      const events = await untilQuiet(ask, id !== undefined);
      if (json) return printJson(cli.terminal, events);
      if (events.length === 0) return cli.terminal.err("No events. `--since 24h` looks further back.");
      const columns = id === undefined ? COLUMNS : COLUMNS.filter(({ name }) => name !== "JOB");
      const rows = events.map((event) => cells(event, id === undefined));
      printTable(cli.terminal, columns, rows);
    });
}

function ofOne(client: JobJobClient, jobId: string, since = ""): Ask {
  return async () => {
    const { rows } = await take(client.events(jobId), Number.POSITIVE_INFINITY);
    return rows.filter(({ at }) => at >= since).map((event) => ({ jobId, ...event }));
  };
}

/** The cursor moves on only with an answer that came: after a lost one the same events come again. */
function ofAll(client: JobJobClient, since: string | undefined): Ask {
  let cursor: string | undefined;
  return async () => {
    const answer = await client.newEvents(cursor === undefined ? { since, seconds: 0 } : { cursor, seconds: 0 });
    cursor = answer.cursor;
    return answer.events;
  };
}

async function untilQuiet(ask: Ask, isWhole: boolean): Promise<readonly OwnerEvent[]> {
  const all = [...(await ask())];
  for (let more = all.length; more > 0 && !isWhole; ) {
    const page = await ask();
    all.push(...page);
    more = page.length;
  }
  return all;
}

/** A first call that fails ends it; a connection that is lost later is waited for. */
async function follow(cli: Cli, ask: Ask, print: (event: OwnerEvent) => void): Promise<void> {
  const seen = new Set<string>();
  let state: "begins" | "runs" | "lost" = "begins";
  await cli.interrupts.during(async (signal) => {
    while (!signal.aborted) {
      try {
        const events = await orInterrupted(ask(), signal);
        if (state === "lost") cli.terminal.err("The connection is back.");
        state = "runs";
        const fresh = events.filter(({ id }) => !seen.has(id));
        for (const event of fresh) {
          seen.add(event.id);
          print(event);
        }
        for (const id of seen) {
          if (seen.size <= MOST_SEEN) break;
          seen.delete(id);
        }
        // Nothing new: whoever is behind asks on at once.
        if (fresh.length === 0) await cli.sleep(EVERY_MS, signal);
      } catch (error) {
        if (error instanceof InterruptedError) return;
        if (state === "begins" || !passes(error)) throw error;
        if (state === "runs") cli.terminal.err("The connection is lost; nothing is missed, it is tried again.");
        state = "lost";
        await cli.sleep(LOST_MS, signal);
      }
    }
  });
}

const passes = (error: unknown): boolean =>
  error instanceof UnreachableError || (error instanceof ApiFailure && error.retryable);

const COLUMNS: readonly Column[] = [
  { name: "AT" },
  { name: "JOB" },
  { name: "RUN", right: true },
  { name: "WHAT" },
  { name: "FROM" },
  { name: "TO" },
  { name: "WHO" },
  { name: "WHY" },
];

const cells = ({ at, jobId, run, what, from, to, who, why }: OwnerEvent, withJob: boolean): readonly string[] => [
  at,
  ...(withJob ? [jobId] : []),
  String(run),
  what,
  bareState(orDash(from)),
  bareState(orDash(to)),
  who,
  why ?? "",
];

function line({ at, jobId, run, what, from, to, who, why }: OwnerEvent): string {
  const change = to === null ? what : `${from === null ? "" : `${bareState(from)} → `}${bareState(to)}`;
  // A reason may hold newlines and worse.
  const reason = why === null ? "" : `: ${why.replace(/[\p{Cc}\p{Cf}]+/gu, " ")}`;
  return `${at}  ${jobId}  r${run}  ${change}  (${who}${reason})`;
}
