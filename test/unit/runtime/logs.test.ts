import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { unavailable, withFaults } from "../../../adapters/memory/index.ts";
import {
  CLAIM_LOG_BYTES,
  LOG_LINE_CHARS,
  TASK_LOG_BYTES,
  type TaskLogLine,
  taskLogHead,
  taskLogLine,
} from "../../../core/contracts/task-log.ts";
import { BUCKET, bundleThread, WorkerHarness } from "./harness.ts";

let thread: Awaited<ReturnType<typeof bundleThread>>;
const open: WorkerHarness[] = [];
const harness = (options: Partial<ConstructorParameters<typeof WorkerHarness>[0]> = {}): WorkerHarness => {
  const made = new WorkerHarness({ thread: thread.url, ...options });
  open.push(made);
  return made;
};

beforeAll(async () => {
  delete process.env.FORCE_COLOR; // else what apps print through the console is coloured
  thread = await bundleThread();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.worker.close()));
});
afterAll(async () => {
  await thread.remove();
});

const job = (app: string, params: Record<string, unknown> = {}, tasks = 2) => ({
  app,
  params,
  sources: [{ key: "in/a.txt", body: "abcd\n".repeat(tasks) }],
  chunks: Array.from({ length: tasks }, (_, i) => ({ s: 0, f: i * 5, t: i * 5 + 5, x: 1 as const })),
  input: { format: "lines" as const },
});

const KEY = "l/ann/jobs/job1/g0/b0000007/c0001.jsonl";
const textOf = (made: WorkerHarness): string | undefined => made.store.text({ bucket: BUCKET, key: KEY });
function logOf(made: WorkerHarness): { head: unknown; lines: TaskLogLine[] } {
  const [head, ...lines] = (textOf(made) ?? "").trimEnd().split("\n");
  return {
    head: taskLogHead.parse(JSON.parse(head ?? "")),
    lines: lines.map((line) => taskLogLine.parse(JSON.parse(line))),
  };
}
const shown = (lines: readonly TaskLogLine[], o: number) =>
  lines.filter((line) => line.o === o).map(({ l, m, r }) => `${l}${r ? " runtime" : ""} ${m}`);
const puts = (made: WorkerHarness): number => made.store.stats.put?.calls ?? 0;

async function until<T>(look: () => T | undefined): Promise<T> {
  for (const end = Date.now() + 10_000; ; await sleep(10)) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error("it didn't come within 10 s");
  }
}

describe("what an app prints", () => {
  it("is kept with its task, attempt and level, whatever way it was printed", async () => {
    const made = harness();
    await made.prepare(job("speaks"));

    await made.run({ tasks: [0, 1], attempts: [[2, "1"]] });

    const { head, lines } = logOf(made);
    expect(head).toEqual({ v: 1, batch: 7, claim: 1, run: 1, first: 0, worker: "w1", requestId: "req1" });
    const said = [
      "INFO two\nlines",
      "WARN careful { a: 1 }",
      "ERROR oh no",
      "INFO a piece, its end",
      "WARN raw é",
      'INFO found {"rows":3}',
      "INFO no newline",
    ];
    expect(shown(lines, 0)).toEqual(["INFO its module loads", "DEBUG debugging 0", ...said]);
    expect(shown(lines, 1)).toEqual(["DEBUG debugging 1", ...said]);
    expect(new Set(lines.map(({ o, n }) => `${o}: ${n}`))).toEqual(new Set(["0: 1", "1: 2"]));
    const now = Date.now();
    expect(lines.every(({ t }) => t <= now && t > now - 60_000)).toBe(true);
  });

  it("costs a silent app no request", async () => {
    const made = harness();
    await made.prepare(job("passthrough"));
    await made.run();
    await made.prepare(job("passthrough"));

    await made.run({ claim: 2 });

    expect(puts(made)).toBe(2); // pack and index
    expect(made.store.text({ bucket: BUCKET, key: KEY.replace("c0001", "c0002") })).toBeUndefined();
  });

  it("can be read while the task still runs, and grows", async () => {
    const made = harness({ limits: { logEveryMs: 100 } });
    await made.prepare(job("prints", { lines: 2, waitMs: 3_000 }, 1));

    const running = made.run();
    const early = await until(() => (textOf(made)?.includes("line 1") ? textOf(made) : undefined));
    await running;

    expect(early).not.toContain("done");
    expect(textOf(made)?.startsWith(early)).toBe(true);
    expect(shown(logOf(made).lines, 0)).toContain("INFO done");
  });

  it("is bounded for a task, and says so", async () => {
    const made = harness();
    await made.prepare(job("prints", { lines: 2_000, width: 100 }));

    await made.run();

    const { lines } = logOf(made);
    for (const o of [0, 1]) {
      const own = lines.filter((line) => line.o === o);
      const apps = own.filter(({ r }) => r === undefined);
      const bytes = apps.reduce((sum, line) => sum + JSON.stringify(line).length + 1, 0);
      expect(bytes).toBeLessThanOrEqual(TASK_LOG_BYTES);
      expect(bytes).toBeGreaterThan(TASK_LOG_BYTES * 0.9);
      expect(own.at(-1)).toMatchObject({ l: "WARN", r: 1, m: expect.stringContaining("went over 64 KiB") });
      expect(own.filter(({ r }) => r === 1)).toHaveLength(1);
    }
  });

  it("is bounded for a claim: later tasks say that theirs is left out, and failures are told all the same", async () => {
    const made = harness();
    await made.prepare(job("prints", { lines: 600, width: 100, fails: true }, 20));
    await made.run();
    const full = logOf(made).lines;
    const size = Buffer.byteLength(textOf(made) ?? "");

    expect(size).toBeLessThanOrEqual(CLAIM_LOG_BYTES);
    expect(size).toBeGreaterThan(CLAIM_LOG_BYTES * 0.7);
    expect(shown(full, 19)).toEqual([
      "WARN runtime The log of this worker's batch went over 767 KiB: what the task printed from here on is not kept.",
      "ERROR runtime Attempt 1 failed for good: APP_ERROR: no use",
    ]);
  });

  it("is cut when a line is long", async () => {
    const made = harness();
    await made.prepare(job("prints", { width: LOG_LINE_CHARS }, 1));

    await made.run();

    const [line] = logOf(made).lines;
    expect(line?.m).toMatch(/^line 0 x+… \(7 characters more\)$/);
  });
});

