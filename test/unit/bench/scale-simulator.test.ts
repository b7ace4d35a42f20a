import { describe, expect, it } from "vitest";
import { Line, Rate, Shared, Slots } from "../../../bench/scale/resources.ts";
import { Simulator } from "../../../bench/scale/simulator.ts";
import { Timeline } from "../../../bench/scale/timeline.ts";

describe("the simulator", () => {
  it("lets things happen in order of time, and those of one moment in the order they were asked for", () => {
    const sim = new Simulator();
    const seen: string[] = [];
    for (const [at, name] of [
      [3, "d"],
      [1, "a"],
      [2, "b"],
      [2, "c"],
    ] as const) {
      sim.schedule(at, () => seen.push(`${name}@${sim.now}`));
    }

    sim.run();

    expect(seen).toEqual(["a@1", "b@2", "c@2", "d@3"]);
  });

  it("keeps the order of a thousand events, some asked for by others", () => {
    const sim = new Simulator();
    const times: number[] = [];
    const note = (): void => void times.push(sim.now);
    for (let i = 0; i < 1_000; i++) {
      sim.schedule((i * 7_919) % 1_000, () => {
        note();
        sim.schedule(sim.now + (i % 13), note);
      });
    }

    sim.run();

    expect(times).toHaveLength(2_000);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("never goes back in time", () => {
    const sim = new Simulator();
    const times: number[] = [];
    sim.schedule(5, () => sim.schedule(1, () => times.push(sim.now)));

    sim.run();

    expect(times).toEqual([5]);
  });
});

it("slots: two at once, the third when the first has gone", () => {
  const sim = new Simulator();
  const slots = new Slots(sim, 2);
  const began: number[] = [];
  for (const lasts of [10, 20, 5]) {
    slots.take(() => {
      began.push(sim.now);
      sim.schedule(sim.now + lasts, () => slots.give());
    });
  }

  sim.run();

  expect(began).toEqual([0, 0, 10]);
  expect(slots.used.levels(0, 20, 2)).toEqual([2, 1.5]);
});

describe("a rate", () => {
  it("gives what is saved up at once, and the rest one after the other", () => {
    const rate = new Rate(10, 5);

    const given = [rate.take(0, 5), rate.take(0, 1), rate.take(0, 4), rate.take(100, 5)];

    expect(given).toEqual([0, 0.1, 0.5, 100]);
  });

  it("that has no end gives at once", () => {
    expect(new Rate(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).take(3, 1e9)).toBe(3);
  });

  it("is never in use beyond itself, but for what was saved up", () => {
    const rate = new Rate(10, 1);

    for (let i = 0; i < 100; i++) rate.take(0, 1);

    for (const level of rate.used.levels(0, 9, 9)) expect(level).toBeLessThanOrEqual(11);
  });
});

describe("what is shared", () => {
  const ends = (size: number, works: readonly (readonly [at: number, work: number])[]): readonly number[] => {
    const sim = new Simulator();
    const shared = new Shared(sim, size);
    const done: number[] = [];
    works.forEach(([at, work], i) => {
      sim.schedule(at, () =>
        shared.do(work, () => {
          done[i] = Number(sim.now.toFixed(6));
        }),
      );
    });
    sim.run();
    return done;
  };

  it.each([
    [
      "fewer than there is: each as if alone",
      2,
      [
        [0, 1],
        [0, 3],
      ],
      [1, 3],
    ],
    [
      "more than there is: all slower",
      1,
      [
        [0, 1],
        [0, 1],
      ],
      [2, 2],
    ],
    [
      "who stays gets what the others leave",
      1,
      [
        [0, 1],
        [0, 3],
      ],
      [2, 4],
    ],
    [
      "a late one slows the first down",
      1,
      [
        [0, 2],
        [1, 2],
      ],
      [3, 4],
    ],
    [
      "no end of it",
      Number.POSITIVE_INFINITY,
      [
        [0, 1],
        [0, 1],
      ],
      [1, 1],
    ],
  ] as const)("%s", (_, size, works, expected) => {
    expect(ends(size, works)).toEqual(expected);
  });
});

it("a line serves one after the other and counts who met another", () => {
  const line = new Line();

  const done = [line.take(0, 2), line.take(1, 2), line.take(10, 2)];

  expect(done).toEqual([2, 4, 12]);
  expect([line.conflicts, line.arrivals]).toEqual([1, 3]);
});

it("a timeline's levels are means: what began before counts, what comes behind doesn't", () => {
  const timeline = new Timeline();
  timeline.add(-5, 4);
  timeline.spread(5, 10, 20);
  timeline.add(100, 7);

  expect(timeline.levels(0, 20, 4)).toEqual([4, 6, 6, 4]);
});
