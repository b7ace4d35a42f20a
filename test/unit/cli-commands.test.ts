import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import { emulatorLogin, findLogin, saveLogin, userLogin } from "../../cli/login.ts";
import type { JobRecord } from "../../core/contracts/api/records.ts";
import { SIGN_IN, serve, serveApi, token } from "../helpers/api-server.ts";
import { cliWorld } from "../helpers/cli-world.ts";

/** The real API, and a command line that is logged in to it by the environment. */
async function world() {
  const api = await serveApi();
  const line = await cliWorld({ env: { JOBJOB_URL: api.url, JOBJOB_API_KEY: api.apiKey } });
  await writeFile(join(line.folder, "in.csv"), "state,n\nCA,1\nNY,2\n");
  return {
    ...line,
    api,
    jobs: async () => {
      const { data } = (
        await api.world.call<{ data: JobRecord[] }>("GET", "/v1/customer/jobs", undefined, { owner: "admin" })
      ).body;
      return data;
    },
    [Symbol.asyncDispose]: async () => {
      await line[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

describe("run", () => {
  it("creates, uploads and starts; stdout holds the id alone", async () => {
    await using w = await world();

    const code = await w.run(
      "run",
      "in.csv",
      "-t",
      "csv-echo",
      "-p",
      "app.width=3",
      "--chunks",
      "2",
      "-c",
      "taskTimeout=60",
      "--name",
      "mine",
      "--tag",
      "team=data",
    );

    const [job] = await w.jobs();
    expect(code).toBe(0);
    expect(w.out).toEqual([job?.id]);
    expect(job).toMatchObject({
      state: "JOB_STATE_STARTED",
      waitingFor: null,
      name: "mine",
      tags: { team: "data" },
      config: { taskTimeout: 60 },
      params: { app: { by: "state", width: 3 }, partitioner: { chunks: 2 } },
    });
    expect(w.err.join("\n")).toContain(`jobjob wait ${job?.id}`);
  });

  it("gives the record with --json", async () => {
    await using w = await world();
    await w.run("run", "in.csv", "-t", "csv-echo", "--json");
    expect(w.json()).toMatchObject({ id: (await w.jobs())[0]?.id, state: "JOB_STATE_STARTED" });
  });

  it.each([
    [["run", "nothing.csv", "-t", "csv-echo"], /nothing\.csv: there is no such file or folder/],
    [["run", "empty", "-t", "csv-echo"], /the folder holds no files/],
    [["run", "in.csv"], /Name a template with --template; there are csv-echo, range-echo/],
    [["run", "in.csv", "-t", "nope"], /^jobjob: There is no template nope\. Known: csv-echo, range-echo/],
    [["run", "in.csv", "-t", "csv-echo", "-p", "by=x"], /put one of these in front, as in app\.by=state/],
    [["run", "in.csv", "-t", "csv-echo", "-p", "app.width=0"], /params\.app\.width/],
    [["run", "in.csv", "-t", "csv-echo", "-c", "taskTimeoot=1"], /config\.taskTimeoot: is not a known field/],
    [["run", "in.csv", "-t", "csv-echo", "--out", "in.csv"], /in\.csv exists already.*--overwrite/],
    [["run", "http://x/y", "-t", "csv-echo"], /this kind of source isn't available/],
    [["run", "s3://inbox/none.csv", "-t", "csv-echo"], /none\.csv/],
    [["run", "-t", "csv-echo"], /dataSource/],
    [["run", "in.csv", "--chunks", "0"], /whole number from 1/],
    [["lits"], /unknown command 'lits'/],
    [
      ["inspect", "01M80QEN3FDHP1HYWA657CHK4X"],
      /There is no job 01M80QEN3FDHP1HYWA657CHK4X; `jobjob list` shows yours\./,
    ],
  ])("%j is refused in one line, and leaves no job behind", async (args, message) => {
    await using w = await world();
    await mkdir(join(w.folder, "empty"));

    const code = await w.run(...args);

    const lines = w.err.filter((line) => !line.startsWith("uploading"));
    expect(code).toBe(4);
    expect(lines.join("\n")).toMatch(message);
    expect(lines.join("\n")).not.toMatch(/\n\s+at |defect/);
    expect(w.out).toEqual([]);
    expect(await w.jobs()).toEqual([]);
  });
});

describe("lists", () => {
  it("print [] with --json and a hint without, when there is nothing", async () => {
    await using w = await world();
    expect(await w.run("list", "--json")).toBe(0);
    expect(w.json()).toEqual([]);
    expect(w.err).toEqual([]);
    await w.run("list");
    expect(w.err).toEqual(["No jobs. `jobjob run FILE --template ID` makes one."]);
  });

  it("have the columns of Pachyderm's", async () => {
    await using w = await world();
    await w.run("run", "in.csv", "-t", "csv-echo");
    w.out.length = 0;
    await w.run("list");
    expect(w.out[0]?.split(/\s+/)).toEqual([
      "ID",
      "TEMPLATE",
      "STARTED",
      "DURATION",
      "RESTART",
      "PROGRESS",
      "DL",
      "UL",
      "STATE",
    ]);
    expect(w.out[1]).toMatch(/csv-echo .* 0 \+ 0 \/ 0 .* STARTED$/);
  });
});

describe("dry runs", () => {
  it("show the chunks and leave no job behind", async () => {
    await using w = await world();
    expect(await w.run("partition", "in.csv", "-t", "csv-echo", "--chunks", "2")).toBe(0);
    expect(w.out.slice(1)).toEqual([
      expect.stringMatching(/0\s+in\.csv\s+8–13/),
      expect.stringMatching(/1\s+in\.csv\s+13–18/),
    ]);
    w.out.length = 0;
    expect(await w.run("estimate", "in.csv", "-t", "csv-echo", "--json")).toBe(0);
    expect(w.json()).toMatchObject({ chunks: 1, taskSeconds: 2 });
    expect(await w.jobs()).toEqual([]);
  });
});

describe("login", () => {
  it("keeps what works, readable by the user alone, and asks for a key that wasn't given", async () => {
    await using api = await serveApi();
    await using w = await cliWorld({ key: `${api.apiKey}\n` });
    await saveLogin(emulatorLogin(w.cli), { url: "http://127.0.0.1:1", apiKey: "old" });

    expect(await w.run("login", "--url", api.url)).toBe(0);

    const path = userLogin(w.cli);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(path, ".."))).toEqual(["login.json"]);
    expect(await findLogin(w.cli)).toEqual({ url: api.url, apiKey: api.apiKey, from: path, isEmulator: false });
    expect(await w.run("list", "--json")).toBe(0);
  });

  it("refuses a wrong key and keeps nothing", async () => {
    await using api = await serveApi();
    await using w = await cliWorld();
    expect(await w.run("login", "--url", api.url, "--key", "wrong")).toBe(4);
    expect(w.err).toEqual([expect.stringMatching(/refuses the API key.*jobjob login --url/)]);
    await expect(findLogin(w.cli)).rejects.toThrow(/You are not logged in.*jobjob login.*jobjob up/);
  });

  it("gives way to the environment; the emulator's counts until the next login", async () => {
    await using w = await cliWorld();
    await saveLogin(userLogin(w.cli), { url: "https://a.example", apiKey: "a" });
    expect(await findLogin(w.cli)).toMatchObject({ apiKey: "a", isEmulator: false });
    await saveLogin(emulatorLogin(w.cli), { url: "http://127.0.0.1:1", apiKey: "b" });
    expect(await findLogin(w.cli)).toMatchObject({ apiKey: "b", isEmulator: true });
    const env = { ...w.cli.env, JOBJOB_URL: "https://c.example", JOBJOB_API_KEY: "c" };
    expect(await findLogin({ ...w.cli, env })).toMatchObject({ url: "https://c.example", apiKey: "c" });
    const half = { ...w.cli.env, JOBJOB_URL: "https://a.example/" };
    expect(await findLogin({ ...w.cli, env: half })).toMatchObject({ apiKey: "a" });
    await expect(findLogin({ ...w.cli, env: { ...half, JOBJOB_URL: "https://d.example" } })).rejects.toThrow(
      /no API key for https:\/\/d/,
    );
  });

  it("tells a server that is gone and how to go on", async () => {
    await using w = await cliWorld();
    await saveLogin(emulatorLogin(w.cli), { url: "http://127.0.0.1:2", apiKey: "b" });
    expect(await w.run("list")).toBe(4);
    expect(w.err.join()).toMatch(/can't be reached: nothing listens there.*`jobjob up` starts/);
  });
});

/** A server whose one job goes through these states, a look each. */
async function jobThrough(states: readonly string[], more: Partial<JobRecord> = {}) {
  const body = Buffer.from("a,b\n1,2\n");
  const checksum = `crc32:${zlib.crc32(body).toString(16).padStart(8, "0")}`;
  let looks = 0;
  const server = await serve(({ path, query, headers }) => {
    if (path === SIGN_IN) return token();
    if (path === "/result") return headers.range === "bytes=4-7" ? { status: 206, body: body.subarray(4) } : { body };
    if (path.endsWith("/results") && query.get("partial") === "true") {
      const of = (task: number) => ({ task, name: `${task}_part.csv`, checksum: null });
      const results = [
        { ...of(0), link: `${server.url}/result`, size: 4, range: "bytes=4-7" },
        { ...of(2), link: "data:,", size: 0, range: null },
      ];
      return { body: { results, nextPage: null } };
    }
    if (path.endsWith("/results")) {
      const results = ["out.csv", "../evil"].map((name) => ({
        name,
        link: `${server.url}/result`,
        size: body.length,
        checksum,
      }));
      return { body: { results, nextPage: null } };
    }
    const state = states[Math.min(looks++, states.length - 1)] ?? "NEW";
    return { body: { job: record(state, states.slice(0, looks), more), templateInfo: null } };
  });
  const line = await cliWorld({ env: { JOBJOB_URL: server.url, JOBJOB_API_KEY: "k" } });
  return {
    ...line,
    looks: () => looks,
    [Symbol.asyncDispose]: async () => {
      await line[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

function record(state: string, entered: readonly string[], more: Partial<JobRecord>) {
  const at = (i: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString();
  const count = {
    total: 4,
    queued: 0,
    active: 0,
    completed: 4,
    partial: 0,
    softFailed: 0,
    failed: 0,
    skipped: 0,
    canceled: 0,
    paused: 0,
  };
  return {
    id: "J",
    state: `JOB_STATE_${state}`,
    run: 1,
    createdAt: at(0),
    submittedAt: at(0),
    duration: 7,
    waitingFor: null,
    errorMessage: state === "FAILED" ? "merge: the disk is full; buy one" : null,
    incomplete: null,
    cost: { usd: 0.00123 },
    progress: { ...count, text: "4 + 0 / 4" },
    stateTimestamps: Object.fromEntries(entered.map((one, i) => [`JOB_STATE_${one}`, at(i)])),
    ...more,
  };
}

describe("wait", () => {
  it.each([
    ["COMPLETE", 0],
    ["FAILED", 1],
    ["CANCELED", 2],
    ["UNRUNNABLE", 2],
  ])("a job that ends %s exits %i, after a line for each state", async (end, code) => {
    await using w = await jobThrough(["STARTED", "PAUSED", "PARTITIONED", end]);
    expect(await w.run("wait", "J")).toBe(code);
    expect(w.out).toEqual([
      "   0.0 s  STARTED  4 + 0 / 4  $0.0012",
      "   1.0 s  PAUSED (`jobjob resume` goes on)  4 + 0 / 4  $0.0012",
      "   2.0 s  PARTITIONED  4 + 0 / 4  $0.0012",
      `   3.0 s  ${end}  4 + 0 / 4  $0.0012`,
    ]);
    const next = `\`jobjob requeue J\` runs what is left${end === "CANCELED" ? " of it" : ""}.`;
    expect(w.err).toEqual(
      end === "FAILED" ? ["FAILED: merge: the disk is full; buy one", next] : end === "CANCELED" ? [next] : [],
    );
    expect(w.looks()).toBe(4);
  });

  it("says at the end what it has cost beside what was expected, and `cost` does by kind", async () => {
    const kinds = { workflowUsd: 0.002, functionsUsd: 0.0001, tableUsd: 0.0001, storageUsd: 0.0001 };
    const cost = { usd: 0.0033, appUsd: 0.001, ...kinds };
    const estimatedCost = { usd: 0.0073, appUsd: 0.005, ...kinds };
    const stats = { downloadBytes: 0, uploadBytes: 0, downloadMs: 0, processMs: 43_400, uploadMs: 0, restarts: 0 };
    await using w = await jobThrough(["COMPLETE"], { cost, estimatedCost, stats });

    await w.run("wait", "J");
    expect(w.err).toEqual([
      "cost $0.0033, estimated $0.0073 (−55 %): tasks took 43 s in all, not the 3 m 37 s that the app declares",
    ]);
    w.out.length = 0;
    await w.run("cost", "J");
    expect(w.out[0]).toMatch(/KIND\s+ESTIMATED\s+MEASURED/);
    expect(w.out.at(-1)).toMatch(/In all\s+\$0\.0073\s+\$0\.0033/);
    w.out.length = 0;
    await w.run("cost", "J", "--json");
    expect(w.json()).toEqual({ ...cost, estimated: estimatedCost });
  });

  it("exits 3 when the time is up, and says how to come back", async () => {
    await using w = await jobThrough(["PARTITIONED"]);
    expect(await w.run("wait", "J", "--timeout", "0")).toBe(3);
    expect(w.err.join()).toMatch(/time is up.*`jobjob wait J`/);
  });

  it("with --json leaves stdout to the record", async () => {
    await using w = await jobThrough(["PARTITIONED", "COMPLETE"]);
    expect(await w.run("wait", "J", "--json")).toBe(0);
    expect(w.json()).toMatchObject({ id: "J", state: "JOB_STATE_COMPLETE" });
    expect(w.err).toHaveLength(2);
  });

  it("leaves the job running at Ctrl-C, and says how to come back", async () => {
    await using w = await jobThrough(["PARTITIONED"]);
    let slept = 0;
    const cli = { ...w.cli, sleep: async () => void (++slept === 3 && w.cli.interrupts.fire()) };
    const { watchJob, exitCodeOf, sayEnd } = await import("../../cli/watch.ts");
    const { connect } = await import("../../cli/context.ts");

    const watched = await watchJob(cli, await connect(cli), "J");
    sayEnd(cli, watched, false);

    expect([watched.end, exitCodeOf(watched)]).toEqual(["interrupted", 130]);
    expect(w.err).toEqual(["The job J goes on; `jobjob wait J` comes back to it, `jobjob stop J` ends it."]);
    expect(w.cli.interrupts.fire()).toBe(false);
  });
});

describe("download", () => {
  it("fetches what is safe, names what isn't, and overwrites only when told", async () => {
    await using w = await jobThrough(["COMPLETE"]);
    expect(await w.run("download", "J", "out/")).toBe(4);
    expect(await readdir(join(w.folder, "out"))).toEqual(["out.csv"]);
    expect(w.err.join()).toContain('The result "../evil" has no name that is safe');
    expect(await readdir(w.folder)).not.toContain("evil");

    w.err.length = 0;
    expect(await w.run("download", "J", "out/")).toBe(4);
    expect(w.err.join()).toContain("exists already");
  });

  it("tells a job that isn't COMPLETE", async () => {
    await using w = await jobThrough(["MERGING"]);
    expect(await w.run("download", "J")).toBe(4);
    expect(w.err.join()).toMatch(/The job J is MERGING and has no results; `jobjob wait J`/);
  });

  it.each(["FAILED", "CANCELED", "PAUSED"])(
    "with --partial fetches what the tasks of a %s job finished",
    async (state) => {
      await using w = await jobThrough([state]);
      expect(await w.run("download", "J", "out/")).toBe(4);
      expect(w.err.join()).toContain(`The job J is ${state} and has no results; \`--partial\` fetches`);

      expect(await w.run("download", "J", "out/", "--partial")).toBe(0);
      expect(await readdir(join(w.folder, "out"))).toEqual(["0_part.csv", "2_part.csv"]);
      expect(await readFile(join(w.folder, "out", "0_part.csv"), "utf8")).toBe("1,2\n");
    },
  );

  it("with --partial has nothing of a job that runs", async () => {
    await using w = await jobThrough(["PARTITIONED"]);
    expect(await w.run("download", "J", "--partial")).toBe(4);
    expect(w.err.join()).toMatch(/The job J is PARTITIONED and has no results; `jobjob wait J`/);
  });
});

describe("results", () => {
  it("are links; partial ones tell their range", async () => {
    await using w = await jobThrough(["FAILED"]);
    await w.run("results", "J");
    expect(w.out[0]).toMatch(/^NAME +SIZE +CHECKSUM +LINK/);
    w.out.length = 0;
    await w.run("results", "J", "--partial");
    expect(w.out).toEqual([
      expect.stringMatching(/^NAME +SIZE +CHECKSUM +RANGE +LINK/),
      expect.stringMatching(/^0_part\.csv +4 B +- +bytes=4-7 +http/),
      expect.stringMatching(/^2_part\.csv +0 B +- +- +data:,/),
    ]);
  });
});
