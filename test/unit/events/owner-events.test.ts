import { expect, it } from "vitest";
import { ManualClock, MemoryTable, SeededIds } from "../../../adapters/memory/index.ts";
import { type OwnerEvents, ownerEvents } from "../../../core/events/owner-events.ts";
import { eventRow } from "../../../core/job/transition.ts";
import { jobKey } from "../../../core/keys/item-keys.ts";
import { purgeDeleted } from "../../../core/steps/sweep/purge.ts";
import { job, makeEngine, OWNER, putTasksJob } from "../../helpers/engine.ts";

const START = Date.parse("2026-01-01T00:00:00Z");

class World {
  readonly clock = new ManualClock(START);
  readonly table = new MemoryTable({ clock: this.clock });
  readonly #ids = new SeededIds(3, this.clock);
  slept = 0;
  /** Called while a call waits. */
  meanwhile: () => Promise<void> = async () => {};

  async happens(what: string, at = this.clock.now(), owner = "ann"): Promise<void> {
    const row = { jobId: "J", owner, at, who: "workflow", what: "STATE", run: 1, to: "STARTED", why: what } as const;
    await this.table.write(eventRow({ ids: this.#ids }, row));
  }

  ask(more: { cursor?: string; since?: number; limit?: number; seconds?: number } = {}): Promise<OwnerEvents> {
    const sleep = async (ms: number) => {
      this.slept += ms;
      this.clock.advance(ms);
      await this.meanwhile();
    };
    const ask = { owner: "ann", cursor: more.cursor, since: more.since, limit: 100, seconds: 0, ...more };
    return ownerEvents({ table: this.table, clock: this.clock, sleep }, ask);
  }
}

const told = ({ lines }: OwnerEvents) => lines.map(({ result }) => result.data.why);

it("tells what happened since a moment, oldest first, with the job", async () => {
  const w = new World();
  await w.happens("b", START + 20);
  await w.happens("a", START + 10);
  await w.happens("before", START - 1);
  await w.happens("of another owner", START + 5, "bob");

  const answer = await w.ask({ since: START });

  expect(told(answer)).toEqual(["a", "b"]);
  expect(answer.lines[0]?.result).toMatchObject({
    event: "job.state",
    data: { jobId: "J", run: 1, to: "JOB_STATE_STARTED", at: "2026-01-01T00:00:00.010Z" },
  });
});

it("begins now when no moment is named, and waits for the first event", async () => {
  const w = new World();
  await w.happens("before", START - 1_000);
  w.meanwhile = async () => {
    if (w.slept >= 3_000) await w.happens("at last");
  };

  const answer = await w.ask({ seconds: 20 });

  expect(told(answer)).toEqual(["at last"]);
  expect(w.slept).toBe(3_000);
});

it("answers nothing when the time is up, and its cursor goes on from the begin", async () => {
  const w = new World();

  const nothing = await w.ask({ seconds: 5 });
  await w.happens("right at the begin", START);

  expect(told(nothing)).toEqual([]);
  expect(w.slept).toBe(5_000);
  expect(told(await w.ask({ cursor: nothing.cursor }))).toEqual(["right at the begin"]);
});

it("pages: nothing is left out and nothing comes twice, also of one millisecond", async () => {
  const w = new World();
  for (let i = 0; i < 1_000; i++) await w.happens(String(i), START + Math.floor(i / 350));
  const seen: (string | null)[] = [];

  let answer = await w.ask({ since: START, limit: 70 });
  while (answer.lines.length > 0) {
    seen.push(...told(answer));
    expect(answer.cursor.length).toBeLessThan(3_500);
    answer = await w.ask({ cursor: answer.cursor, limit: 70 });
  }

  expect(seen).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)));
});

it("tells of what appears late, behind what was told, once", async () => {
  const w = new World();
  await w.happens("first", START + 50_000);
  const first = await w.ask({ since: START });
  await w.happens("late", START + 10);
  await w.happens("next", START + 60_000);

  const second = await w.ask({ cursor: first.cursor });
  const third = await w.ask({ cursor: second.cursor });

  expect(told(first)).toEqual(["first"]);
  expect(told(second)).toEqual(["late", "next"]);
  expect(told(third)).toEqual([]);
});

it("doesn't repeat what it told when more appears late than fits into an answer", async () => {
  const w = new World();
  await w.happens("first", START + 50_000);
  const first = await w.ask({ since: START });
  for (let i = 0; i < 25; i++) await w.happens(`late ${i}`, START + i);
  const late: (string | null)[] = [];

  let answer = await w.ask({ cursor: first.cursor, limit: 10 });
  while (answer.lines.length > 0) {
    late.push(...told(answer));
    answer = await w.ask({ cursor: answer.cursor, limit: 10 });
  }

  expect(late).toEqual(Array.from({ length: 25 }, (_, i) => `late ${i}`));
});

it("looks back no further than a minute: an idle stream's reads stay small", async () => {
  const w = new World();
  for (let i = 0; i < 150; i++) await w.happens(String(i), START + i * 10_000);
  let answer = await w.ask({ since: START });
  answer = await w.ask({ cursor: answer.cursor });
  w.table.resetStats();

  const idle = await w.ask({ cursor: answer.cursor });

  expect(told(idle)).toEqual([]);
  expect(w.table.stats.itemsRead).toBeLessThanOrEqual(7);
  expect(w.table.stats.readUnits).toBeLessThanOrEqual(1);
});

it("refuses a cursor that it didn't give out", async () => {
  const w = new World();
  for (const cursor of ["", "x", "1-.ABC", "99999999999999-.", "1767225600000-.abcdefgh"]) {
    await expect(w.ask({ cursor })).rejects.toMatchObject({ code: "CURSOR_INVALID" });
  }
});

it("forgets a job's events with its purge", async () => {
  const engine = makeEngine();
  await putTasksJob(engine, 3);
  const row = { jobId: await job(engine).then(({ id }) => id), owner: OWNER, at: START, who: OWNER, run: 1 };
  await engine.table.write(eventRow(engine, { ...row, what: "STATE", to: "PARTITIONING" }));
  const ask = { owner: OWNER, cursor: undefined, since: START, limit: 10, seconds: 0 };
  const ctx = { table: engine.table, clock: engine.clock, sleep: async () => {} };
  expect((await ownerEvents(ctx, ask)).lines).toHaveLength(1);

  await purgeDeleted(engine, await job(engine));

  expect((await ownerEvents(ctx, ask)).lines).toEqual([]);
  expect(await engine.table.get(jobKey(row.jobId))).toBeUndefined();
  const index = await engine.table.query({ pk: `OWNER#${OWNER}#EVENTS`, index: "byOwner" });
  expect(index.items).toEqual([]);
});
