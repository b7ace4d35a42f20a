import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, crc32Combine, crc32Tail, showCrc32 } from "../../core/merge/index.ts";

const bytes = fc.uint8Array({ maxLength: 300 });

test("the checksum of joined bytes follows from those of the pieces", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const joined = crc32Combine(zlibCrc32(a), zlibCrc32(b), b.length);
      expect(joined).toBe(zlibCrc32(Buffer.concat([a, b])));
    }),
    { numRuns: 1_000 },
  );
});

test("the checksum behind a cut follows from those of the whole and the head", () => {
  fc.assert(
    fc.property(bytes, bytes, (head, tail) => {
      const cut = crc32Tail(zlibCrc32(Buffer.concat([head, tail])), zlibCrc32(head), tail.length);
      expect(cut).toBe(zlibCrc32(tail));
    }),
    { numRuns: 1_000 },
  );
});

test("lengths beyond 2^32 are no different: joining is associative", () => {
  const [a, b, c] = [crc32(Buffer.from("a")), 0x12345678, 0x9abcdef0];
  const long = 3 * 2 ** 40 + 7;

  const left = crc32Combine(crc32Combine(a, b, long), c, 2 ** 33);
  const right = crc32Combine(a, crc32Combine(b, c, 2 ** 33), long + 2 ** 33);

  expect(left).toBe(right);
});

test("a checksum is shown with eight hex digits", () => {
  expect(showCrc32(0x1a2b)).toBe("crc32:00001a2b");
});