describe("what the runtime adds", () => {
  it("tells how a task failed, with the stack of its error", async () => {
    const made = harness();
    await made.prepare(job("throws", { on: [1] }));

    await made.run({ attempts: [[2, "1"]] });

    const [stack, verdict, ...more] = shown(logOf(made).lines, 1);
    expect(stack).toMatch(/^ERROR TypeError: no such thing x+/);
    expect(verdict).toMatch(/^ERROR runtime Attempt 2 failed: APP_ERROR: TypeError: no such thing/);
    expect(more).toEqual([]);
  });

  it("tells of errors that nobody caught, of exits and of kills; what was printed before stays", async () => {
    const told: Record<string, string[]> = {};
    for (const app of ["throws_later", "speaks_last", "hangs"]) {
      const made = harness();
      await made.prepare({ ...job(app, { on: [0] }), taskTimeoutMs: app === "hangs" ? 300 : 10_000 });
      await made.run();
      told[app] = shown(logOf(made).lines, 0);
    }

    expect(told.throws_later?.[0]).toMatch(/^ERROR Error: out of reach\n +at /);
    expect(told.throws_later?.[1]).toBe("ERROR runtime Attempt 1 failed: APP_ERROR: Uncaught: Error: out of reach");
    expect(told.speaks_last?.[0]).toBe("INFO last words");
    expect(told.speaks_last?.[1]).toMatch(/^ERROR runtime Attempt 1 failed: TASK_EXITED: /);
    expect(told.hangs).toEqual([expect.stringMatching(/^ERROR runtime Attempt 1 failed: TASK_TIMEOUT: /)]);
  });

  it("tells how many items were rejected, and why the first", async () => {
    const made = harness();
    await made.prepare({
      ...job("rejects", {}, 1),
      sources: [{ key: "in/a.txt", body: "!ab\n!\n" }],
      chunks: [{ s: 0, f: 0, t: 6, x: 1 }],
    });

    await made.run();

    expect(shown(logOf(made).lines, 0)).toContain("WARN runtime 2 items were rejected; the first: begins with ! (!ab)");
  });

  it("tells of tasks that were handed back, when it has anything to write at all", async () => {
    const noisy = harness({ limits: { marginMs: 0 } });
    await noisy.prepare({ ...job("prints", {}, 4), taskTimeoutMs: 1_000 });
    const silent = harness({ limits: { marginMs: 0 } });
    await silent.prepare({ ...job("passthrough", {}, 4), taskTimeoutMs: 1_000 });

    await noisy.run({ remaining: () => 900 });
    await silent.run({ remaining: () => 900 });

    expect(shown(logOf(noisy).lines, 0)).toEqual(["INFO line 0 "]);
    expect(shown(logOf(noisy).lines, 1)).toEqual([
      "INFO runtime This task and 2 more were handed back unbegun: the job was stopped, or the worker's time ran short.",
    ]);
    expect(textOf(silent)).toBeUndefined();
  });
});

describe("a log that can't be written", () => {
  it("harms no task, and comes later when it can", async () => {
    let refused = 0;
    const made = harness({ limits: { logEveryMs: 50 } });
    const { store } = made;
    const port = withFaults(store, ({ when, method, args }) => {
      const isLog = method === "put" && (args[0] as { key: string }).key.startsWith("l/");
      if (when === "before" && isLog && refused++ === 0) throw unavailable("STORE_UNAVAILABLE");
    });
    const flaky = harness({ store, port, limits: { logEveryMs: 50 } });
    await flaky.prepare(job("prints", { waitMs: 3_000 }, 1));

    const result = await flaky.run();

    expect(result.outcomes).toBe("C");
    expect(refused).toBeGreaterThan(1);
    expect(shown(logOf(flaky).lines, 0)).toEqual(
      expect.arrayContaining([expect.stringContaining("line 0"), "INFO done"]),
    );
    expect(flaky.log.lines.map(({ event }) => event)).toContain("WORKER_LOG_UNWRITTEN");
  });
});
