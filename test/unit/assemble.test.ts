import { crc32 } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import yauzl from "yauzl";
import { assemblerEngines } from "../../apps/assemblers/engines.ts";
import { assemblers } from "../../apps/assemblers/index.ts";
import { listResults } from "../../core/delivery/results.ts";
import { loadSpec } from "../../core/job/load.ts";
import { claimIndexKey } from "../../core/keys/object-keys.ts";
import { BUCKET, type Engine, JOB } from "../helpers/engine.ts";
import {
  completed,
  jobOf,
  type MergeJob,
  makeMergeWorld,
  PLACE,
  putMergeJob,
  runStep,
  STEPS,
  type TaskSpec,
} from "../helpers/merge-world.ts";

let world: Engine;
beforeEach(() => {
  world = makeMergeWorld();
});

async function outputs(
  of: Engine = world,
): Promise<{ name: string; body: Buffer; checksum: string | null; type: string }[]> {
  const { results } = await listResults(of, await jobOf(of), await loadSpec(of.table, JOB));
  return results.map(({ name, place, checksum, contentType }) => ({
    name,
    checksum,
    type: contentType,
    body: Buffer.from(of.objects.peek(place)?.body ?? []),
  }));
}
async function onlyOutput(of: Engine = world): Promise<string> {
  const [output, ...others] = (await outputs(of)).filter(({ name }) => !name.endsWith(".incomplete.ndjson"));
  expect(others).toEqual([]);
  expect(output?.checksum).toBe(
    `crc32:${crc32(output?.body ?? "")
      .toString(16)
      .padStart(8, "0")}`,
  );
  return output?.body.toString() ?? "";
}

const rows = (count: number, length = 9): TaskSpec[] =>
  Array.from({ length: count }, (_, i) =>
    completed({ name: "result.csv", body: `${i},${"x".repeat((i * 5) % length)}\n`, own: i % 7 === 3 }),
  );
const csvOf = (count: number, length?: number) =>
  `a,b\n${rows(count, length)
    .map((task) => task.results?.[0]?.body)
    .join("")}`;

async function merge(job: MergeJob): Promise<string> {
  await putMergeJob(world, job);
  const { answer } = await runStep(world, "assemble");
  expect(answer).toEqual({ next: "deliver" });
  expect((await jobOf(world)).state).toBe("MERGED");
  return onlyOutput();
}

test("csv: one header, rows in task order whichever claim ended them", async () => {
  const output = await merge({
    assembler: "csv",
    header: "a,b\n",
    tasks: rows(23),
    claimOf: (o) => 1 + ((o * 7) % 3),
    params: { name: "2026/all.csv" },
  });

  expect(output).toBe(csvOf(23));
  expect(await outputs()).toMatchObject([{ name: "2026/all.csv", type: "text/csv" }]);
});

test("csv: without rows the input's header stands alone", async () => {
  expect(await merge({ assembler: "csv", inputHeader: "id,name", tasks: [] })).toBe("id,name\n");
});

test("the built-in assemblers all have their code", () => {
  expect(Object.keys(assemblerEngines)).toEqual(assemblers.map(({ name }) => name));
});

test("csv: rows under different headers are refused, naming the task", async () => {
  await putMergeJob(world, { assembler: "csv", header: "a,b\n", tasks: rows(8), batchSize: 4 });
  const key = claimIndexKey(PLACE, 0, 1, 1);
  const index = JSON.parse(world.objects.text({ bucket: BUCKET, key }) ?? "");
  await world.objects.put({ bucket: BUCKET, key }, JSON.stringify({ ...index, header: "b,a\n" }));

  await expect(runStep(world, "assemble")).rejects.toMatchObject({ code: "HEADER_DIFFERS", details: { ordinal: 4 } });
});

test("failed and skipped tasks are left out", async () => {
  const tasks = rows(5);
  tasks[1] = { letter: "F", results: [{ name: "result.csv", body: "rubbish" }] };
  tasks[3] = { letter: "K" };

  expect(await merge({ assembler: "ndjson", tasks })).toBe(
    [0, 2, 4].map((i) => rows(5)[i]?.results?.[0]?.body).join(""),
  );
});

test("json: an array; empty without values", async () => {
  const value = (text: string) => completed({ name: "result.json", body: text });
  const output = await merge({
    assembler: "json",
    tasks: [value(""), value(',\n{"a":1},\n[2]'), { letter: "K" }, value(",\n3")],
    batchSize: 2,
  });
  expect(output).toBe('[\n{"a":1},\n[2],\n3\n]\n');

  world = makeMergeWorld();
  expect(await merge({ assembler: "json", tasks: [] })).toBe("[]\n");
});

test("passthrough: each result its own file, named by ordinal, unsafe names made safe", async () => {
  await putMergeJob(world, {
    assembler: "passthrough",
    tasks: [
      completed({ name: "a.txt", body: "one" }, { name: "b/c.txt", body: "" }),
      completed({ name: "../../etc/passwd", body: "x".repeat(70), own: true }),
      ...rows(10).slice(2),
    ],
  });

  await runStep(world, "assemble");

  const found = await outputs();
  expect(found.map(({ name }) => name).slice(0, 4)).toEqual([
    "0_a.txt",
    "0_b/c.txt",
    "1__/_/etc/passwd",
    "2_result.csv",
  ]);
  expect(found.map(({ body }) => body.toString()).slice(0, 3)).toEqual(["one", "", "x".repeat(70)]);
  expect(found.every(({ body, checksum }) => checksum === `crc32:${crc32(body).toString(16).padStart(8, "0")}`)).toBe(
    true,
  );
});

