import fc from "fast-check";
import { expect, test } from "vitest";
import { listResults } from "../../core/delivery/results.ts";
import { loadSpec } from "../../core/job/load.ts";
import { JOB } from "../helpers/engine.ts";
import { jobOf, type MergeJob, makeMergeWorld, putMergeJob, runStep, type TaskSpec } from "../helpers/merge-world.ts";

const RUNS = 200;

const task = (assembler: string): fc.Arbitrary<TaskSpec> => {
  const content = fc.string({ unit: "grapheme", maxLength: 40 }).map((text) => text.replaceAll("\n", " "));
  const body =
    assembler === "json"
      ? fc
          .array(content, { maxLength: 3 })
          .map((values) => values.map((value) => `,\n${JSON.stringify(value)}`).join(""))
      : content.map((text) => (text === "" ? "" : `${text}\n`));
  const results = fc.tuple(body, fc.boolean()).map(([text, own]) => [{ name: "r.txt", body: text, own }]);
  return fc
    .record({ letter: fc.constantFrom("C" as const, "C" as const, "P" as const, "K" as const, "F" as const), results })
    .map((spec) => (spec.letter === "K" ? { letter: spec.letter } : spec));
};

/** How the work went: batch size, which claim ended which task, budget per invocation. */
const course = fc.record({
  batchSize: fc.integer({ min: 1, max: 12 }),
  claims: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 7 }),
  budget: fc.constantFrom(1, 400, 2_000, 1e9),
  partLimit: fc.constantFrom(2, 3, 8),
});

async function outputsOf(
  job: MergeJob,
  { batchSize, claims, budget, partLimit }: typeof course extends fc.Arbitrary<infer T> ? T : never,
) {
  const world = makeMergeWorld({ stepBudgetMs: budget, partLimit });
  await putMergeJob(world, { ...job, batchSize, claimOf: (o) => claims[o % claims.length] ?? 1 });
  await runStep(world, "assemble", { callMs: 100 });
  const { results } = await listResults(world, await jobOf(world), await loadSpec(world.table, JOB));
  return results.map(({ name, place, size, checksum }) => ({ name, size, checksum, body: world.objects.text(place) }));
}

/** The same, computed plainly. */
function plainly(assembler: string, tasks: readonly TaskSpec[]): string {
  const bodies = tasks.flatMap(({ letter, results = [] }) =>
    letter === "C" || letter === "P" ? results.map(({ body }) => body) : [],
  );
  const all = bodies.join("");
  if (assembler === "json") return all === "" ? "[]\n" : `[${all.slice(1)}\n]\n`;
  return assembler === "csv" && all !== "" ? `head\n${all}` : all;
}

for (const assembler of ["concat", "csv", "ndjson", "json", "zip", "passthrough"]) {
  test(`I8 ${assembler}: any finishing order, batch size, budget and part limit give the same bytes`, {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(task(assembler), { maxLength: 30 }), course, course, async (tasks, one, other) => {
        const job: MergeJob = { assembler, tasks, header: assembler === "csv" ? "head\n" : null };

        const [first, second] = [await outputsOf(job, one), await outputsOf(job, other)];

        expect(first).toEqual(second);
        if (!["zip", "passthrough"].includes(assembler)) expect(first[0]?.body).toBe(plainly(assembler, tasks));
      }),
      { numRuns: RUNS },
    );
  });
}
