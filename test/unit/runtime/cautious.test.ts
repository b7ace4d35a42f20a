import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { MemoryObjectStore, unavailable, withFaults } from "../../../adapters/memory/index.ts";
import { type ClaimIndex, claimIndex } from "../../../core/contracts/worker.ts";
import type { ObjectStore, Place } from "../../../core/ports/index.ts";
import { BUCKET, bundleThread, WorkerHarness } from "./harness.ts";

let thread: Awaited<ReturnType<typeof bundleThread>>;
const open: WorkerHarness[] = [];

beforeAll(async () => {
  thread = await bundleThread();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((made) => made.worker.close()));
});
afterAll(async () => {
  await thread.remove();
});

const isIndex = (key: string | undefined) => key?.endsWith("/index.json") === true;

/** A worker whose announcements are kept, with the keys of all results that stood when each was written. */
async function prepare(
  app: string,
  options: { port?: (store: MemoryObjectStore) => ObjectStore; extra?: object } = {},
) {
  const store = new MemoryObjectStore({ buckets: [BUCKET], minPartBytes: 1 });
  const written: { index: ClaimIndex; results: readonly string[] }[] = [];
  const port = withFaults(options.port?.(store) ?? store, ({ when, method, args, outcome }) => {
    const [place, body] = args as [{ key?: string }, string];
    if (when !== "after" || !outcome || "error" in outcome || method !== "put" || !isIndex(place.key)) return;
    const results = store.keys(BUCKET).filter((key) => key.includes("/results/") && !isIndex(key));
    written.push({ index: claimIndex.parse(JSON.parse(body)), results });
  });
  const job = new WorkerHarness({ thread: thread.url, store, port });
  open.push(job);
  const body = Array.from({ length: 4 }, (_, i) => `line ${i}\n`).join("");
  const chunks = [0, 1, 2, 3].map((i) => ({ s: 0, f: i * 7, t: i * 7 + 7, x: 1 as const }));
  const input = { format: "lines" as const };
  await job.prepare({ app, sources: [{ key: "in/a.txt", body }], chunks, input, ...options.extra });
  return { job, store, written, body };
}

describe("a cautious worker", () => {
  it("announces each task before it begins, with what has ended so far", async () => {
    const { job, written, body } = await prepare("passthrough");

    const result = await job.run({ cautious: true });

    expect(written.map(({ index }) => index.begun?.[0])).toEqual([0, 1, 2, 3, undefined]);
    expect(written.map(({ index }) => index.tasks.map(({ o }) => o))).toEqual([
      [],
      [0],
      [0, 1],
      [0, 1, 2],
      [0, 1, 2, 3],
    ]);
    expect(written[2]?.index).toMatchObject({ worker: "w1", requestId: "req1", claim: 1, batch: 7, run: 1 });
    expect(result.joined).toBe(body);
  });

  it("has stored every result that an announcement lists", async () => {
    const { job, written } = await prepare("passthrough");

    const result = await job.run({ cautious: true });

    for (const { index, results } of written) {
      const listed = index.tasks.flatMap(({ r }) => (r ?? []).map(({ k }) => k ?? ""));
      expect(listed).toHaveLength(index.tasks.length);
      for (const key of listed) expect(results).toContain(key);
    }
    expect(result.index.pack).toBeNull();
  });

  it("announces nothing for tasks that don't run", async () => {
    const chunks = [
      { s: 0, f: 0, t: 7, x: 1 },
      { s: 0, f: 7, t: 7, x: 1 },
      { s: 0, f: 7, t: 14, x: 1 },
    ];
    const { job, written } = await prepare("passthrough", { extra: { chunks } });

    const result = await job.run({ cautious: true });

    expect(result.outcomes).toBe("CKC");
    expect(written.map(({ index }) => index.begun?.[0])).toEqual([0, 2, undefined]);
  });

  it("announces sets of objects and generators too", async () => {
    const { job, written } = await prepare("info", {
      extra: { sources: [], chunks: [{ r: [[1, 2]] }, { r: [[3, 4]] }] },
    });

    await job.run({ cautious: true });

    expect(written.map(({ index }) => index.begun?.[0])).toEqual([0, 1, undefined]);
  });

  it("stops when its claim was sealed: it adds nothing more", async () => {
    let puts = 0;
    let seal: (place: Place) => Promise<void> = async () => undefined;
    const { job, store, written } = await prepare("passthrough", {
      port: (inner) =>
        withFaults(inner, ({ when, method, args }) => {
          const [place] = args as [Place];
          // commit λ held it for dead, between its second announcement and its third
          if (when === "after" && method === "put" && isIndex(place.key) && ++puts === 2) return seal(place);
          return undefined;
        }),
    });

    seal = async (place) => {
      await store.put(place, "sealed");
    };

    const answer = await job.answer({ cautious: true });

    expect(answer).toMatchObject({ error: { code: "SUPERSEDED" } });
    expect(written.map(({ index }) => index.begun?.[0])).toEqual([0, 1]);
    expect(
      store
        .keys(BUCKET)
        .filter(isIndex)
        .map((key) => store.text({ bucket: BUCKET, key })),
    ).toEqual(["sealed"]);
  });

  it("knows its own write again when the answer to it was lost", async () => {
    let puts = 0;
    const { job } = await prepare("passthrough", {
      port: (inner) => {
        const put: ObjectStore["put"] = async (place, body, options) => {
          if (!isIndex(place.key) || ++puts !== 2) return inner.put(place, body, options);
          await inner.put(place, body, options); // its answer is lost, and the SDK sends it again
          return inner.put(place, body, options);
        };
        return new Proxy(inner, {
          get: (target, name) => (name === "put" ? put : Reflect.get(target, name).bind(target)),
        });
      },
    });

    const result = await job.run({ cautious: true });

    expect(result.outcomes).toBe("CCCC");
  });

  it("can't begin a task that it can't announce", async () => {
    const { job } = await prepare("passthrough", {
      port: (inner) =>
        withFaults(inner, ({ when, method, args }) => {
          const [place] = args as [{ key?: string }];
          if (when === "before" && method === "put" && isIndex(place.key)) throw unavailable("STORE_UNAVAILABLE");
        }),
    });

    const answer = await job.answer({ cautious: true });

    expect(answer).toMatchObject({ error: { code: "STORE_UNAVAILABLE", retryable: true } });
  });

  it("outlives the death of a task's thread as ever: that is data", async () => {
    const { job, written } = await prepare("exits", { extra: { params: { on: [1] } } });

    const result = await job.run({ cautious: true });

    expect(result.outcomes).toBe("CFCC");
    expect(result.error(1).code).toBe("TASK_EXITED");
    expect(written.map(({ index }) => index.begun?.[0])).toEqual([0, 1, 2, 3, undefined]);
  });
});

describe("a worker that isn't cautious", () => {
  it("writes one index and one pack, and announces nothing", async () => {
    const { job, written } = await prepare("passthrough");

    await job.run();

    expect(written.map(({ index }) => index.begun)).toEqual([undefined]);
    expect(written[0]?.index.pack).not.toBeNull();
  });
});
