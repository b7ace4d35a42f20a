import { expect, test } from "vitest";
import { type PlannedPart, planParts, type Segment, START, segmentsOf } from "../../core/merge/index.ts";

const MIB = 1024 * 1024;
const SIZES = { partBytes: 5 * MIB, copyBytes: 1024 * MIB };
const extent = (key: string, from: number, to: number, size = to): Segment => ({
  bucket: "data",
  key,
  etag: `"${key}"`,
  size,
  from,
  to,
  crc: 1,
});
const literal = (bytes: number): Segment => ({ literal: new Uint8Array(bytes) });

async function plan(segments: readonly Segment[], sizes = SIZES): Promise<PlannedPart[]> {
  const parts: PlannedPart[] = [];
  for await (const part of planParts(segmentsOf(segments), sizes).parts) parts.push(part);
  return parts;
}
/** The same place may be told from different segments. */
const withoutStart = (parts: readonly PlannedPart[]) => parts.map(({ start: _, ...part }) => part);
const shape = (parts: readonly PlannedPart[]) => parts.map((part) => `${part.kind} ${part.bytes}`);

test("runs of 5 MiB and more are copied and nothing is streamed", async () => {
  const parts = await plan([extent("a", 0, 6 * MIB), extent("b", 0, 5 * MIB + 1), extent("c", 0, 9 * MIB)]);

  expect(shape(parts)).toEqual([`copy ${6 * MIB}`, `copy ${5 * MIB + 1}`, `copy ${9 * MIB}`]);
  expect(parts.map(({ last }) => last)).toEqual([false, false, true]);
});

test("a hole in front of a big run borrows its head: at most 5 MiB are streamed", async () => {
  const parts = await plan([literal(100), extent("a", 0, 64 * MIB), literal(1), extent("b", 0, 64 * MIB)]);

  expect(shape(parts)).toEqual([
    `buffer ${5 * MIB}`,
    `copy ${59 * MIB + 100}`,
    `buffer ${5 * MIB}`,
    `copy ${59 * MIB + 1}`,
  ]);
});

test("a hole in front of a run of less than two parts takes it whole, and the runs behind it are copied", async () => {
  const parts = await plan([literal(100), extent("a", 0, 6 * MIB), extent("b", 0, 6 * MIB)]);

  expect(shape(parts)).toEqual([`buffer ${6 * MIB + 100}`, `copy ${6 * MIB}`]);
});

test("a hole that took in a run takes in the next hole, too, and the run behind it is copied whole", async () => {
  const holeAndRun = (i: number) => [literal(64), extent(`pack-${i}`, 0, 6 * MIB)];
  const parts = await plan([0, 1, 2, 3].flatMap(holeAndRun));

  expect(shape(parts)).toEqual([
    `buffer ${6 * MIB + 128}`,
    `copy ${6 * MIB}`,
    `buffer ${6 * MIB + 128}`,
    `copy ${6 * MIB}`,
  ]);
});

test("a hole of a part's bytes borrows nothing; its parts have the least size, the last of them the rest, too", async () => {
  const small = (i: number) => extent(`small-${i}`, 0, 4 * MIB);
  const parts = await plan([...[0, 1, 2, 3].map(small), extent("big", 0, 6 * MIB), small(4), small(5)]);

  expect(shape(parts)).toEqual([
    ...[`buffer ${5 * MIB}`, `buffer ${5 * MIB}`, `buffer ${6 * MIB}`],
    `copy ${6 * MIB}`,
    `buffer ${8 * MIB}`,
  ]);
});

test("neighbouring segments of one object are one run", async () => {
  const parts = await plan([
    extent("a", 0, MIB, 9 * MIB),
    extent("a", MIB, 7 * MIB, 9 * MIB),
    extent("a", 8 * MIB, 9 * MIB),
  ]);

  expect(shape(parts)).toEqual([`copy ${7 * MIB}`, `buffer ${MIB}`]);
});

test("a source of 5 MiB or less can't be copied by range", async () => {
  const parts = await plan([extent("a", 0, 5 * MIB), extent("b", 0, 5 * MIB)]);

  expect(shape(parts)).toEqual([`buffer ${5 * MIB}`, `buffer ${5 * MIB}`]);
});

test("runs over the limit are copied in several parts, none of them a remnant", async () => {
  const parts = await plan([extent("a", 0, 3 * 1024 * MIB + 1)]);

  expect(shape(parts)).toEqual([
    `copy ${1024 * MIB}`,
    `copy ${1024 * MIB}`,
    `copy ${512 * MIB + 1}`,
    `copy ${512 * MIB}`,
  ]);
});

test("planning goes on behind any part with the same parts", async () => {
  const segments: Segment[] = [];
  for (let i = 0; i < 60; i++) {
    segments.push(literal(i % 3 === 0 ? 7 : 0), extent(`k${i >> 2}`, (i & 3) * 13, (i & 3) * 13 + 13, 52));
    if (i % 7 === 0) segments.push(extent(`big${i}`, 3, 3 + 17 * i, 5_000));
  }
  const sizes = { partBytes: 20, copyBytes: 50 };
  const whole = await plan(segments, sizes);

  for (const [i, part] of whole.entries()) {
    const planned = planParts(segmentsOf(segments), sizes, part.start);
    const rest: PlannedPart[] = [];
    for await (const next of planned.parts) rest.push(next);
    expect(withoutStart(rest)).toEqual(withoutStart(whole.slice(i)));
    expect(planned.total().size).toBe(whole.reduce((sum, { bytes }) => sum + bytes, 0));
  }
  expect(whole.length).toBeGreaterThan(40);
  expect(whole[0]?.start).toMatchObject({ size: START.size, skip: 0 });
});

test("a plan of 25,000 parts is made lazily", async () => {
  let opened = 0;
  const source = {
    async *open(at: unknown = 0) {
      for (let i = Number(at); i < 25_000; i++) {
        opened++;
        yield { segment: extent(`pack-${i}`, 0, 6 * MIB), at: i };
      }
    },
  };
  const planned = planParts(source, SIZES);

  let parts = 0;
  let ahead = 0;
  for await (const { kind } of planned.parts) {
    if (kind === "copy") parts++;
    ahead = Math.max(ahead, opened - parts);
  }

  expect(ahead).toBeLessThanOrEqual(2);
  expect(parts).toBe(25_000);
  expect(planned.total().size).toBe(25_000 * 6 * MIB);
});
