/**
 * Pause, resume and requeue of a job of 10,000 tasks: how fast a pause is, how silent a paused job, and how little runs when
 * little is left.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { JobRecord } from "../../core/contracts/api/records.ts";
import type { JobItem } from "../../core/contracts/job-items.ts";
import { loadJob } from "../../core/job/load.ts";
import type { JobState } from "../../core/states/job-states.ts";
import { type CountingProxy, startCountingProxy, throughProxy } from "../lib/counting-proxy.ts";
import { type Deployed, theStack, untilEnded } from "../lib/deployed.ts";
import { atMost, exactly, type Figure, type Suite } from "../lib/figure.ts";
import { JobProbe, type Work } from "../lib/job-probe.ts";
import { onlyResult } from "../lib/results.ts";

const TASKS = 10_000;
/** One line is one chunk: all are of this length. */
const LINE_BYTES = 400;
const WORDS = ["duck", "goose", "heron", "crane", "swan", "teal"] as const;
/** The one task that a requeue runs again. */
const TASK = 4_242;
/** A worker looks at the control hint every 10 s; the rest is the drain. */
const PAUSE_SECONDS = 15;
/** Longer than the sweeper's period and the hint's together. */
const SILENCE_MS = 75_000;
/** No request for so long: the children that the emulator failed to stop have ended. */
const QUIET_MS = 6_000;
const LOOK_MS = 15;

export const control: Suite = {
  name: "control",
  what: `pause, resume and requeue of a job of ${TASKS.toLocaleString("en-US")} tasks on the deployed stack`,
  async run(say) {
    const stack = await theStack(say);
    const proxy = await startCountingProxy(stack.endpoint);
    const undo = await throughProxy(proxy, "JobJob");
    try {
      const lines = Array.from({ length: TASKS }, (_, i) => lineOf(i));
      return await new Measurement(stack, proxy, await createJob(stack, lines), say).run(lines);
    } finally {
      await undo();
      await proxy.close();
    }
  },
};

/** A line a chunk. @returns its id */
async function createJob({ client, objects, inputBucket }: Deployed, lines: readonly string[]): Promise<string> {
  await objects.put({ bucket: inputBucket, key: "control.txt" }, lines.join(""));
  const { job } = await client.create({
    templateId: "word-count",
    dataSource: { dataSourceDescriptor: "s3", params: { name: "control.txt", bucketName: inputBucket } },
    dataDestination: { dataSourceDescriptor: "bucket" },
    params: { partitioner: { maxChunkSize: LINE_BYTES } },
  });
  return job.id;
}

class Measurement {
  readonly #stack: Deployed;
  readonly #proxy: CountingProxy;
  readonly #say: (line: string) => void;
  readonly #probe: JobProbe;
  readonly #id: string;

  constructor(stack: Deployed, proxy: CountingProxy, id: string, say: (line: string) => void) {
    this.#stack = stack;
    this.#proxy = proxy;
    this.#probe = new JobProbe(stack, id);
    this.#id = id;
    this.#say = say;
  }

