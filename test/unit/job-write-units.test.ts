import { expect, it } from "vitest";
import type { MemoryTable } from "../../adapters/memory/index.ts";
import { claim } from "../../core/steps/claim.ts";
import { commit } from "../../core/steps/commit.ts";
import { finish } from "../../core/steps/finish.ts";
import { partition } from "../../core/steps/partition.ts";
import { plan } from "../../core/steps/plan.ts";
import { prepare } from "../../core/steps/prepare.ts";
import { settle } from "../../core/steps/settle.ts";
import { ApiWorld } from "../helpers/api-world.ts";
import { children, JOB, makeEngine, putTasksJob, work } from "../helpers/engine.ts";
import { completed, jobOf, makeMergeWorld, putMergeJob, STEPS } from "../helpers/merge-world.ts";
import { drive, world } from "../helpers/partition-world.ts";

const INPUT = { jobId: JOB, run: 1 };

/** What a piece of a job's way writes, without what the test itself put there. */
async function unitsOf(table: MemoryTable, way: () => Promise<void>): Promise<number> {
  const before = table.stats.writeUnits;
  await way();
  return table.stats.writeUnits - before;
}

async function accepted(): Promise<number> {
  const w = new ApiWorld();
  await w.owner("alice");
  return unitsOf(w.store, async () => {
    const { id } = await w.job();
    expect((await w.run(id)).status).toBe(200);
  });
}

async function cut(): Promise<number> {
  const w = await world({ partitioner: "lines", objects: { "a.csv": "one\ntwo\n" } });
  return unitsOf(w.table, async () => {
    await drive(prepare, w.ctx);
    await drive(partition, w.ctx);
  });
}

async function worked(): Promise<number> {
  const engine = makeEngine();
  await putTasksJob(engine, 3);
  return unitsOf(engine.table, async () => {
    const [child] = children(engine, await plan(engine, INPUT));
    if (!child) throw new Error("plan made no batch");
    const hand = await claim(engine, child);
    await commit(engine, { ...child, hand, result: await work(engine, child, hand, () => "C") });
    expect((await settle(engine, { ...INPUT, step: { next: "tasks", round: 1 } })).next).toBe("assemble");
  });
}

async function delivered(): Promise<number> {
  const w = makeMergeWorld();
  const destination = { kind: "s3", descriptor: "s3", bucket: "out", name: "r" } as const;
  await putMergeJob(w, {
    assembler: "concat",
    params: { name: "all" },
    destination,
    tasks: [completed({ name: "r", body: "x\n" })],
  });
  return unitsOf(w.table, async () => {
    for (const step of ["assemble", "deliver", "publish"] as const) while ((await STEPS[step](w)).next === "again");
    await finish(w, INPUT);
    expect((await jobOf(w)).state).toBe("COMPLETE");
  });
}

it("a job of one batch writes at most 150 units, its timeline in both places and its one claim included", async () => {
  const parts = { accepted: await accepted(), cut: await cut(), worked: await worked(), delivered: await delivered() };

  const units = Object.values(parts).reduce((sum, part) => sum + part, 0);

  expect(units, JSON.stringify(parts)).toBeLessThanOrEqual(150);
  // Far less would mean that this test no longer sees what a job writes.
  expect(units, JSON.stringify(parts)).toBeGreaterThan(80);
});
