import { describe, expect, it } from "vitest";
import { eventLine, eventsAnswer } from "../../../core/contracts/api/records.ts";
import { ApiWorld } from "../../helpers/api-world.ts";

async function stream(w: ApiWorld, query = "", owner = "alice", family = "customer") {
  const caller = { id: "T", owner, keyId: "K", expiresAt: w.clock.now() + 1e6 };
  const response = await w.app.request(`/v1/${family}/events${query}`, {}, { requestId: "r", caller });
  const text = await response.text();
  return {
    status: response.status,
    text,
    cursor: response.headers.get("x-next-cursor") ?? "",
    events: () =>
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => eventLine.parse(JSON.parse(line)).result),
  };
}

async function world() {
  const w = new ApiWorld();
  await w.owner("alice");
  await w.owner("bob");
  return w;
}

describe("GET /v1/customer/events", () => {
  it("tells of all the owner's jobs, a line each, and nothing of anybody else's", async () => {
    const w = await world();
    const [one, two] = [await w.job(), await w.job()];
    await w.job({}, "bob");
    await w.run(two.id);

    const answer = await stream(w, "?since=2026-03-01T00:00:00Z");

    expect(answer.status).toBe(200);
    expect(answer.text.endsWith("\n")).toBe(true);
    expect(answer.events().map(({ event, data }) => [event, data.jobId, data.to])).toEqual([
      ["job.created", one.id, "JOB_STATE_NEW"],
      ["job.created", two.id, "JOB_STATE_NEW"],
      ["job.state", two.id, "JOB_STATE_STARTED"],
    ]);
    expect((await stream(w, "?since=2026-03-01T00:00:00Z", "alice", "computing")).text).toBe(answer.text);
  });

  it("has the ids of the jobs' timelines", async () => {
    const w = await world();
    const job = await w.job();
    await w.run(job.id);
    const timeline = eventsAnswer.parse((await w.call("GET", `/v1/customer/jobs/${job.id}/events`)).body).data;

    const told = (await stream(w, "?since=2026-03-01T00:00:00Z")).events();

    expect(told.map(({ data }) => data)).toEqual(timeline.map((event) => ({ jobId: job.id, ...event })));
  });

  it("goes on from its cursor, and waits for what is new, 25 s at most", async () => {
    const w = await world();
    await w.job();
    const first = await stream(w, "?since=2026-03-01T00:00:00Z&timeout=0");
    const began = w.clock.now();

    const nothing = await stream(w, `?cursor=${first.cursor}&timeout=600`);
    const waited = w.clock.now() - began;
    const next = await w.job();
    const second = await stream(w, `?cursor=${nothing.cursor}`);

    expect([nothing.status, nothing.text]).toEqual([200, ""]);
    expect(waited).toBe(25_000);
    expect(second.events().map(({ data }) => data.jobId)).toEqual([next.id]);
  });

  it("refuses what is no time and no cursor of its own", async () => {
    const w = await world();

    for (const query of ["?since=yesterday", "?cursor=x", "?limit=0", "?timeout=-1"]) {
      const { status, text } = await stream(w, query);
      expect([query, status], text).toEqual([query, 400]);
    }
  });
});
