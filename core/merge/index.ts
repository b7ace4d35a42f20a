export {
  type AssemblerEngine,
  type AssemblerEngines,
  type AssemblerWork,
  assemblerParams,
  type Prepared,
} from "./assembler.ts";
export { completeOwn, type OwnUpload } from "./complete-own.ts";
export { crc32, crc32Combine, crc32Tail, showCrc32 } from "./crc32.ts";
export { jsonValue, type MergeCursor, mergeCursor } from "./cursor.ts";
export { Flights } from "./flights.ts";
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
export { type ReadResult, readWindows } from "./read-windows.ts";
export { resultName, UniqueNames } from "./result-names.ts";
export { type CommittedBatch, type CommittedResult, committedBatches, resultsExpired } from "./results.ts";
export {
  type Extent,
  type Literal,
  lengthOf,
  type PositionedSegment,
  type Segment,
  type SegmentSource,
  segmentsOf,
} from "./segment.ts";
export { type EachCursor, eachCursor, writeEach } from "./write-each.ts";
