import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAssignments, parseTags } from "../../cli/assignments.ts";
import { humanAgo, humanBytes, humanDuration, humanRate, humanUsd } from "../../cli/human.ts";
import { seconds } from "../../cli/options.ts";
import { s3Place } from "../../cli/places.ts";
import { Pace, progressLine } from "../../cli/progress-line.ts";
import { printTable } from "../../cli/table.ts";
import { cut, type Paint, plainPaint, processTerminal } from "../../cli/terminal.ts";
import type { JobRecord } from "../../core/contracts/api/records.ts";

describe("for people", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_023, "1023 B"],
    [1_024, "1.0 KiB"],
    [10_188, "9.9 KiB"],
    [10_240, "10 KiB"],
    [1_048_575, "1.0 MiB"],
    [20 * 1024 ** 2, "20 MiB"],
    [5 * 1024 ** 4, "5.0 TiB"],
  ])("%i bytes are %s", (bytes, text) => expect(humanBytes(bytes)).toBe(text));

  it.each([
    [0, "0.0 s"],
    [9.94, "9.9 s"],
    [9.96, "10 s"],
    [59.6, "1 m 0 s"],
    [192, "3 m 12 s"],
    [7_500, "2 h 5 m"],
    [273_600, "3 d 4 h"],
  ])("%d s are %s", (given, text) => expect(humanDuration(given)).toBe(text));

  it.each([
    [0, "$0"],
    [0.00000123, "$0.0000012"],
    [0.0132, "$0.013"],
    [0.1, "$0.10"],
    [12.345, "$12.35"],
  ])("%d dollars are %s", (usd, text) => expect(humanUsd(usd)).toBe(text));

  it("rates and ages", () => {
    expect([humanRate(45.2), humanRate(3.21), humanRate(0.2), humanRate(0.05)]).toEqual([
      "45/s",
      "3.2/s",
      "12/min",
      "3.0/min",
    ]);
    expect(humanAgo("1970-01-01T00:00:10Z", 22_000)).toBe("12 s ago");
    expect(humanAgo(null, 0)).toBe("-");
  });
});

describe("what is typed", () => {
  it("params are paths with values that are JSON where they can be", () => {
    const given = [
      "app.by=state",
      'app.where={"n":1}',
      "app.n=3",
      "app.zip=00501",
      "app.id=12345678901234567890",
      "app.e=",
      "partitioner.x.y=a=b",
      'app.s="3"',
    ];
    expect(parseAssignments("--param", given, ["partitioner", "app", "assembler"])).toEqual({
      app: { by: "state", where: { n: 1 }, n: 3, zip: "00501", id: "12345678901234567890", e: "", s: "3" },
      partitioner: { x: { y: "a=b" } },
    });
  });

  it.each([["by"], ["=x"], ["app..x=1"], ["by=x"], ["other.x=1"], ["app.__proto__.x=1"]])(
    "%s is refused with an example",
    (text) => {
      expect(() => parseAssignments("--param", [text], ["app"])).toThrow(/app\.by=state/);
      expect(({} as Record<string, unknown>).x).toBeUndefined();
    },
  );

  it("a value can't hold another", () => {
    expect(() => parseAssignments("--param", ["app.a=1", "app.a.b=2"], ["app"])).toThrow(/"a" was given a value/);
  });

  it("tags, times and places", () => {
    expect(parseTags(["a=b=c"])).toEqual({ a: "b=c" });
    expect([seconds("90"), seconds("1.5m"), seconds("2h")]).toEqual([90, 90, 7_200]);
    expect(() => seconds("soon")).toThrow(/90s, 5m or 2h/);
    expect(s3Place("s3://b/a b/ü+%2F")).toEqual({
      dataSourceDescriptor: "s3",
      params: { bucketName: "b", name: "a b/ü+%2F" },
    });
    expect(s3Place("s3://b")).toMatchObject({ params: { bucketName: "b", name: "" } });
    expect(s3Place("./s3/x")).toBeUndefined();
    expect(() => s3Place("s3:///x")).toThrow(/name a bucket/);
  });
});

