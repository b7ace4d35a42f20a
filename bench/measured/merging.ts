/** The code that the suite `merging` times: the merge plan. What it costs in calls and bytes is counted, not timed. */
import { planParts, type Segment, type SegmentSource, segmentsOf } from "../../core/merge/index.ts";

const MIB = 1024 * 1024;

/** Results that are big enough to be copied inside S3, one part each. */
export const bigSegments = (count: number): SegmentSource =>
  segmentsOf(
    Array.from(
      { length: count },
      (_, i): Segment => ({
        bucket: "b",
        key: `o/owner/jobs/id/results/${i}`,
        etag: '"e"',
        size: 8 * MIB,
        from: 0,
        to: 8 * MIB,
        crc: i,
      }),
    ),
  );

/** The least that going over the segments can cost. */
export async function bareSegments(source: SegmentSource): Promise<number> {
  let segments = 0;
  for await (const { segment } of source.open()) if (!("literal" in segment)) segments++;
  return segments;
}

export async function plannedParts(source: SegmentSource): Promise<number> {
  let parts = 0;
  for await (const _ of planParts(source, { partBytes: 5 * MIB, copyBytes: 1_024 * MIB }).parts) parts++;
  return parts;
}
