import { crc32 as zlibCrc32 } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import { type FaultHook, ManualClock, MemoryObjectStore, withFaults } from "../../adapters/memory/index.ts";
import { JobJobError } from "../../core/errors.ts";
import type { MergeCursor, MergeOutcome, MergePorts, Segment } from "../../core/merge/index.ts";
import { mergeCursor, mergeInto, segmentsOf } from "../../core/merge/index.ts";
import type { ObjectStore } from "../../core/ports/index.ts";

const PART = 16;
const PLACE = { bucket: "data", key: "out/result.csv" };
const TARGET = { place: PLACE, scratch: "out/scratch/", contentType: "text/csv" };

let store: MemoryObjectStore;
let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
  store = new MemoryObjectStore({ buckets: ["data"], clock, minPartBytes: PART, maxParts: 8 });
});

/** Text of `length` characters that differ from place to place. */
const text = (seed: number, length: number): string =>
  Array.from({ length }, (_, i) => String.fromCharCode(97 + ((seed * 7 + i * 3) % 26))).join("");

async function segmentOf(key: string, body: string): Promise<Segment> {
  const { etag } = await store.put({ bucket: "data", key }, body);
  const bytes = Buffer.from(body);
  return { bucket: "data", key, etag, size: bytes.length, from: 0, to: bytes.length, crc: zlibCrc32(bytes) };
}
const literal = (body: string): Segment => ({ literal: Buffer.from(body) });

/** Ports whose calls take `callMs` of the budget each. */
function ports(options: { callMs?: number; budgetMs?: number; partLimit?: number; hook?: FaultHook } = {}): MergePorts {
  const deadline = clock.now() + (options.budgetMs ?? 2_000);
  const slow = withFaults<ObjectStore>(store, (moment) => {
    if (moment.when === "before") clock.advance(options.callMs ?? 0);
    return options.hook?.(moment);
  });
  return {
    objects: slow,
    budget: { remaining: () => deadline - clock.now() },
    limits: { partBytes: PART, partLimit: options.partLimit ?? 8, copyBytes: 40 },
  };
}

async function mixed(count: number): Promise<{ segments: Segment[]; whole: string }> {
  const segments: Segment[] = [literal("head\n")];
  let whole = "head\n";
  for (let i = 0; i < count; i++) {
    const body = text(i, (i * 29) % 97);
    segments.push(await segmentOf(`in/${i}`, body));
    whole += body;
    if (i % 5 === 0) {
      segments.push(literal("|"));
      whole += "|";
    }
  }
  return { segments, whole };
}

/** Calls again, each with a fresh budget and only what a JSON cursor carries, until done. */
async function toTheEnd(segments: readonly Segment[], options: Parameters<typeof ports>[0]) {
  let outcome: MergeOutcome = await mergeInto(ports(options), TARGET, segmentsOf(segments));
  let continuations = 0;
  while (!outcome.done) {
    const cursor: MergeCursor = mergeCursor.parse(JSON.parse(JSON.stringify(outcome.cursor)));
    outcome = await mergeInto(ports(options), TARGET, segmentsOf(segments), cursor);
    continuations++;
  }
  return { outcome, continuations };
}

test("an output of no bytes is an object of no bytes", async () => {
  const outcome = await mergeInto(ports(), TARGET, segmentsOf([literal(""), await segmentOf("in/empty", "")]));

  expect(outcome).toMatchObject({ done: true, size: 0, crc32: 0 });
  expect(store.peek(PLACE)?.body.length).toBe(0);
});

test("an output that fits one part is one PUT", async () => {
  const segments = [literal("a,b\n"), await segmentOf("in/1", "1,2\n")];
  store.resetStats();

  const outcome = await mergeInto(ports(), TARGET, segmentsOf(segments));

  expect(store.text(PLACE)).toBe("a,b\n1,2\n");
  expect(store.peek(PLACE)?.contentType).toBe("text/csv");
  expect(outcome).toMatchObject({ done: true, size: 8, crc32: zlibCrc32("a,b\n1,2\n") });
  expect(store.stats.createUpload).toBeUndefined();
});

