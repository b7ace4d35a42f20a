export type { ByteChunk } from "./byte-chunk.ts";
export { ChunkCutter, type CutEnd, type CutEvent, type CutPiece, type CutterOptions } from "./cutter.ts";
export { ExactChunker, type ExactChunkerOptions, type ExactChunkerState } from "./exact-chunker.ts";
export {
  type Added,
  ObjectGrouper,
  type ObjectGrouperState,
  type ObjectGrouping,
  type ObjectInfo,
  type ObjectSet,
  relativeKey,
} from "./object-sets.ts";
export {
  checkReplicas,
  type NumberSpan,
  planRange,
  type RangePlan,
  rangeChunk,
  rangeChunks,
  spanCount,
  spanNumbers,
} from "./range.ts";
export {
  type CutInput,
  type CutPlan,
  checkSizing,
  cutAt,
  DEFAULT_MAX_CHUNK_SIZE,
  MAX_CHUNKS,
  type NominalOptions,
  nominalChunks,
  planCuts,
  type SizingConfig,
} from "./sizing.ts";
