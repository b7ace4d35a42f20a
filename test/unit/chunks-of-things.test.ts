import { describe, expect, it } from "vitest";
import {
  checkReplicas,
  ObjectGrouper,
  type ObjectGrouping,
  type ObjectInfo,
  planRange,
  rangeChunk,
  rangeChunks,
  relativeKey,
  spanCount,
  spanNumbers,
} from "../../core/chunks/index.ts";

const code = (name: string, details: object = {}) =>
  expect.objectContaining({ code: name, details: expect.objectContaining(details) });

/** Groups a listing; the state goes through JSON after every object, as in a listing that is resumed page by page. */
function group(grouping: ObjectGrouping, objects: readonly ObjectInfo[]) {
  let grouper = new ObjectGrouper(grouping);
  const accepted: string[] = [];
  const sets = [];
  for (const object of objects) {
    const added = grouper.add(object);
    if (added.accepted) accepted.push(object.key);
    if (added.closed) sets.push(added.closed);
    grouper = new ObjectGrouper(grouping, undefined, JSON.parse(JSON.stringify(grouper.state())));
  }
  const last = grouper.end();
  return { accepted, sets: last ? [...sets, last] : sets };
}

const sized = (...sizes: number[]) => sizes.map((size, i) => ({ key: `in/${i}`, size }));
const named = (...keys: string[]) => keys.map((key) => ({ key, size: 1 }));

describe("ObjectGrouper", () => {
  it("makes a set of each object when nothing is set, empty ones too", () => {
    expect(group({}, sized(5, 0)).sets).toEqual([
      { first: 0, count: 1, bytes: 5 },
      { first: 1, count: 1, bytes: 0 },
    ]);
  });

  it("closes a set at whichever limit comes first; a single larger object is a set of its own", () => {
    const { sets } = group({ objectsPerChunk: 3, bytesPerChunk: 10 }, sized(4, 6, 1, 1, 1, 1, 50, 9, 1, 0));
    expect(sets.map(({ first, count, bytes }) => [first, count, bytes])).toEqual([
      [0, 2, 10],
      [2, 3, 3],
      [5, 1, 1],
      [6, 1, 50],
      [7, 3, 10],
    ]);
  });

  it("takes bytes alone without a limit of objects", () => {
    expect(group({ bytesPerChunk: 100 }, sized(...Array(250).fill(1))).sets.map((set) => set.count)).toEqual([
      100, 100, 50,
    ]);
  });

  it("skips folder markers and what the globs, relative to the prefix, leave out", () => {
    const keys = ["d/a.csv", "d/b.txt", "d/sub/c.csv", "d/sub/.hidden.csv", "d/tmp/e.csv", "d/wéird %2F [x].csv"];
    const objects = [{ key: "d/", size: 0 }, { key: "d/sub/", size: 0 }, ...named(...keys)];

    const all = group({ prefix: "d/" }, objects);
    const top = group({ prefix: "d/", include: ["*.csv"] }, objects);
    const deep = group({ prefix: "d/", include: ["**/*.csv"], exclude: ["tmp/**", "**/.*"] }, objects);

    expect(all.accepted).toEqual(keys);
    expect(top.accepted).toEqual(["d/a.csv", "d/wéird %2F [x].csv"]);
    expect(deep.accepted).toEqual(["d/a.csv", "d/sub/c.csv", "d/wéird %2F [x].csv"]);
    expect(deep.sets.map((set) => set.first)).toEqual([0, 1, 2]);
  });

  it("makes nothing of an empty prefix", () => {
    expect(group({ objectsPerChunk: 10 }, []).sets).toEqual([]);
  });

  it.each([
    [{ objectsPerChunk: -1 }, "p.objectsPerChunk"],
    [{ bytesPerChunk: 0.5 }, "p.bytesPerChunk"],
    [{ include: ["a", ""] }, "p.include[1]"],
    [{ exclude: ["x".repeat(1_001)] }, "p.exclude[0]"],
    [{ include: Array(101).fill("a") }, "p.include"],
  ])("refuses %o, naming the field", (grouping, path) => {
    expect(() => new ObjectGrouper(grouping, "p")).toThrow(code("INVALID_PARAMS", { path }));
  });
});

describe("relativeKey", () => {
  it.each([
    ["", "a/b", "a/b"],
    ["data/", "data/a/b.csv", "a/b.csv"],
    ["data", "data/a/b.csv", "a/b.csv"],
    ["data/2024-", "data/2024-01.csv", "2024-01.csv"],
    ["data/one.csv", "data/one.csv", "one.csv"],
    ["x/", "data/a", "data/a"],
  ])("%j %j", (prefix, key, expected) => {
    expect(relativeKey(prefix, key)).toBe(expected);
  });
});

describe("ranges", () => {
  it.each([
    ["1-10", 1, 10, 10],
    ["1-10,20,30-40", 4, 22, 6],
    ["1-100x5", 7, 20, 3],
    [" 3 , 1-2 ", 10, 3, 1],
    ["-5-5", 2, 11, 6],
    ["-5--3", 2, 3, 2],
    ["1-2,2", 5, 3, 1],
  ])("%j by %i", (spec, perChunk, total, count) => {
    const plan = planRange(spec, perChunk);

    const chunks = [...rangeChunks(plan)];

    const numbers = [...spanNumbers(plan.spans)];
    expect([plan.total, plan.count, numbers.length]).toEqual([total, count, total]);
    expect(chunks.flatMap((spans) => [...spanNumbers(spans)])).toEqual(numbers);
    expect(chunks.slice(0, -1).every((spans) => spanCount(spans) === perChunk)).toBe(true);
    expect(chunks.map((_, k) => rangeChunk(plan, k))).toEqual(chunks);
    expect([...rangeChunks(plan, 1)]).toEqual(chunks.slice(1));
  });

  it("gives spans, not numbers", () => {
    expect([...rangeChunks(planRange("1-10,20,30-40", 12))]).toEqual([
      [
        [1, 10],
        [20, 20],
        [30, 30],
      ],
      [[31, 40]],
    ]);
    expect([...rangeChunks(planRange("0-20x10,7", 2))]).toEqual([
      [[0, 10, 10]],
      [
        [20, 20],
        [7, 7],
      ],
    ]);
    expect(rangeChunk(planRange("1-3"), 3)).toEqual([]);
  });

  it("counts a billion numbers without making them", () => {
    const plan = planRange("1-1000000000", 100);
    expect([plan.count, rangeChunk(plan, 9_999_999)]).toEqual([10_000_000, [[999_999_901, 1_000_000_000]]]);
  });

  it.each([
    ["", 1, "p.range"],
    ["a", 1, "p.range"],
    ["1-", 1, "p.range"],
    ["1,,2", 1, "p.range"],
    ["10-1", 1, "p.range"],
    ["1-9x0", 1, "p.range"],
    ["1.5", 1, "p.range"],
    ["1-10000001", 1, "p.range"],
    ["1-9", 0, "p.perChunk"],
    ["1-9", 1.5, "p.perChunk"],
  ])("refuses %j by %d, naming the field", (spec, perChunk, path) => {
    expect(() => planRange(spec, perChunk, "p")).toThrow(code("INVALID_PARAMS", { path }));
  });
});

describe("checkReplicas", () => {
  it("takes whole numbers from 1 on", () => {
    expect(checkReplicas(3)).toBe(3);
    for (const bad of [0, -1, 1.5, "3", undefined, 10_000_001]) {
      expect(() => checkReplicas(bad, "p.replicas")).toThrow(code("INVALID_PARAMS", { path: "p.replicas" }));
    }
  });
});