test("packs over a part's size are merged without a byte through this process", async () => {
  const bodies = [text(1, 17), text(2, 90), text(3, 40)];
  const segments = await Promise.all(bodies.map((body, i) => segmentOf(`in/${i}`, body)));
  store.resetStats();

  const outcome = await mergeInto(ports(), TARGET, segmentsOf(segments));

  expect(store.text(PLACE)).toBe(bodies.join(""));
  expect(outcome).toMatchObject({ done: true, crc32: zlibCrc32(bodies.join("")) });
  expect([store.stats.get, store.stats.stream, store.stats.uploadPart]).toEqual([undefined, undefined, undefined]);
});

test("more parts than an upload may have go through a tree, over several levels", async () => {
  const { segments, whole } = await mixed(120);

  const outcome = await mergeInto(ports({ partLimit: 4, budgetMs: 1e9 }), TARGET, segmentsOf(segments));

  expect(store.text(PLACE)).toBe(whole);
  expect(outcome).toMatchObject({ done: true, size: whole.length, crc32: zlibCrc32(whole) });
  expect(store.keys("data").some((key) => key.startsWith("out/scratch/merge-1-"))).toBe(true);
  expect(await store.listUploads("data", "")).toEqual([]);
});

test("a merge cut into many calls gives the same bytes, and no two calls do the same part", async () => {
  const { segments, whole } = await mixed(90);
  const uninterrupted = await mergeInto(ports({ budgetMs: 1e9 }), TARGET, segmentsOf(segments));
  const partsAtOnce = store.stats;
  store.resetStats();

  const { outcome, continuations } = await toTheEnd(segments, { callMs: 300 });

  expect(continuations).toBeGreaterThanOrEqual(3);
  expect(store.text(PLACE)).toBe(whole);
  expect(outcome).toEqual(uninterrupted);
  expect(store.stats.uploadPart?.calls).toBe(partsAtOnce.uploadPart?.calls);
  expect(store.stats.uploadPartCopy?.calls).toBe(partsAtOnce.uploadPartCopy?.calls);
});

test("a budget that is used up from the start still makes a part of progress per call", async () => {
  const { segments, whole } = await mixed(20);

  const { outcome } = await toTheEnd(segments, { budgetMs: 0 });

  expect(outcome.done).toBe(true);
  expect(store.text(PLACE)).toBe(whole);
});

test("a lost answer to the completion counts as done", async () => {
  const { segments, whole } = await mixed(30);
  let lost = false;

  await mergeInto(
    ports({
      budgetMs: 1e9,
      hook: ({ when, method }) => {
        if (method !== "completeUpload" || lost || when !== "after") return;
        lost = true;
        throw new JobJobError({ code: "UPLOAD_MISSING", message: "the port's own retry found the upload gone" });
      },
    }),
    TARGET,
    segmentsOf(segments),
  );

  expect(lost).toBe(true);
  expect(store.text(PLACE)).toBe(whole);
});

test("an upload that vanished between two calls is made anew", async () => {
  const { segments, whole } = await mixed(30);
  const first = await mergeInto(ports({ callMs: 300 }), TARGET, segmentsOf(segments));
  if (first.done) throw new Error("the budget should not have sufficed");
  const leaf = first.cursor.leaf;
  if (!leaf) throw new Error("an upload should be under way");
  await store.abortUpload({ bucket: "data", key: leaf.key }, leaf.uploadId);

  const outcome = await mergeInto(ports({ budgetMs: 1e9 }), TARGET, segmentsOf(segments), first.cursor);

  expect(outcome.done).toBe(true);
  expect(store.text(PLACE)).toBe(whole);
});

test("a source that was overwritten is refused, never mixed in", async () => {
  const segments = [await segmentOf("in/1", text(1, 60)), await segmentOf("in/2", text(2, 5))];
  await store.put({ bucket: "data", key: "in/2" }, text(3, 5));

  await expect(mergeInto(ports(), TARGET, segmentsOf(segments))).rejects.toMatchObject({ code: "PRECONDITION_FAILED" });
});

test("a checksum of the plan that isn't that of the bytes is found", async () => {
  const segment = await segmentOf("in/1", "abc");

  await expect(mergeInto(ports(), TARGET, segmentsOf([{ ...segment, crc: 7 }]))).rejects.toMatchObject({
    code: "OUTPUT_DAMAGED",
  });
});