test("zip: a valid archive of all results, read back entry by entry", async () => {
  const tasks = rows(12);
  const archive = await mergeBytes({ assembler: "zip", tasks: [...tasks, completed({ name: "ünï/ö.txt", body: "" })] });

  const entries = await unzip(archive);

  expect([...entries.keys()].slice(0, 2)).toEqual(["00_result.csv", "01_result.csv"]);
  expect(entries.get("12_ünï/ö.txt")).toBe("");
  expect([...entries.values()].slice(0, 12)).toEqual(tasks.map((task) => task.results?.[0]?.body));
});

async function mergeBytes(job: MergeJob): Promise<Buffer> {
  await putMergeJob(world, job);
  await runStep(world, "assemble");
  return (await outputs())[0]?.body ?? Buffer.alloc(0);
}

/** yauzl checks sizes and names; checksums are checked here. */
async function unzip(archive: Buffer): Promise<Map<string, string>> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) =>
    yauzl.fromBuffer(archive, { lazyEntries: true, strictFileNames: true }, (error, file) =>
      file ? resolve(file) : reject(error),
    ),
  );
  const entries = new Map<string, string>();
  return new Promise((resolve, reject) => {
    zip.on("error", reject);
    zip.on("end", () => resolve(entries));
    zip.on("entry", (entry: yauzl.Entry) => {
      zip.openReadStream(entry, async (error, stream) => {
        if (!stream) return reject(error);
        const blocks: Buffer[] = [];
        for await (const block of stream) blocks.push(block as Buffer);
        expect(crc32(Buffer.concat(blocks))).toBe(entry.crc32);
        entries.set(entry.fileName, Buffer.concat(blocks).toString());
        zip.readEntry();
      });
    });
    zip.readEntry();
  });
}

const accumulators = (count: number): TaskSpec[] =>
  Array.from({ length: count }, (_, i) =>
    i % 10 === 9
      ? { letter: "K" }
      : completed({ name: "accumulator.json", body: JSON.stringify({ sum: i, shape: `${i}.` }) }),
  );

test("reduce: a tree over ordinals, the same for every batch size and order of claims", async () => {
  const output = await merge({
    assembler: "reduce",
    tasks: accumulators(300),
    batchSize: 7,
    claimOf: (o) => 1 + (o % 4),
  });

  const sum = Array.from({ length: 300 }, (_, i) => (i % 10 === 9 ? 0 : i)).reduce((a, b) => a + b);
  expect(output.startsWith(`sum,shape\n${sum},`)).toBe(true);
  for (const batchSize of [1, 64, 300]) {
    world = makeMergeWorld();
    expect(await merge({ assembler: "reduce", tasks: accumulators(300), batchSize })).toBe(output);
  }
});

test("reduce: a job without tasks gives the empty reduction, in the format asked for", async () => {
  const params = { format: "ndjson" };
  expect(await merge({ assembler: "reduce", tasks: [], params })).toBe('{"sum":0,"shape":""}\n');
  expect((await outputs())[0]).toMatchObject({ name: "output.ndjson", type: "application/x-ndjson" });
});

for (const assembler of ["concat", "csv", "ndjson", "json", "zip", "passthrough", "reduce"]) {
  test(`${assembler}: cut into invocations of 2 s it gives the same bytes`, async () => {
    const body = (i: number) =>
      assembler === "json" ? `,\n"${"v".repeat((i * 11) % 60)}"` : `${i}:${"v".repeat((i * 11) % 60)}\n`;
    const results = Array.from({ length: 60 }, (_, i) => completed({ name: "r.txt", body: body(i), own: i % 9 === 4 }));
    const job: MergeJob = {
      assembler,
      header: "h\n",
      batchSize: 6,
      tasks: assembler === "reduce" ? accumulators(200) : results,
    };
    const whole = makeMergeWorld({ stepBudgetMs: 1e9 });
    await putMergeJob(whole, job);
    await runStep(whole, "assemble");

    world = makeMergeWorld({ stepBudgetMs: 2_000 });
    await putMergeJob(world, job);
    const { answer, continuations } = await runStep(world, "assemble", { callMs: 250 });

    expect(answer).toEqual({ next: "deliver" });
    expect(continuations).toBeGreaterThanOrEqual(3);
    expect(await outputs()).toEqual(await outputs(whole));
    expect(await world.objects.listUploads(BUCKET, "")).toEqual([]);
  });
}

test("a superseded invocation can't name its output", async () => {
  await putMergeJob(world, { assembler: "csv", header: "a,b\n", tasks: rows(20, 60) });
  let other: Promise<unknown> | undefined;
  const zombie = await runStep(world, "assemble", {
    hook: async ({ when, method, port }) => {
      if (when !== "before" || port !== "objects" || method !== "put" || other) return;
      other = STEPS.assemble(world);
      await other;
    },
  });

  expect(await other).toEqual({ next: "deliver" });
  // It finds its own transition made by the other: the workflow goes on with the other's output.
  expect(zombie.answer.next).toBe("deliver");
  expect((await jobOf(world)).output).toContain("/assemble/c5/");
  expect(await onlyOutput()).toBe(csvOf(20, 60));
});

test("an index that points outside its own claim's objects is refused", async () => {
  await putMergeJob(world, { assembler: "concat", tasks: rows(2) });
  const key = claimIndexKey(PLACE, 0, 0, 1);
  const text = world.objects.text({ bucket: BUCKET, key }) ?? "";
  await world.objects.put({ bucket: BUCKET, key }, text.replace(`"pack":{"k":"`, `"pack":{"k":"o/other/`));

  await expect(runStep(world, "assemble")).rejects.toMatchObject({ code: "RESULT_INVALID" });
});