  /** Of a NEW job over these lines. */
  async run(lines: readonly string[]): Promise<readonly Figure[]> {
    await this.#stack.client.run(this.#id);
    const paused = await this.#pause();
    await this.#act("resume");
    const done = await this.#ended();
    return [
      { name: "tasks of the job", value: done.numChunks ?? 0, unit: "tasks", bar: exactly(TASKS) },
      ...paused,
      {
        name: "lines of the output that are wrong, after the resume",
        value: await this.#wrong(lines),
        unit: "lines",
        bar: exactly(0),
      },
      ...(await this.#requeueOne(lines)),
      ...(await this.#resumeOne(lines)),
    ];
  }

  async #pause(): Promise<readonly Figure[]> {
    const { table } = this.#stack;
    for (;;) {
      const { job } = await this.#stack.client.get(this.#id);
      if (job.progress.completed > TASKS / 20) break;
      if (job.state === "JOB_STATE_COMPLETE") throw new Error("The job was done before it could be paused.");
      await sleep(50);
    }
    const began = performance.now();
    await this.#act("pause");
    await this.#until("PAUSED");
    const seconds = (performance.now() - began) / 1_000;
    const { progress } = (await this.#stack.client.get(this.#id)).job;
    this.#say(`PAUSED with ${progress.text} after ${seconds.toFixed(1)} s`);
    const longest = await this.#probe.longestTask();
    const trailing = await this.#untilQuiet();
    this.#say(`${trailing} requests of children that went on; now listening for ${SILENCE_MS / 1_000} s`);
    const before = this.#proxy.named(this.#id).length;
    const others = this.#proxy.total();
    await sleep(SILENCE_MS);
    const heard = this.#proxy.named(this.#id).slice(before);
    for (const request of heard.slice(0, 5)) this.#say(`heard ${request}`);
    const job = await loadJob(table, this.#id);
    return [
      { name: "from the pause to PAUSED", value: seconds, unit: "s", bar: atMost(PAUSE_SECONDS + longest) },
      { name: "the longest task in hand", value: longest, unit: "s" },
      { name: "unfinished when PAUSED", value: progress.paused, unit: "tasks" },
      {
        name: "requests of the job while PAUSED",
        value: heard.length,
        unit: `in ${SILENCE_MS / 1_000} s`,
        bar: exactly(0),
      },
      { name: "other requests meanwhile (the sweeper's)", value: this.#proxy.total() - others, unit: "requests" },
      { name: "still PAUSED", value: job?.state === "PAUSED" ? 1 : 0, unit: "job", bar: exactly(1) },
    ];
  }

  async #requeueOne(lines: readonly string[]): Promise<readonly Figure[]> {
    const before = await this.#probe.claims();
    await this.#act("requeue", { tasks: [TASK] });
    await this.#ended();
    return this.#workFigures("requeue", await this.#probe.workSince(before), lines);
  }

  /** Paused between plan and the first claim, which a slow network keeps back: one task is unfinished. */
  async #resumeOne(lines: readonly string[]): Promise<readonly Figure[]> {
    const release = this.#proxy.hold('"startedAt"'); // only a claim notes when the first task began
    try {
      await this.#act("requeue", { tasks: [TASK] });
      await this.#until("PARTITIONED");
      await this.#act("pause");
      await this.#until("PAUSED");
    } finally {
      release();
    }
    await this.#untilQuiet();
    const { paused } = (await this.#stack.client.get(this.#id)).job.progress;
    const before = await this.#probe.claims();
    await this.#act("resume");
    await this.#ended();
    return [
      { name: "unfinished before the resume", value: paused, unit: "tasks", bar: exactly(1) },
      ...(await this.#workFigures("resume", await this.#probe.workSince(before), lines)),
    ];
  }

  async #workFigures(what: string, work: Work, lines: readonly string[]): Promise<readonly Figure[]> {
    return [
      { name: `tasks run by a ${what} with 1 unfinished`, value: work.tasks, unit: "tasks", bar: exactly(1) },
      { name: `children started by that ${what}`, value: work.children, unit: "children", bar: exactly(1) },
      {
        name: `lines of the output that are wrong, after that ${what}`,
        value: await this.#wrong(lines),
        unit: "lines",
        bar: exactly(0),
      },
    ];
  }

  async #act(action: string, body: object = {}): Promise<void> {
    await this.#stack.client.transport.call("POST", `/v1/customer/jobs/${this.#id}/${action}`, { body });
  }

  /** Looks into the table itself: through the API every look would be requests of the job. */
  async #until(...states: readonly JobState[]): Promise<JobItem> {
    for (;;) {
      const job = await loadJob(this.#stack.table, this.#id);
      if (job && states.includes(job.state)) return job;
      if (job?.state === "FAILED") throw new Error(`The job FAILED: ${job.failure?.message}`);
      await sleep(LOOK_MS);
    }
  }

  async #ended(): Promise<JobRecord> {
    return (await untilEnded(this.#stack, this.#id, this.#say)).job;
  }

  /** @returns requests until then */
  async #untilQuiet(): Promise<number> {
    const first = this.#proxy.named(this.#id).length;
    let count = first;
    for (let since = performance.now(); performance.now() - since < QUIET_MS; await sleep(100)) {
      const now = this.#proxy.named(this.#id).length;
      if (now !== count) [count, since] = [now, performance.now()];
    }
    return count - first;
  }

  /** Lines of the result that aren't what a plain count gives, and those that are missing. */
  async #wrong(lines: readonly string[]): Promise<number> {
    const counts = new Map<string, number>();
    for (const word of lines.join("").split(/\s+/)) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
    const expected = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([word, count]) => `${word},${count}`);
    const blocks: Uint8Array[] = [];
    for await (const block of onlyResult(this.#stack.client, this.#id)) blocks.push(block);
    const found = Buffer.concat(blocks).toString().trimEnd().split("\n");
    const wanted = ["word,count", ...expected];
    return Array.from({ length: Math.max(found.length, wanted.length) }, (_, i) => found[i] === wanted[i]).filter(
      (same) => !same,
    ).length;
  }
}

/** Words of the line, its number, and blanks up to the length of all lines. */
function lineOf(i: number): string {
  const words = Array.from({ length: 40 }, (_, k) => WORDS[(i * 7 + k * 3) % WORDS.length]);
  return `${`n${i % 500} ${words.join(" ")}`.padEnd(LINE_BYTES - 1)}\n`;
}
