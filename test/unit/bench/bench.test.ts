import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { csvData, type Data, linesData, ndjsonData } from "../../../bench/lib/data.ts";
import {
  atLeast,
  atLeastTimes,
  atMost,
  atMostTimes,
  exactly,
  type Figure,
  verdict,
} from "../../../bench/lib/figure.ts";
import { isGood, tableOf } from "../../../bench/lib/report.ts";
import { timeSideBySide, timingOf } from "../../../bench/lib/timer.ts";
import { wordCountOf } from "../../../bench/lib/word-count.ts";
import { formatCsvRecord } from "../../../core/records/index.ts";

const figure = (value: number, bar?: Figure["bar"]): Figure => ({ name: "n", value, unit: "u", ...(bar && { bar }) });
const whole = (data: Data) => Buffer.concat([...data.blocks()]);

describe("a bar", () => {
  it.each([
    [10, atMost(10), "pass"],
    [10.1, atMost(10), "FAIL"],
    [10, atLeast(10), "pass"],
    [9, atLeast(10), "FAIL"],
    [1, exactly(1), "pass"],
    [0, exactly(1), "FAIL"],
    [Number.NaN, atMost(10), "FAIL"],
    [5, undefined, ""],
  ] as const)("%d against %o: %s", (value, bar, expected) => {
    expect(verdict(figure(value, bar))).toBe(expected);
  });

  it.each([
    [20, 10, atMostTimes(2), "pass"],
    [21, 10, atMostTimes(2), "FAIL"],
    [30, 10, atLeastTimes(3), "pass"],
    [29, 10, atLeastTimes(3), "FAIL"],
    [30, 0, atLeastTimes(3), "FAIL"],
  ] as const)("%d beside %d against %o: %s", (value, other, bar, expected) => {
    expect(verdict({ ...figure(value, bar), baseline: { name: "other", value: other } })).toBe(expected);
  });

  it("of a ratio is broken when its baseline is missing", () => {
    expect(verdict(figure(1, atMostTimes(100)))).toBe("FAIL");
    expect(verdict(figure(1_000, atLeastTimes(3)))).toBe("FAIL");
  });

  it("broken, or a suite broken off, makes the bench fail", () => {
    const suite = (...figures: Figure[]) => ({ suite: "s", seconds: 1, figures });

    expect(isGood([suite(figure(1, atMost(2)), figure(200, atMost(200)))])).toBe(true);
    expect(isGood([suite(figure(1, atMost(2))), suite(figure(3, atMost(2)))])).toBe(false);
    expect(isGood([{ ...suite(), error: "the stack is gone" }])).toBe(false);
  });

  it("stands beside its figure in the table", () => {
    const text = tableOf({
      suite: "s",
      seconds: 1,
      figures: [{ ...figure(33, atMost(32)), baseline: { name: "before", value: 1_234 } }],
    });

    expect(text).toMatch(/33 u.*1,234 before.*at most 32.*FAIL/);
  });
});

describe("made-up data", () => {
  it.each([
    ["csv", csvData],
    ["ndjson", ndjsonData],
    ["lines", linesData],
  ])("%s is the same at every run, of about the size asked for, and ends with a newline", (_, make) => {
    const data = whole(make(300_000));

    expect(data.equals(whole(make(300_000)))).toBe(true);
    expect(data.length).toBeGreaterThanOrEqual(300_000);
    expect(data.length).toBeLessThan(330_000);
    expect(data.at(-1)).toBe(0x0a);
  });

  it("csv is written as JobJob writes it, with newlines in quotes", () => {
    const text = whole(csvData(100_000)).toString();

    const rows: string[][] = parse(text);

    expect(rows.every((row) => row.length === 4)).toBe(true);
    expect(rows.some(([, , note]) => note?.includes("\n"))).toBe(true);
    expect(rows.map((row) => `${formatCsvRecord(row)}\n`).join("")).toBe(text);
  });

  it("ndjson is written as JSON.stringify writes it", () => {
    const text = whole(ndjsonData(50_000)).toString();

    const again = text
      .trimEnd()
      .split("\n")
      .map((line) => `${JSON.stringify(JSON.parse(line))}\n`);

    expect(again.join("")).toBe(text);
  });
});

it("words are counted across blocks", () => {
  const data: Data = {
    *blocks() {
      yield Buffer.from("b a\nb al");
      yield Buffer.from("pha\n");
    },
  };

  expect(wordCountOf(data)).toBe("word,count\na,1\nalpha,1\nb,2\n");
});

describe("the timer", () => {
  it("gives the middle one and the spread", () => {
    expect(timingOf([30, 10, 20])).toEqual({ median: 20, spread: 1 });
  });

  it("runs all kinds of work in turn, and one round more than it counts", async () => {
    const calls: string[] = [];

    await timeSideBySide({ a: () => calls.push("a"), b: async () => calls.push("b") }, 2);

    expect(calls.join("")).toBe("ababab");
  });
});