describe("the terminal", () => {
  const loud: Paint = (_colour, text) => `\u001b[31m${text}\u001b[39m`;

  it("cuts to what is seen, colour codes not counted", () => {
    expect(cut(loud("red", "abc"), 3)).toBe(loud("red", "abc"));
    expect(cut(`${loud("red", "abc")}def`, 4)).toBe("abc…");
    fc.assert(fc.property(fc.string(), fc.nat(100), (text, width) => cut(text, width).length <= width));
  });

  it("lines tables up by what is seen, a line a row", () => {
    const lines: string[] = [];
    const terminal = { ...processTerminal({}), out: (line: string) => void lines.push(line), paint: loud };
    printTable(
      terminal,
      [{ name: "A" }, { name: "B", right: true }],
      [
        [loud("red", "x"), "1"],
        ["long\nname\u001b[2J", "22"],
      ],
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with an escape
    expect(lines.map((line) => line.replace(/\u001b\[\d+m/g, ""))).toEqual([
      "A               B",
      "x               1",
      "long name [2J  22",
    ]);
  });

  it("wraps the last column where the terminal is too narrow, and only there", () => {
    const print = (isLive: boolean, space: number) => {
      const lines: string[] = [];
      const terminal = { ...processTerminal({}), out: (line: string) => void lines.push(line), isLive, columns: space };
      const text = "some words that go on for longer than the terminal is wide";
      printTable({ ...terminal, paint: plainPaint }, [{ name: "ID" }, { name: "TEXT" }], [["1234567890", text]]);
      return lines;
    };
    const wide = print(true, 200);
    const narrow = print(true, 50);
    expect(wide).toEqual(print(false, 50));
    expect(wide).toHaveLength(2);
    expect(Math.max(...narrow.map((line) => line.length))).toBeLessThanOrEqual(50);
    expect(
      narrow
        .slice(1)
        .map((line) => line.slice(10).trim())
        .join(" "),
    ).toBe(wide[1]?.slice(12));
  });

  it.each([
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, "x"],
    [{ FORCE_COLOR: "1" }, loud("red", "x")],
    [{}, "x"],
  ])("paints as %j says, without a terminal", (env, painted) => {
    expect(processTerminal(env).paint("red", "x")).toBe(painted);
  });
});

describe("the progress line", () => {
  const job = (done: number, more: Partial<JobRecord> = {}) =>
    ({
      state: "JOB_STATE_PARTITIONED",
      run: 1,
      waitingFor: null,
      startAt: null,
      duration: 12,
      cost: { usd: 0.0021 },
      progress: { total: 40, completed: done, partial: 0, skipped: 0, failed: 0, text: `${done} + 0 / 40` },
      ...more,
    }) as JobRecord;

  it("shows state, progress, rate, time left, cost and time", () => {
    const pace = new Pace();
    for (const [at, done] of [
      [0, 0],
      [60_000, 0],
      [61_000, 4],
      [62_000, 8],
    ] as const)
      pace.observe(job(done), at);
    expect(progressLine(job(8), pace, plainPaint)).toBe("PARTITIONED  8 + 0 / 40  4.0/s  ETA 8.0 s  $0.0021  12 s");
  });

  it("counts a standstill once something has ended, over a quarter of a minute", () => {
    const pace = new Pace();
    for (const [at, done] of [
      [0, 0],
      [1_000, 10],
      [5_000, 10],
      [10_000, 10],
    ] as const)
      pace.observe(job(done), at);
    expect(pace.perSecond).toBe(1);
    pace.observe(job(10), 30_000);
    expect(pace.perSecond).toBeUndefined();
  });

  it("begins anew with a next run, and shows no rate outside of the tasks", () => {
    const pace = new Pace();
    pace.observe(job(0), 0);
    pace.observe(job(10), 2_000);
    expect(progressLine(job(10, { state: "JOB_STATE_MERGING" }), pace, plainPaint)).toBe(
      "MERGING  10 + 0 / 40  $0.0021  12 s",
    );
    pace.observe(job(3, { run: 2 }), 3_000);
    expect(pace.perSecond).toBeUndefined();
  });

  it("says what a job waits for", () => {
    const waiting = job(0, { state: "JOB_STATE_STARTED", waitingFor: "START_AT", startAt: "2026-05-01T00:00:00.000Z" });
    expect(progressLine(waiting, new Pace(), plainPaint)).toContain("STARTED (waits until 2026-05-01T00:00:00.000Z)");
  });
});
