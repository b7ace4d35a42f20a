/**
 * Merging: what the steps assemble, deliver and publish, as they ship, cost in S3 calls and in bytes that go through Lambdas,
 * beside a loop that downloads the results and uploads the output. Counted on a store without bytes (bench/lib/sparse-store),
 * since an emulator would have to hold and move a hundred gigabytes; that a real one answers the same calls the same way is
 * the conformance tests' part.
 */
import { pathToFileURL } from "node:url";
import type { ClaimIndex, TaskEntry, TaskResult } from "../../core/contracts/worker.ts";
import { bigResultKey, claimIndexKey, packKey } from "../../core/keys/object-keys.ts";
import type { Place, UploadedPart } from "../../core/ports/index.ts";
import { BUCKET, makeEngine } from "../../test/helpers/engine.ts";
import { PLACE, putMergeJob, runAll } from "../../test/helpers/merge-world.ts";
import { bundled } from "../lib/bundled.ts";
import { atMost, exactly, type Figure, type Suite } from "../lib/figure.ts";
import { SparseStore } from "../lib/sparse-store.ts";
import { timeSideBySide } from "../lib/timer.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const OUT = "out";
/** Just over the size from which a worker gives a result an object of its own. */
const OWN_BYTES = 8 * MIB + 1;

interface Case {
  readonly name: string;
  /** Sizes of the tasks' results, batch by batch. */
  readonly batches: readonly (readonly number[])[];
  /** Small results in front of or between those that can be copied. */
  readonly holes: number;
  /** No byte, so many a hole, or no bar. */
  readonly bar: "none" | "hole" | null;
}

const times = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));

const CASES: readonly Case[] = [
  {
    name: "10,000 results of 8 MiB",
    batches: times(500, () => times(20, () => OWN_BYTES)),
    holes: 0,
    bar: "none",
  },
  {
    name: "10,000 packs of 6 MiB",
    batches: times(10_000, () => [6 * MIB]),
    holes: 0,
    bar: "none",
  },
  {
    name: "a pack of 64 KiB in front of each of 1,000 of 16 MiB",
    batches: times(2_000, (i) => [i % 2 === 0 ? 64 * KIB : 16 * MIB]),
    holes: 1_000,
    bar: "hole",
  },
  {
    // S3 copies no part under 5 MiB: a pack under 10 MiB can't lend its head and still be copied, so two holes share one.
    name: "a pack of 64 KiB in front of each of 1,000 of 6 MiB",
    batches: times(2_000, (i) => [i % 2 === 0 ? 64 * KIB : 6 * MIB]),
    holes: 1_000,
    bar: "hole",
  },
  { name: "10,000 packs of 64 KiB", batches: times(10_000, () => [64 * KIB]), holes: 10_000, bar: null },
];

export const merging: Suite = {
  name: "merging",
  what: "S3 calls and bytes through Lambdas of merge and delivery, beside download and upload",
  async run(say) {
    const figures: Figure[] = [await planFigure()];
    for (const one of CASES) {
      say(one.name);
      figures.push(...(await figuresOf(one)));
    }
    return figures;
  },
};

const PARTS = 10_000;

async function planFigure(): Promise<Figure> {
  const code = (await import(pathToFileURL(await bundled("merging")).href)) as typeof import("../measured/merging.ts");
  const source = code.bigSegments(PARTS);
  const parts = await code.plannedParts(source);
  if (parts !== PARTS) throw new Error(`The plan has ${parts} parts.`);
  const time = await timeSideBySide({
    bare: () => code.bareSegments(source),
    plan: () => code.plannedParts(source),
  });
  return {
    name: "the plan of 10,000 parts",
    value: time.plan.median,
    spread: time.plan.spread,
    unit: "ms",
    baseline: { name: "ms for going over its segments", value: time.bare.median, spread: time.bare.spread },
  };
}

interface Counted {
  readonly calls: number;
  readonly read: number;
  readonly written: number;
  readonly output: number;
}

