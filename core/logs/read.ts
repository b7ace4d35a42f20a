/** Logs in one answer, as ByteNite's clients ask for them: all of what fits. */
import type { LogsBody } from "../contracts/api/logs.ts";
import type { LogRecord, LogsAnswer } from "../contracts/api/records.ts";
import type { JobItem } from "../contracts/job-items.ts";
import { CLAIM_LOG_BYTES } from "../contracts/task-log.ts";
import { JobJobError } from "../errors.ts";
import { concurrently } from "../job/concurrently.ts";
import type { JobContext } from "../job/context.ts";
import { findJob } from "../job/find.ts";
import { engineLines } from "./engine-lines.ts";
import { logLines } from "./lines.ts";
import { batchOf, type Part, partsOf } from "./parts.ts";

/** An answer of Lambda ends at 6 MB, and the body is a JSON text within its JSON. */
const MOST_BYTES = 5 * 1024 * 1024;
/** Objects that one answer may read: some seconds of the 29 that the gateway waits. */
const MOST_PARTS = 1_000;
const READS_AT_ONCE = 16;

/** @throws ApiError 404 JOB_NOT_FOUND, TASK_NOT_FOUND */
export async function readLogs(ctx: JobContext, owner: string, body: LogsBody): Promise<LogsAnswer> {
  const { job, spec } = await findJob(ctx.table, owner, body.jobId);
  const isLevel = (level: LogRecord["level"]): boolean => !body.levels?.length || body.levels.includes(level);
  const wants = (service: keyof LogsAnswer): boolean => !body.services?.length || body.services.includes(service);
  const engines =
    wants("partitioner") || wants("assembler")
      ? await engineLines(ctx, spec, job.id)
      : { partitioner: [], assembler: [] };
  const ofEngine = (engine: "partitioner" | "assembler") =>
    wants(engine) ? engines[engine].filter(({ level }) => isLevel(level)) : [];
  const tasks = body.taskIds?.length ? new Set(body.taskIds.map(Number)) : undefined;
  return {
    partitioner: ofEngine("partitioner"),
    assembler: ofEngine("assembler"),
    taskrunner: wants("taskrunner") ? await taskLogs(ctx, job, spec.blocks.app, tasks, isLevel) : {},
  };
}

async function taskLogs(
  ctx: JobContext,
  job: JobItem,
  app: string,
  tasks: ReadonlySet<number> | undefined,
  isLevel: (level: LogRecord["level"]) => boolean,
): Promise<LogsAnswer["taskrunner"]> {
  const out = new Answer();
  let left = MOST_PARTS;
  for await (const parts of pagesOf(ctx, job, tasks)) {
    for (let i = 0; i < parts.length; i += READS_AT_ONCE) {
      const some = parts.slice(i, i + READS_AT_ONCE);
      const [{ batch: next } = { batch: 0 }] = some;
      if (left <= 0) return out.end(next * (job.batchSize ?? 0), new Date(ctx.clock.now()).toISOString());
      left -= some.length;
      const texts = await concurrently(some, READS_AT_ONCE, (part) => textOf(ctx, part));
      for (const [k, { batch, claim }] of some.entries()) {
        const first = batch * (job.batchSize ?? 0);
        for (const { o, n, t, l, m, r } of logLines(texts[k] ?? "")) {
          if ((tasks && !tasks.has(first + o)) || !isLevel(l)) continue;
          const timestamp = new Date(t).toISOString();
          const container = r ? "runtime" : app;
          const line: LogRecord = { log: m, timestamp, level: l, container, attempt: n, claim };
          if (!out.add(first + o, line)) return out.end(first + o, timestamp);
        }
      }
    }
  }
  return out.done();
}

class Answer {
  readonly #logs = new Map<number, LogRecord[]>();
  #bytes = 0;

  /** @returns false when the line doesn't fit any more */
  add(task: number, line: LogRecord): boolean {
    this.#bytes += Buffer.byteLength(JSON.stringify(JSON.stringify(line)));
    if (this.#bytes > MOST_BYTES) return false;
    const logs = this.#logs.get(task);
    if (logs) logs.push(line);
    else this.#logs.set(task, [line]);
    return true;
  }

  /** Cut short, and says so. */
  end(task: number, timestamp: string): LogsAnswer["taskrunner"] {
    const log = "There is more than one answer holds: ask for single tasks, or read GET …/jobs/{id}/logs.";
    const note: LogRecord = { log, timestamp, level: "WARN", container: "runtime", attempt: null, claim: null };
    const answer = this.done();
    answer[task] = { logs: [...(answer[task]?.logs ?? []), note] };
    return answer;
  }

  done(): LogsAnswer["taskrunner"] {
    const byTime = (a: LogRecord, b: LogRecord): number => Date.parse(a.timestamp) - Date.parse(b.timestamp);
    const tasks = [...this.#logs].sort(([a], [b]) => a - b);
    return Object.fromEntries(tasks.map(([task, lines]) => [String(task), { logs: lines.sort(byTime) }]));
  }
}

/** The parts that may tell of these tasks, or of all. */
async function* pagesOf(
  ctx: JobContext,
  job: JobItem,
  tasks: ReadonlySet<number> | undefined,
): AsyncGenerator<readonly Part[]> {
  if (tasks) {
    const batches = new Set([...tasks].map((task) => batchOf(job, task)));
    for (const batch of [...batches].sort((a, b) => a - b)) yield (await partsOf(ctx, job, { batch })).parts;
    return;
  }
  for (let after: Part | undefined; ; ) {
    const page = await partsOf(ctx, job, { after });
    yield page.parts;
    after = page.parts.at(-1);
    if (!page.more || !after) return;
  }
}

async function textOf(ctx: JobContext, { object: { bucket, key, size } }: Part): Promise<string> {
  if (size === 0) return "";
  try {
    const bytes = await ctx.objects.get({ bucket, key }, { range: { from: 0, to: CLAIM_LOG_BYTES } });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    // It expired between the list and the read.
    if (error instanceof JobJobError && error.code === "OBJECT_MISSING") return "";
    throw error;
  }
}
