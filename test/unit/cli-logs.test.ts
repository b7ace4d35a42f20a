import { afterEach, describe, expect, it, vi } from "vitest";
import { JobJobClient, type LogLine, LogReader } from "../../client/index.ts";
import type { TaskLogLine } from "../../core/contracts/task-log.ts";
import { eventRow } from "../../core/job/transition.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import { claimLogKey } from "../../core/keys/object-keys.ts";
import { serveApi } from "../helpers/api-server.ts";
import { BUCKET } from "../helpers/api-world.ts";
import { cliWorld } from "../helpers/cli-world.ts";

const T0 = Date.parse("2026-03-01T10:00:00Z");
const ESC = "\u001b";
const line = (o: number, n: number, second: number, m: string, l: TaskLogLine["l"] = "INFO"): TaskLogLine => {
  return { o, n, t: T0 + second * 1_000, l, m };
};

const open: AsyncDisposable[] = [];
afterEach(async () => {
  vi.unstubAllGlobals();
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** The API with a job of 250 tasks in batches of 100, and a command line that is logged in to it. */
async function world() {
  const api = await serveApi();
  const shell = await cliWorld({ env: { JOBJOB_URL: api.url, JOBJOB_API_KEY: api.apiKey } });
  open.push(api, shell);
  const { world: w } = api;
  const { id } = await w.job({}, "admin");
  const set = (values: Record<string, string | number>) =>
    w.ports.table.write({ update: jobKey(id), changes: { set: values } });
  await set({ tasks: 250, batchSize: 100, batches: 3, gates: 1 });
  const texts = new Map<string, string>();
  /** What a worker does: writes the whole object again, with more behind it. */
  const print = async (batch: number, claim: number, ...lines: TaskLogLine[]) => {
    const key = claimLogKey({ owner: "admin", jobId: id }, 0, batch, claim);
    const text = (texts.get(key) ?? '{"v":1}\n') + lines.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    texts.set(key, text);
    await w.ports.objects.put({ bucket: BUCKET, key }, text);
  };
  const client = () => new JobJobClient({ url: api.url, apiKey: api.apiKey });
  /** What happens while the command sleeps, one step a time. */
  const meanwhile = (...steps: (() => unknown)[]) => {
    Object.assign(shell.cli, { sleep: async () => void (await steps.shift()?.()) });
    return steps;
  };
  return { ...shell, api, w, id, set, print, client, meanwhile };
}

const twoClaims = async ({ print }: Awaited<ReturnType<typeof world>>) => {
  await print(0, 1, line(7, 1, 3, "second\nline"), line(7, 1, 1, "first"), line(8, 1, 2, "careful", "WARN"));
  await print(0, 2, line(7, 2, 9, "again"), { ...line(7, 2, 10, "Attempt 2 failed", "ERROR"), r: 1 });
  await print(2, 1, line(1, 1, 4, "of task 201", "DEBUG"));
};

describe("jobjob logs", () => {
  it("shows all lines by time, with task and attempt", async () => {
    const w = await world();
    await twoClaims(w);

    const code = await w.run("logs", w.id);

    expect(code).toBe(0);
    expect(w.out).toEqual([
      "2026-03-01T10:00:01.000Z  #7           INFO   first",
      "2026-03-01T10:00:02.000Z  #8           WARN   careful",
      `2026-03-01T10:00:03.000Z  #7           INFO   second\n${" ".repeat(46)}line`,
      "2026-03-01T10:00:04.000Z  #201         DEBUG  of task 201",
      "2026-03-01T10:00:09.000Z  #7/2         INFO   again",
      "2026-03-01T10:00:10.000Z  #7/2         ERROR  Attempt 2 failed",
    ]);
    expect(w.err).toEqual([]);
  });

  it("takes a task, a level, a time, and gives JSON lines", async () => {
    const w = await world();
    await twoClaims(w);
    Object.assign(w.cli, { now: () => T0 + 60_000 });
    const said = async (...args: string[]) => {
      w.out.length = 0;
      await w.run("--json", "logs", w.id, ...args);
      return w.out.map((text) => (JSON.parse(text) as LogLine).text);
    };

    expect(await said("--task", "7")).toEqual(["first", "second\nline", "again", "Attempt 2 failed"]);
    expect(await said("--level", "warn")).toEqual(["careful", "Attempt 2 failed"]);
    expect(await said("--since", "52s")).toEqual(["again", "Attempt 2 failed"]);
    await said("--task", "201");
    expect(JSON.parse(w.out[0] ?? "")).toEqual({
      at: "2026-03-01T10:00:04.000Z",
      service: "taskrunner",
      task: 201,
      attempt: 1,
      claim: 1,
      level: "DEBUG",
      container: "app",
      text: "of task 201",
    });
  });

  it("shows what the engines did between the tasks' lines", async () => {
    const w = await world();
    await twoClaims(w);
    const event = { jobId: w.id, owner: "admin", at: T0 + 2_500, who: "workflow", what: "STATE", run: 1 };
    await w.w.ports.table.transact([
      eventRow(w.w.ports, { ...event, from: "PARTITIONING", to: "PARTITIONED", why: "made 250 chunks" }),
    ]);

    await w.run("logs", w.id);

    expect(w.out.join("\n")).toContain("2026-03-01T10:00:02.500Z  partitioner  INFO   range is done: made 250 chunks.");
  });

  it("lets no output steer the terminal", async () => {
    const w = await world();
    await w.print(0, 1, line(1, 1, 1, `${ESC}[31mred${ESC}[0m ${ESC}]0;title\u0007 \u202eback\ttab`));

    await w.run("logs", w.id);

    expect(w.out[0]).toMatch(/INFO {3}red \]0;title back\ttab$/);
  });

  it("says so when there is nothing, or no such task", async () => {
    const w = await world();

    expect(await w.run("logs", w.id)).toBe(0);
    expect(w.err.at(-1)).toBe("Nothing was printed yet.");
    expect(await w.run("logs", w.id, "--task", "250")).toBe(4);
    expect(w.err.join("\n")).toContain("has no task 250");
    expect(await w.run("logs", w.id, "--level", "loud")).toBe(4);
  });
});

describe("jobjob logs --follow", () => {
  it("goes on with what comes, each line once, and ends with the job", async () => {
    const w = await world();
    await w.print(0, 1, line(0, 1, 1, "one"));
    const left = w.meanwhile(
      () => w.print(0, 1, line(1, 1, 2, "two")),
      () => undefined,
      async () => {
        await w.print(1, 1, line(0, 1, 4, "four"));
        await w.print(0, 1, line(2, 1, 3, "three"));
      },
      () => w.set({ state: "COMPLETE" }),
    );

    const code = await w.run("logs", w.id, "--follow");

    expect(code).toBe(0);
    expect(w.out.map((text) => text.split("INFO   ")[1])).toEqual(["one", "two", "three", "four"]);
    expect(w.err).toEqual(["The job is COMPLETE."]);
    expect(left).toEqual([]);
  });

  it("reads what was printed before the end after it", async () => {
    const w = await world();
    w.meanwhile(async () => {
      await w.set({ state: "FAILED" });
      await w.print(0, 1, line(0, 1, 1, "last words"));
    });

    await w.run("logs", w.id, "--follow");

    expect(w.out.join()).toContain("last words");
  });

  it("ends at Ctrl-C", async () => {
    const w = await world();
    w.meanwhile(() => w.cli.interrupts.fire());

    expect(await w.run("logs", w.id, "--follow")).toBe(130);
  });
});

describe("LogReader", () => {
  it("asks only for what is new", async () => {
    const w = await world();
    await w.print(0, 1, line(0, 1, 1, "one"));
    const reader = new LogReader(w.client(), w.id, { task: 0, retries: { attempts: 1, firstMs: 1, mostMs: 1 } });
    const read = async () => {
      const lines: string[] = [];
      for await (const some of reader.read()) lines.push(...some.map(({ text }) => text));
      return lines;
    };

    const first = await read();
    const idle = await read();
    await w.print(0, 1, line(0, 1, 2, "two"));
    const linksBefore = w.api.asked.filter(({ path }) => path === "/link");
    const second = await read();

    expect([first, idle, second]).toEqual([["one"], [], ["two"]]);
    expect(linksBefore).toHaveLength(1);
    const asked = w.api.asked.filter(({ path }) => path === "/link").at(-1);
    expect(Number(/bytes=(\d+)-/.exec(asked?.headers.range ?? "")?.[1])).toBeGreaterThan(50);
  });

  it("gives nothing twice, and leaves nothing out, when a pass failed in between", async () => {
    const w = await world();
    await w.print(0, 1, line(0, 1, 1, "one"));
    await w.print(1, 1, line(0, 1, 2, "two"));
    const reader = new LogReader(w.client(), w.id, { retries: { attempts: 1, firstMs: 1, mostMs: 1 } });
    const seen: string[] = [];
    const read = async () => {
      for await (const some of reader.read()) seen.push(...some.map(({ text }) => text));
    };
    const real = globalThis.fetch;
    let links = 0;
    vi.stubGlobal("fetch", (...args: Parameters<typeof fetch>) => {
      const cut = String(args[0]).includes("/link") && ++links === 2;
      return cut ? Promise.reject(new TypeError("the connection was cut")) : real(...args);
    });

    await expect(read()).rejects.toThrow(/batch \d, claim 1 can't be read: the connection was cut/);
    await read();
    await read();

    expect(seen).toEqual(["one", "two"]);
  });
});
