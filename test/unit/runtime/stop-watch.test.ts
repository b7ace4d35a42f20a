import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CapturedLog, MemoryObjectStore, unavailable, withFaults } from "../../../adapters/memory/index.ts";
import { StopWatch } from "../../../runtime/node/worker/stop-watch.ts";

const HINT = { bucket: "data", key: "hint.json" };
const FUNCTION_MS = 900_000;

let store: MemoryObjectStore;
let watch: StopWatch;
let stops: number;

/** Timers and Date stand still until a test moves them. */
beforeEach(() => {
  vi.useFakeTimers();
  store = new MemoryObjectStore({ buckets: ["data"] });
  stops = 0;
});
afterEach(() => {
  watch.end();
  vi.useRealTimers();
});

function start(options: { needMs?: () => number; objects?: MemoryObjectStore } = {}): void {
  const end = Date.now() + FUNCTION_MS;
  watch = new StopWatch({
    objects: options.objects ?? store,
    log: new CapturedLog(),
    hint: HINT,
    hintEveryMs: 9_500, // the worker's default
    run: 2,
    round: 3,
    needMs: options.needMs ?? (() => 60_000),
    remaining: () => end - Date.now(),
    onStop: () => stops++,
  });
  watch.start();
}
const hint = (value: object) => store.put(HINT, JSON.stringify(value));

describe("the control hint", () => {
  it.each([
    ["a pause", { run: 2, round: 3, wish: 1 }],
    ["an abort", { run: 2, round: 3, wish: 3 }],
    ["the next round", { run: 2, round: 4, wish: 0 }],
    ["the next run", { run: 3, round: 0, wish: 0 }],
  ])("is noticed within 10 s, whenever it comes: %s", async (_what, value) => {
    for (const wait of [0, 1_000, 9_400, 9_600, 33_333]) {
      start();
      await vi.advanceTimersByTimeAsync(wait);
      expect(watch.stopped).toBe(false);

      await hint(value);
      await vi.advanceTimersByTimeAsync(10_000);

      expect(watch.stopped).toBe(true);
      watch.end();
      await store.delete("data", [HINT.key]);
    }
    expect(stops).toBe(5);
  });

  it.each([
    ["nothing is wished", { run: 2, round: 3, wish: 0 }],
    ["it is an older round's", { run: 2, round: 2, wish: 0 }],
    ["it is an older run's", { run: 1, round: 9, wish: 3 }],
  ])("stops nothing when %s", async (_what, value) => {
    await hint(value);
    start();

    await vi.advanceTimersByTimeAsync(60_000);

    expect(watch.stopped).toBe(false);
  });

  it("that can't be read stops nothing, and the next look finds it", async () => {
    let isDown = true;
    const objects = withFaults(store, ({ when }) => {
      if (isDown && when === "before") throw unavailable("STORE_UNAVAILABLE");
    });
    await hint({ run: 2, round: 3, wish: 1 });
    start({ objects });

    await vi.advanceTimersByTimeAsync(10_000);
    expect(watch.stopped).toBe(false);
    isDown = false;
    await vi.advanceTimersByTimeAsync(9_500);

    expect(watch.stopped).toBe(true);
  });

  it("is looked for 18 times in a batch of three minutes, and no more once the hand has ended", async () => {
    start();

    await vi.advanceTimersByTimeAsync(180_000);
    watch.end();
    await vi.advanceTimersByTimeAsync(180_000);

    expect(store.stats.get?.calls).toBe(18);
  });
});

describe("the function's time", () => {
  it("stops the hand when what remains is less than another task needs", async () => {
    start({ needMs: () => 100_000 });

    await vi.advanceTimersByTimeAsync(FUNCTION_MS - 100_000);
    expect(watch.stopped).toBe(false);
    await vi.advanceTimersByTimeAsync(200);

    expect(stops).toBe(1);
    expect(watch.stopped).toBe(true);
  });

  it("asks anew each time: tasks prove shorter than their timeout", async () => {
    let needMs = 860_000;
    start({ needMs: () => needMs });
    await vi.advanceTimersByTimeAsync(30_000);

    needMs = 25_000;
    await vi.advanceTimersByTimeAsync(800_000);
    expect(watch.stopped).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);

    expect(watch.stopped).toBe(true);
  });

  it("stops nothing when it was too short from the start: its one task must run", async () => {
    start({ needMs: () => FUNCTION_MS + 1 });

    await vi.advanceTimersByTimeAsync(1_000);

    expect(watch.isShort).toBe(true);
    expect(watch.stopped).toBe(false);
  });
});
