import { describe, expect, it } from "vitest";
import { readParams } from "../../cli/params.ts";
import { byStateKeys, jobKey } from "../../core/keys/item-keys.ts";
import { isActive, type JobState } from "../../core/states/job-states.ts";
import { serveApi } from "../helpers/api-server.ts";
import { cliWorld } from "../helpers/cli-world.ts";

/** The real API, and a command line that is logged in to it by the environment. */
async function world(options: { readonly isLive?: boolean; readonly answer?: boolean } = {}) {
  const api = await serveApi();
  const line = await cliWorld({ env: { JOBJOB_URL: api.url, JOBJOB_API_KEY: api.apiKey }, ...options });
  await line.run("list"); // the first call imports the key's owner
  line.err.length = 0;
  const { table: store, clock } = api.world.ports;
  const put = (id: string, state: JobState, more: object = {}) =>
    store.write({
      update: jobKey(id),
      changes: { set: { state, [`stamps.${state}`]: clock.now(), ...byStateKeys("admin", state, id), ...more } },
    });
  return {
    ...line,
    api,
    put,
    /** A job that has run, put into a state. */
    async job(state: JobState, name = "a job", more: object = {}): Promise<string> {
      const { id } = await api.world.job({ name }, "admin");
      await api.world.call("POST", `/v1/customer/jobs/${id}/run`, {}, { owner: "admin" });
      const ended = isActive(state) ? {} : { endedAt: clock.now(), stands: "MERGED" };
      await put(id, state, { ...(state === "PAUSED" ? { wish: 1 } : {}), ...ended, ...more });
      return id;
    },
    /** undefined once it is deleted. */
    async state(id: string): Promise<unknown> {
      const item = await store.get(jobKey(id));
      return item?.deletedAt === undefined ? item?.state : undefined;
    },
    asked: line.asked,
    actions: () => api.asked.filter(({ path }) => path.endsWith("/actions")),
    [Symbol.asyncDispose]: async () => {
      await line[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

describe("a command on one job", () => {
  it.each([
    ["pause", "PARTITIONED", "PAUSING", "pausing", /jobjob resume ID/],
    ["resume", "PAUSED", "PARTITIONED", "resumed", /jobjob wait ID/],
    ["stop", "PARTITIONED", "CANCELED", "stopped", /^$/],
    ["abort", "PAUSED", "CANCELED", "stopped", /^$/],
    ["requeue", "FAILED", "REQUEUEING", "requeued", /jobjob wait ID/],
    ["delete", "COMPLETE", undefined, "deleted", /^$/],
    ["rm", "CANCELED", undefined, "deleted", /^$/],
  ] as const)("%s of one that is %s", async (command, from, to, done, hint) => {
    await using w = await world();
    const id = await w.job(from);

    const code = await w.run(command, id);

    expect([code, w.out, await w.state(id)]).toEqual([0, [`${id}  ${done}`], to]);
    expect(w.err.join("\n").replace(id, "ID")).toMatch(hint);
  });

  it.each([
    ["pause", "COMPLETE", /skipped {2}NOT_PAUSABLE: it is COMPLETE; only a job whose tasks are running/],
    ["resume", "FAILED", /skipped {2}NOT_RESUMABLE: it is FAILED; .*requeued/],
    ["stop", "COMPLETE", /skipped {2}NOT_ABORTABLE: it is COMPLETE/],
    ["requeue", "MERGING", /skipped {2}NOT_REQUEUEABLE: it is MERGING/],
    ["delete", "PARTITIONED", /skipped {2}JOB_NOT_ENDED: it is PARTITIONED; .*Abort it first/],
  ] as const)("%s of one that is %s says why not, and exits 4", async (command, state, message) => {
    await using w = await world();
    const id = await w.job(state);

    const code = await w.run(command, id);

    expect([code, w.out.length, await w.state(id)]).toEqual([4, 1, state]);
    expect(w.out[0]).toMatch(message);
  });

  it.each([
    [["requeue", "ID", "--failed", "--all"], /Choose one of/],
    [["requeue", "ID", "--repartition", "--tasks", "3"], /Choose one of/],
    [["requeue", "ID", "--tasks", "3,seven"], /Write them as 3,7-9/],
    [["pause"], /Name the jobs: `jobjob pause ID …`/],
    [["delete", "ID", "--state", "FAILED"], /either by their ids or by filters/],
    [["requeue", "--state", "FAILED", "--watch"], /--watch follows one job/],
    [["stop", "ID", "OTHER", "-w"], /--watch follows one job/],
    [["delete", "--state", "BROKEN"], /no state of a job; use one of NEW, STARTED/],
    [["delete", "--tag", "team"], /write it as name=value/],
  ])("%j is refused in one line, and nothing is done", async (args, message) => {
    await using w = await world();
    const id = await w.job("FAILED");

    const code = await w.run(...args.map((arg) => (arg === "ID" ? id : arg)));

    expect([code, w.out, await w.state(id)]).toEqual([4, [], "FAILED"]);
    expect(w.err.join("\n")).toMatch(message);
  });

  it.each([
    [[], { kind: "none" }, 0],
    [["--all"], { kind: "all" }, 0],
    [["--tasks", "0,2-4"], { kind: "tasks", ranges: "0,2-4" }, 0],
    [["--repartition"], { kind: "all" }, 1],
  ])("requeue %j selects %j", async (options, selection, generation) => {
    await using w = await world();
    const id = await w.job("FAILED", "a job", { tasks: 9 });

    const code = await w.run("requeue", id, ...options);

    expect(code, w.out.join()).toBe(0);
    expect(await w.api.world.ports.table.get(jobKey(id))).toMatchObject({
      state: "REQUEUEING",
      run: 2,
      selection,
      generation,
    });
  });

  it("stop says when a delivery must end first, and is content when a NEW job is gone", async () => {
    await using w = await world();
    const delivering = await w.job("DOWNLOADING", "a job", { interrupted: "DOWNLOADING" });
    const { id: fresh } = await w.api.world.job({}, "admin");

    const codes = [await w.run("stop", delivering), await w.run("stop", fresh)];

    expect([codes, await w.state(delivering), await w.state(fresh)]).toEqual([[0, 0], "CANCELING", undefined]);
    expect(w.err).toEqual([expect.stringMatching(/It is CANCELING: its delivery was under way\. `jobjob wait/)]);
  });

  it("--watch follows it: pause until PAUSED, requeue to the end", async () => {
    await using w = await world();
    const running = await w.job("PARTITIONED");
    const failed = await w.job("FAILED");
    const cli = (id: string, state: JobState) => {
      Object.assign(w.cli, { sleep: () => w.put(id, state, { errorMessage: null }) });
    };

    cli(running, "PAUSED");
    const paused = await w.run("pause", running, "--watch");
    cli(failed, "CANCELED");
    const canceled = await w.run("requeue", failed, "-w", "--json");

    expect([paused, canceled]).toEqual([0, 2]);
    expect(w.out[0]).toBe(`${running}  pausing`);
    expect(JSON.parse(w.out.slice(w.out.indexOf("{")).join("\n"))).toMatchObject({
      id: failed,
      state: "JOB_STATE_CANCELED",
    });
    expect(w.err.join("\n")).toContain(`\`jobjob requeue ${failed}\` runs what is left`);
  });
});

describe("a command on many jobs", () => {
  it("named by ids: tells of each, and exits 4 when one was skipped", async () => {
    await using w = await world();
    const [a, b, c] = [await w.job("PARTITIONED"), await w.job("COMPLETE"), await w.job("STARTED")];

    const code = await w.run("stop", a, b, c, "0NOSUCHJOB");

    expect(code).toBe(4);
    expect(w.out.map((line) => line.replace(/: .*/, ""))).toEqual([
      `${a}  stopped`,
      `${c}  stopped`,
      `${b}  skipped  NOT_ABORTABLE`,
      "0NOSUCHJOB  skipped  JOB_NOT_FOUND",
    ]);
    expect(w.err).toEqual(["2 stopped, 2 skipped"]);
  });

  it("matched by filters: dry run tells and does nothing; then it is done to just those", async () => {
    await using w = await world();
    const [a, b] = [await w.job("FAILED", "night 1"), await w.job("FAILED", "night 2")];
    const other = await w.job("FAILED", "daylight");

    const dry = await w.run("requeue", "--state", "failed", "--name", "night", "--all", "--dry-run");
    const told = w.out.splice(0);
    const untouched = await w.state(a);
    const code = await w.run("requeue", "--state", "failed", "--name", "night", "--all");

    expect([dry, untouched, code]).toEqual([0, "FAILED", 0]);
    expect(told).toEqual([`${b}  would be requeued`, `${a}  would be requeued`]);
    expect(w.out).toEqual([`${b}  requeued`, `${a}  requeued`]);
    expect([await w.state(a), await w.state(b), await w.state(other)]).toEqual(["REQUEUEING", "REQUEUEING", "FAILED"]);
    expect(w.asked).toEqual([]); // no terminal, no question
  });

  it.each([
    [true, 0, undefined],
    [false, 4, "COMPLETE"],
    [undefined, 4, "COMPLETE"],
  ])("on a terminal a question comes first: answered %s", async (answer, code, state) => {
    await using w = await world({ isLive: true, ...(answer === undefined ? {} : { answer }) });
    const ids = [await w.job("COMPLETE", "old 1"), await w.job("COMPLETE", "old 2")];

    const exit = await w.run("delete", "--name", "old");

    expect([exit, await Promise.all(ids.map(w.state))]).toEqual([code, [state, state]]);
    expect(w.asked).toEqual(["Delete these 2 jobs?"]);
    expect(w.err.join("\n")).toMatch(/old 2 +COMPLETE\n.*old 1 +COMPLETE/);
    if (answer === undefined) expect(w.err.join("\n")).toContain("add --yes");
  });

  it("no question with --yes, for one match, or for jobs named by ids", async () => {
    await using w = await world({ isLive: true });
    const make = (name: string) => w.job("COMPLETE", name);
    await make("many 1");
    await make("many 2");
    await make("single");
    const named = [await make("x 1111"), await make("x 2222")];

    const codes = [
      await w.run("delete", "--name", "many", "-y"),
      await w.run("delete", "--name", "single"),
      await w.run("delete", ...named),
    ];

    expect([codes, w.asked]).toEqual([[0, 0, 0], []]);
    expect(w.out).toHaveLength(5);
  });

  it("nothing matched is no error, and skipped matches neither", async () => {
    await using w = await world();
    const id = await w.job("MERGING", "busy");

    const none = await w.run("delete", "--name", "nobody");
    const skipped = await w.run("delete", "--name", "busy");

    expect([none, skipped, await w.state(id)]).toEqual([0, 0, "MERGING"]);
    expect(w.err[0]).toBe("No job is like that.");
    expect(w.out[0]).toMatch(/skipped {2}JOB_NOT_ENDED/);
  });

  it("gives one object with --json", async () => {
    await using w = await world();
    const [a, b] = [await w.job("PARTITIONED"), await w.job("COMPLETE")];

    const code = await w.run("pause", a, b, "--json");

    expect(code).toBe(4);
    expect(w.json()).toMatchObject({ ok: 1, ids: [a], skipped: [{ id: b, code: "NOT_PAUSABLE" }], dryRun: false });
  });

  it("goes through all pages", async () => {
    await using w = await world();
    for (let i = 0; i < 105; i++) await w.job("FAILED", `many ${i}`);

    const code = await w.run("delete", "--state", "FAILED", "--yes");

    expect([code, w.out.length, w.actions().length]).toEqual([0, 105, 4]);
  });
});

describe("what is shown of a job", () => {
  it.each([
    ["PAUSED", /^State +PAUSED \(`jobjob resume` goes on\)$/],
    ["PAUSING", /^State +PAUSING \(the tasks in hand end first\)$/],
    ["CANCELING", /^State +CANCELING \(what is under way ends first\)$/],
    ["REQUEUEING", /^State +REQUEUEING$/],
  ] as const)("inspect of one that is %s", async (state, line) => {
    await using w = await world();
    const id = await w.job(state);
    await w.run("inspect", id);
    expect(w.out.find((one) => one.startsWith("State "))).toMatch(line);
  });

  it("list in another system's words, and with a filter that matches none", async () => {
    await using w = await world();
    await w.job("CANCELING");

    await w.run("list", "--view", "ngenea");
    const shown = w.out.splice(0);
    await w.run("list", "--state", "PAUSED");

    expect(shown[1]).toMatch(/ Dequeuing$/);
    expect([w.out, w.err]).toEqual([[], ["No job is like that."]]);
  });

  it("true states also where the deployment speaks ByteNite's words", async () => {
    await using w = await world();
    Object.assign(w.api.world.ports, { bytenite: true });
    const id = await w.job("CANCELED");

    const [waited] = [await w.run("wait", id)];
    await w.run("list");

    expect(waited).toBe(2);
    expect(w.out.at(-1)).toMatch(/ CANCELED$/);
  });
});

describe("params", () => {
  it.each([
    [["partitioner.range=7"], "numbers", { partitioner: { range: "7" } }],
    [["partitioner.range=1-9", "partitioner.perChunk=3"], "numbers", { partitioner: { range: "1-9", perChunk: 3 } }],
    [["partitioner.chunks=4"], "csv-group-by", { partitioner: { chunks: 4 } }],
    [
      ['app.by=["state"]', "assembler.name=2024"],
      "csv-group-by",
      { app: { by: ["state"] }, assembler: { name: "2024" } },
    ],
    [["partitioner.range=7"], undefined, { partitioner: { range: 7 } }],
    [["partitioner.range=7"], "somebody's", { partitioner: { range: 7 } }],
    [["partitioner.perChunk=many"], "numbers", { partitioner: { perChunk: "many" } }],
    [["partitioner.perChunk=0"], "numbers", { partitioner: { perChunk: 0 } }],
  ])("%j of %s are what its blocks want", (given, template, wanted) => {
    expect(readParams(given, template)).toEqual(wanted);
  });
});