async function figuresOf({ name, batches, holes, bar }: Case): Promise<Figure[]> {
  const bytes = batches.flat().reduce((sum, size) => sum + size, 0);
  const ours = await merged(batches);
  const plain = await downloadedAndUploaded(batches);
  for (const { output } of [ours, plain]) {
    if (output !== bytes) throw new Error(`${name}: the output has ${output} bytes, the results have ${bytes}.`);
  }
  const through = ({ read, written }: Counted) => (read + written) / bytes;
  const perGib = ({ calls }: Counted) => (calls * GIB) / bytes;
  const figures: Figure[] = [
    {
      name: `${name}: bytes through Lambdas`,
      value: through(ours),
      unit: "per output byte",
      baseline: { name: "by download and upload", value: through(plain) },
      ...(bar === "none" ? { bar: exactly(0) } : {}),
    },
    {
      name: `${name}: S3 calls, merge and delivery`,
      value: perGib(ours),
      unit: "per GiB",
      baseline: { name: "by download and upload, no delivery", value: perGib(plain) },
    },
  ];
  if (bar === "hole") {
    figures.push({
      name: `${name}: streamed`,
      value: ours.written / holes / MIB,
      unit: "MiB per hole",
      baseline: { name: "MiB of the output per hole", value: bytes / holes / MIB },
      // The hole's own bytes are streamed in any case: the part that it is in has the least size of a part.
      bar: atMost(5),
    });
  }
  return figures;
}

/** The job's steps behind its tasks, as the workflow calls them. */
async function merged(batches: Case["batches"]): Promise<Counted> {
  const engine = makeEngine();
  const objects = new SparseStore({ buckets: [BUCKET, OUT], clock: engine.clock });
  const world = { ...engine, objects };
  const [first] = batches;
  await putMergeJob(world, {
    assembler: "concat",
    params: { name: "all" },
    destination: { kind: "s3", bucket: OUT, name: "/merged", descriptor: "s3" },
    tasks: times(batches.flat().length, () => ({ letter: "C" })),
    batchSize: first?.length ?? 1,
  });
  for (const [n, sizes] of batches.entries()) await putResults(objects, n, sizes);
  objects.resetCounts();
  await runAll(world);
  const output = objects.sizeOf({ bucket: OUT, key: "merged/all" }) ?? 0;
  return { calls: objects.calls, read: objects.bytesRead, written: objects.bytesWritten, output };
}

/** What a batch's worker leaves: its pack, objects of their own for large results, and the index of its claim. */
async function putResults(objects: SparseStore, n: number, sizes: readonly number[]): Promise<void> {
  let packed = 0;
  const tasks = sizes.map((size, o): TaskEntry => {
    let result: TaskResult;
    if (size >= OWN_BYTES) {
      const key = bigResultKey(PLACE, 0, n, 1, o, 0);
      const { etag, crc } = objects.putSparse({ bucket: BUCKET, key }, size);
      result = { n: "result", f: 0, t: size, c: crc, k: key, e: etag };
    } else {
      const { crc } = objects.putSparse(packOf(n), size);
      result = { n: "result", f: packed, t: packed + size, c: crc };
      packed += size;
    }
    return { o, x: "C", t: [0, 1], b: [0, size], r: [result] };
  });
  const pack = packed === 0 ? null : { k: packOf(n).key, e: objects.putSparse(packOf(n), packed).etag, z: packed };
  const index: ClaimIndex = {
    ...{ v: 1, batch: n, claim: 1, run: 1, worker: "w", requestId: "r", startedAt: 0, endedAt: 1, header: null },
    ...{
      pack,
      stats: { downloadBytes: 0, uploadBytes: 0, downloadMs: 0, processMs: 0, uploadMs: 0 },
      maxRss: 0,
      tasks,
    },
  };
  await objects.put({ bucket: BUCKET, key: claimIndexKey(PLACE, 0, n, 1) }, JSON.stringify(index));
}

const packOf = (n: number): Place => ({ bucket: BUCKET, key: packKey(PLACE, 0, n, 1) });

const PART_BYTES = 5 * MIB;

/** What anybody would write: one object after the other is read, and sent on in parts. */
async function downloadedAndUploaded(batches: Case["batches"]): Promise<Counted> {
  const objects = new SparseStore({ buckets: [BUCKET, OUT] });
  const sources = batches.flat().map((size, i): Place => {
    const place = { bucket: BUCKET, key: `result-${i}` };
    objects.putSparse(place, size);
    return place;
  });
  objects.resetCounts();
  const place = { bucket: OUT, key: "all" };
  const { uploadId } = await objects.createUpload(place);
  const parts: UploadedPart[] = [];
  let held: Uint8Array[] = [];
  let bytes = 0;
  const send = async () => {
    const [only] = held;
    const body = held.length === 1 && only ? only : Buffer.concat(held);
    parts.push(await objects.uploadPart(place, uploadId, parts.length + 1, body));
    held = [];
    bytes = 0;
  };
  for (const source of sources) {
    const body = await objects.get(source);
    held.push(body);
    bytes += body.length;
    if (bytes >= PART_BYTES) await send();
  }
  if (bytes > 0) await send();
  await objects.completeUpload(place, uploadId, parts);
  const output = objects.sizeOf(place) ?? 0;
  return { calls: objects.calls, read: objects.bytesRead, written: objects.bytesWritten, output };
}
