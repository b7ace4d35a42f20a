export { completeOwn, type OwnUpload } from "./complete-own.ts";
export { crc32, crc32Combine, crc32Tail, showCrc32 } from "./crc32.ts";
export { type MergeCursor, mergeCursor } from "./cursor.ts";
export { inParallel } from "./in-parallel.ts";
export {
  type MergeLimits,
  type MergeOutcome,
  type MergePorts,
  type MergeTarget,
  mergeInto,
} from "./merge-into.ts";
export {
  type Checkpoint,
  COPY_BYTES,
  MAX_PART_BYTES,
  type PlannedPart,
  planParts,
  START,
} from "./plan-parts.ts";
export {
  type Extent,
  isLiteral,
  type Literal,
  lengthOf,
  type PositionedSegment,
  type Segment,
  type SegmentSource,
  segmentsOf,
  withoutHead,
} from "./segment.ts";
