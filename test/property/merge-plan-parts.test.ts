import fc from "fast-check";
import { expect, test } from "vitest";
import { type Checkpoint, type PlannedPart, planParts, type Segment, segmentsOf } from "../../core/merge/index.ts";

type PartSizes = Parameters<typeof planParts>[1];

const sizes: fc.Arbitrary<PartSizes> = fc
  .record({ partBytes: fc.integer({ min: 1, max: 20 }), copies: fc.integer({ min: 2, max: 9 }) })
  .map(({ partBytes, copies }) => ({ partBytes, copyBytes: copies * partBytes }));

/** Mostly objects of their own, now and then the next piece of the one before. */
const segments: fc.Arbitrary<readonly Segment[]> = fc
  .array(
    fc.oneof(
      { weight: 1, arbitrary: fc.record({ literal: fc.integer({ min: 0, max: 30 }) }) },
      {
        weight: 3,
        arbitrary: fc.record({
          length: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 90 })),
          joined: fc.boolean(),
          before: fc.integer({ min: 0, max: 3 }),
        }),
      },
    ),
    { maxLength: 25 },
  )
  .map((specs) => {
    let key = 0;
    let end = 0;
    const list = specs.map((spec): Segment => {
      if ("literal" in spec) return { literal: new Uint8Array(spec.literal).fill(++key) };
      const from = spec.joined && key > 0 ? end : spec.before;
      if (!spec.joined) key++;
      end = from + spec.length;
      return { bucket: "data", key: `k${key}`, etag: '"e"', size: 0, from, to: end };
    });
    // Whether a source may be copied depends on its own size: half of them have nothing behind their last extent.
    const endOf = (of: string) => Math.max(...list.map((one) => ("key" in one && one.key === of ? one.to : 0)));
    return list.map((one) =>
      "key" in one ? { ...one, size: endOf(one.key) + (Number(one.key.slice(1)) % 2) * 200 } : one,
    );
  });

async function plan(list: readonly Segment[], limits: PartSizes, from?: Checkpoint): Promise<PlannedPart[]> {
  const parts: PlannedPart[] = [];
  for await (const part of planParts(segmentsOf(list), limits, from).parts) parts.push(part);
  return parts;
}

const piecesOf = (part: PlannedPart): readonly Segment[] => (part.kind === "copy" ? [part.extent] : part.pieces);
const lengthOf = (piece: Segment) => ("literal" in piece ? piece.literal.length : piece.to - piece.from);
/** Each byte of the output, told by where it comes from. */
const bytesOf = (list: readonly Segment[]): string[] =>
  list.flatMap((piece) =>
    "literal" in piece
      ? [...piece.literal].map((byte) => `literal ${byte}`)
      : Array.from({ length: lengthOf(piece) }, (_, i) => `${piece.key} ${piece.from + i}`),
  );
const shapeOf = (parts: readonly PlannedPart[]) =>
  parts.map((part) => `${part.kind} ${bytesOf(piecesOf(part)).join(",")}${part.last ? " last" : ""}`);

test("a plan has every byte once and in order, its parts have the sizes that S3 takes, and it goes on behind any part", async () => {
  await fc.assert(
    fc.asyncProperty(segments, sizes, async (list, limits) => {
      const { partBytes, copyBytes } = limits;
      const parts = await plan(list, limits);

      expect(parts.flatMap((part) => bytesOf(piecesOf(part)))).toEqual(bytesOf(list));
      for (const part of parts) {
        expect(part.bytes).toBe(piecesOf(part).reduce((sum, piece) => sum + lengthOf(piece), 0));
        if (!part.last) expect(part.bytes).toBeGreaterThanOrEqual(partBytes);
        expect(part.bytes).toBeLessThanOrEqual(part.kind === "copy" ? copyBytes : 2 * partBytes - 1);
        if (part.kind === "copy") expect(part.extent.size).toBeGreaterThan(partBytes);
      }
      for (const [i, { start }] of parts.entries()) {
        expect(shapeOf(await plan(list, limits, start))).toEqual(shapeOf(parts.slice(i)));
      }
    }),
    { numRuns: 1_000 },
  );
});

test("a run of two parts or more lends at most one part's head; the rest is copied", async () => {
  await fc.assert(
    fc.asyncProperty(segments, sizes, fc.integer({ min: 2, max: 8 }), async (before, limits, parts) => {
      const size = parts * limits.partBytes + 1;
      const big: Segment = { bucket: "data", key: "big", etag: '"e"', size, from: 0, to: size };

      const planned = await plan([...before, big], limits);

      const copied = planned.filter((part) => part.kind === "copy" && part.extent.key === "big");
      expect(copied.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(size - limits.partBytes);
    }),
    { numRuns: 1_000 },
  );
});
