/** `GET /jobs/{id}/results?partial=true`: what the tasks of a job that didn't come to its end had finished. */
import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { type ResultsAnswer, resultsAnswer } from "../../core/contracts/api/records.ts";
import { jobKey } from "../../core/keys/item-keys.ts";
import type { JobState } from "../../core/states/job-states.ts";
import { ApiWorld } from "../helpers/api-world.ts";
import { BUCKET, type Engine, JOB, OWNER } from "../helpers/engine.ts";
import { completed, makeMergeWorld, putMergeJob, type TaskSpec } from "../helpers/merge-world.ts";

async function worldOf(tasks: readonly TaskSpec[], state: JobState, batchSize?: number) {
  const engine = makeMergeWorld();
  await putMergeJob(engine, { assembler: "concat", tasks, ...(batchSize === undefined ? {} : { batchSize }) });
  await engine.table.write({
    update: jobKey(JOB),
    changes: { set: { state, ...(batchSize === undefined ? { batchSize: 5 } : { batchSize }) } },
  });
  const { table, objects, clock, workflow, nudge, settings } = engine;
  return { engine, api: new ApiWorld({ ports: { table, objects, clock, workflow, nudge, settings } }) };
}
async function ask(api: ApiWorld, page = 0, partial = true) {
  const path = `/v1/customer/jobs/${JOB}/results?partial=${partial}&page=${page}`;
  return api.call<ResultsAnswer>("GET", path, undefined, { owner: OWNER });
}

/** The bytes of a result, as a client fetches them. */
async function bytesOf(engine: Engine, { link, range }: ResultsAnswer["results"][number]): Promise<string> {
  if (link === "data:,") return "";
  const { status, body } = await engine.objects.fetchLink(link);
  expect(status).toBe(200);
  const whole = Buffer.from(body);
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? `bytes=0-${whole.length - 1}`) ?? [];
  return whole.subarray(Number(from), Number(to) + 1).toString();
}

const MIXED: readonly TaskSpec[] = [
  completed({ name: "a.csv", body: "one,1\n" }, { name: "b.csv", body: "zwei\n" }),
  { letter: "F", error: { code: "X", message: "no" } },
  completed({ name: "big.csv", body: "an object of its own", own: true }, { name: "empty.csv", body: "" }),
  { letter: "K" },
  { letter: "P", results: [{ name: "p.csv", body: "part\n" }], rejected: [{ item: "x", reason: "y" }] },
  ...Array.from({ length: 4 }, (_, i) => completed({ name: "r", body: `${i}` })),
];

for (const state of ["FAILED", "CANCELED", "PAUSED"] as const) {
  test(`of a ${state} job: each result of a task that has ended, in task order, with a link and its range`, async () => {
    const { engine, api } = await worldOf(MIXED, state);

    const { results, nextPage } = resultsAnswer.parse((await ask(api)).body);

    expect(nextPage).toBeNull();
    expect(results.map(({ name, task }) => [task, name])).toEqual([
      [0, "0_a.csv"],
      [0, "0_b.csv"],
      [2, "2_big.csv"],
      [2, "2_empty.csv"],
      [4, "4_p.csv"],
      ...[5, 6, 7, 8].map((o) => [o, `${o}_r`]),
    ]);
    const bodies = MIXED.flatMap(({ letter, results: all }) => (letter === "F" ? [] : (all ?? []))).map((r) => r.body);
    for (const [i, result] of results.entries()) {
      const body = await bytesOf(engine, result);
      expect(body).toBe(bodies[i]);
      expect([result.size, result.checksum]).toEqual([
        Buffer.byteLength(body),
        `crc32:${crc32(body).toString(16).padStart(8, "0")}`,
      ]);
    }
    expect(results.map(({ range }) => range).slice(0, 4)).toEqual(["bytes=0-5", "bytes=6-10", null, null]);
  });
}

test("of a job under way, and without being asked for: none", async () => {
  const { api, engine } = await worldOf(MIXED, "PARTITIONED");
  expect((await ask(api)).body.results).toEqual([]);
  await engine.table.write({ update: jobKey(JOB), changes: { set: { state: "FAILED" } } });
  expect((await ask(api, 0, false)).body.results).toEqual([]);
});

test("1,000 a page, also within one task's results; each comes once", async () => {
  const many = completed(...Array.from({ length: 1_700 }, (_, i) => ({ name: `f${i}`, body: `${i}` })));
  const tasks = Array.from({ length: 900 }, (_, i) => (i === 450 ? many : completed({ name: "r", body: `${i}` })));
  const { api } = await worldOf(tasks, "FAILED", 100);
  const seen: string[] = [];
  const sizes: number[] = [];

  for (let page: number | null = 0; page !== null; ) {
    const answer: ResultsAnswer = resultsAnswer.parse((await ask(api, page)).body);
    seen.push(...answer.results.map(({ name }) => name));
    sizes.push(answer.results.length);
    page = answer.nextPage;
  }

  expect(sizes).toEqual([1_000, 1_000, 599]);
  expect(new Set(seen).size).toBe(899 + 1_700);
  expect([seen[0], seen[450], seen.at(-1)]).toEqual(["000_r", "450_f0", "899_r"]);
});

test("deleted behind our back: 409, and what to do", async () => {
  const { api, engine } = await worldOf(MIXED, "FAILED");
  await engine.objects.delete(
    BUCKET,
    engine.objects.keys(BUCKET).filter((key) => key.endsWith("index.json")),
  );
  const { status, body } = await ask(api);
  expect([status, body]).toMatchObject([409, { reason: "RESULTS_EXPIRED" }]);
});
