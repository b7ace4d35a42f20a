import type { Place, Value } from "../ports/index.ts";

/** Bytes that stand in the plan itself: a header, a separator, a directory entry. */
export interface Literal {
  readonly literal: Uint8Array;
}

/** Bytes [from, to) of an object, pinned by its etag. */
export interface Extent extends Place {
  readonly etag: string;
  /** Of the whole object: only a source over 5 MiB can be copied by range. */
  readonly size: number;
  readonly from: number;
  readonly to: number;
  /** CRC-32 of exactly these bytes, when known. */
  readonly crc?: number;
}

/** A run of bytes of the output. */
export type Segment = Literal | Extent;

/** `at` is small JSON: `open(at)` begins with this very segment again. */
export interface PositionedSegment {
  readonly segment: Segment;
  readonly at: Value;
}

/** The output as a list of segments, iterated lazily. Opened twice at one position, it must give the same segments. */
export interface SegmentSource {
  open(at?: Value): AsyncIterable<PositionedSegment>;
}

export const isLiteral = (segment: Segment): segment is Literal => "literal" in segment;

export const lengthOf = (segment: Segment): number =>
  isLiteral(segment) ? segment.literal.length : segment.to - segment.from;

/** The segment without its first `bytes` bytes; its checksum is no longer known. */
export function withoutHead(segment: Segment, bytes: number): Segment {
  if (bytes === 0) return segment;
  if (isLiteral(segment)) return { literal: segment.literal.subarray(bytes) };
  const { crc: _, ...rest } = segment;
  return { ...rest, from: segment.from + bytes };
}

/** The first `bytes` bytes of the segment. */
export function headOf(segment: Segment, bytes: number): Segment {
  if (bytes === lengthOf(segment)) return segment;
  if (isLiteral(segment)) return { literal: segment.literal.subarray(0, bytes) };
  const { crc: _, ...rest } = segment;
  return { ...rest, to: segment.from + bytes };
}

/** A source over an array; `at` is the index. */
export function segmentsOf(list: readonly Segment[]): SegmentSource {
  return {
    async *open(at = 0) {
      for (let i = Number(at); i < list.length; i++) {
        const segment = list[i];
        if (segment) yield { segment, at: i };
      }
    },
  };
}
