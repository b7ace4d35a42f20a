/**
 * The code that the suite `steps` measures. Bundled before it runs, as the functions are: what tsx makes of TypeScript is
 * slower. Each answers how many things it saw, so that the suite can check that all of them did the same.
 */
import { parse } from "csv-parse/sync";
import { ExactChunker, planCuts } from "../../core/chunks/index.ts";
import { planParts, type Segment, type SegmentSource, segmentsOf } from "../../core/merge/index.ts";
import { csvReader, lineReader, RecordSplitter } from "../../core/records/index.ts";

const NEWLINE = 0x0a;
/** As blocks come from S3. */
const BLOCK_BYTES = 64 * 1024;

function* blocksOf(data: Buffer): Generator<Buffer> {
  for (let at = 0; at < data.length; at += BLOCK_BYTES) yield data.subarray(at, at + BLOCK_BYTES);
}

/** The least that finding lines can cost. */
export function bareLines(data: Buffer): number {
  let lines = 0;
  for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}

/** The least that reading lines as text can cost. */
export function bareTexts(data: Buffer): number {
  let characters = 0;
  let from = 0;
  for (let at = data.indexOf(NEWLINE); at >= 0; at = data.indexOf(NEWLINE, from)) {
    characters += data.toString("utf8", from, at).length;
    from = at + 1;
  }
  return characters;
}

export function scan(data: Buffer, format: "lines" | "csv"): number {
  const splitter = new RecordSplitter({ format });
  let records = 0;
  const sink = () => {
    records++;
  };
  for (const block of blocksOf(data)) splitter.scan(block, sink);
  splitter.finish(sink);
  return records;
}

export function readTexts(data: Buffer): number {
  const reader = lineReader();
  let characters = 0;
  for (const block of blocksOf(data)) for (const { value } of reader.push(block)) characters += value.length;
  for (const { value } of reader.end()) characters += value.length;
  return characters;
}

export function readRows(data: Buffer): number {
  const reader = csvReader();
  let fields = 0;
  for (const block of blocksOf(data)) for (const { value } of reader.push(block)) fields += value.length;
  for (const { value } of reader.end()) fields += value.length;
  return fields;
}

export function csvParse(data: Buffer): number {
  let fields = 0;
  const rows: string[][] = parse(data);
  for (const row of rows) fields += row.length;
  return fields;
}

/** Partition's scan; answers the bytes that lie in chunks. */
export function exactChunks(data: Buffer): number {
  const chunker = new ExactChunker({ plan: planCuts({ size: data.length, config: { chunks: 32 } }) });
  let bytes = 0;
  for (const block of blocksOf(data)) for (const { from, to } of chunker.push(block)) bytes += to - from;
  for (const { from, to } of chunker.end()) bytes += to - from;
  return bytes;
}

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
