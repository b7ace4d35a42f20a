import { expect, it } from "vitest";
import { serve, serveApi } from "../helpers/api-server.ts";
import { cliWorld } from "../helpers/cli-world.ts";

const OWNER = "admin";

/** The real API behind a line that may be cut, and a command line whose every pause is a step of the test. */
async function world(onSleep: (pauses: number, interrupt: () => void) => void | Promise<void> = () => {}) {
  const api = await serveApi();
  let cut = false;
  let cutAfter = false;
  const line = await serve(async ({ method, path, query, headers, body }) => {
    if (cut) return null;
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    const answer = await fetch(`${api.url}${path}?${query}`, {
      method,
      headers: { authorization: sent.authorization ?? "", "content-type": "application/json" },
      ...(method === "GET" ? {} : { body: new Uint8Array(body) }),
    });
    const cursor = answer.headers.get("x-next-cursor");
    const told = { status: answer.status, body: await answer.text() };
    if (cutAfter && path.endsWith("/events")) return null;
    return { ...told, headers: cursor === null ? {} : { "x-next-cursor": cursor } };
  });
  const shell = await cliWorld({ env: { JOBJOB_URL: line.url, JOBJOB_API_KEY: api.apiKey } });
  let pauses = 0;
  Object.assign(shell.cli, {
    now: () => api.world.clock.now(),
    sleep: async () => {
      pauses++;
      await onSleep(pauses, () => shell.cli.interrupts.fire());
    },
  });
  return {
    ...shell,
    api: api.world,
    cut: (is: boolean) => {
      cut = is;
    },
    /** The server does its part, and its answer is lost. */
    loseAnswers: (is: boolean) => {
      cutAfter = is;
    },
    job: () => api.world.job({}, OWNER),
    [Symbol.asyncDispose]: async () => {
      await shell[Symbol.asyncDispose]();
      await line[Symbol.asyncDispose]();
      await api[Symbol.asyncDispose]();
    },
  };
}

it("lists what happened to all jobs in the last hour, or to one", async () => {
  await using w = await world();
  const old = await w.job();
  w.api.clock.advance(2 * 3_600_000);
  const [a, b] = [await w.job(), await w.job()];
  await w.api.call("POST", `/v1/customer/jobs/${b.id}/run`, {}, { owner: OWNER });

  expect(await w.run("events", "--json")).toBe(0);
  const all = w.json() as { jobId: string; what: string; to: string }[];
  w.out.length = 0;
  expect(await w.run("events", old.id)).toBe(0);

  expect(all.map(({ jobId, to }) => [jobId, to])).toEqual([
    [a.id, "JOB_STATE_NEW"],
    [b.id, "JOB_STATE_NEW"],
    [b.id, "JOB_STATE_STARTED"],
  ]);
  expect(w.out[0]?.split(/\s+/)).toEqual(["AT", "RUN", "WHAT", "FROM", "TO", "WHO", "WHY"]);
  expect(w.out[1]?.split(/\s+/)).toEqual(["2026-03-01T10:00:00.000Z", "0", "CREATED", "-", "NEW", OWNER]);
  expect(w.out).toHaveLength(2);
});

it("pages through more events than one answer holds", async () => {
  await using w = await world();
  for (let i = 0; i < 230; i++) await w.job();

  await w.run("events", "--json", "--since", "1m");

  const ids = (w.json() as { id: string }[]).map(({ id }) => id);
  expect(ids).toHaveLength(230);
  expect(new Set(ids).size).toBe(230);
});

it("follows all jobs from now on, each event once, until Ctrl-C", async () => {
  await using w = await world(async (pauses, interrupt) => {
    if (pauses === 5) interrupt();
    else made.push((await w.job()).id);
  });
  const made: string[] = [];
  await w.job();
  w.api.clock.advance(1_000);

  expect(await w.run("events", "--follow")).toBe(0);

  expect(made.length).toBeGreaterThan(1);
  expect(w.out).toEqual(made.map((id) => expect.stringMatching(new RegExp(`Z  ${id}  r0  NEW  \\(${OWNER}\\)$`))));
  expect(w.err).toEqual([]);
  expect(w.cli.interrupts.fire()).toBe(false);
});

it("follows one job, from its begin, as a line of JSON each", async () => {
  await using w = await world(async (pauses, interrupt) => {
    if (pauses === 1) await w.api.call("POST", `/v1/customer/jobs/${job.id}/run`, {}, { owner: OWNER });
    else interrupt();
  });
  const job = await w.job();
  await w.job();

  expect(await w.run("events", job.id, "-f", "--json")).toBe(0);

  const events = w.out.map((text) => JSON.parse(text) as { jobId: string; to: string; from: string | null });
  expect(events.map(({ jobId, from, to }) => [jobId, from, to])).toEqual([
    [job.id, null, "JOB_STATE_NEW"],
    [job.id, "JOB_STATE_NEW", "JOB_STATE_STARTED"],
  ]);
});

it("goes on after a lost connection and a lost answer, without loss or doubles", async () => {
  await using w = await world(async (pauses, interrupt) => {
    if (pauses === 1) {
      made.push((await w.job()).id);
      w.loseAnswers(true);
    } else if (pauses === 2) {
      w.loseAnswers(false);
      w.cut(true);
      made.push((await w.job()).id);
    } else if (pauses === 3) w.cut(false);
    else interrupt();
  });
  const made: string[] = [];

  expect(await w.run("events", "--follow", "--since", "1m")).toBe(0);

  expect(w.out.map((text) => text.split("  ")[1])).toEqual(made);
  expect(w.err).toEqual(["The connection is lost; nothing is missed, it is tried again.", "The connection is back."]);
});

it("doesn't follow what can't be reached or isn't there", async () => {
  await using w = await world();
  const nobody = await w.run("events", "01J0000000000000000000NONE", "--follow");
  w.cut(true);
  const nowhere = await w.run("events", "--follow");

  expect([nobody, nowhere]).toEqual([4, 4]);
  expect(w.err.join("\n")).toMatch(/There is no job 01J0000000000000000000NONE/);
  expect(w.err.join("\n")).toMatch(/can't be reached/);
});
