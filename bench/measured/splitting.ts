/**
 * The code that the suite `splitting` measures, on files, with the plainest code that does the same beside it. Each way of
 * reading records hands them to `take`, so that the suite can check that all of them see the same and time them at nothing
 * but reading.
 */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { parse as parseStream } from "csv-parse";
import { parse } from "csv-parse/sync";
import { type ByteChunk, ChunkCutter, ExactChunker, nominalChunks, planCuts } from "../../core/chunks/index.ts";
import {
  csvReader,
  lineReader,
  ndjsonReader,
  type RecordReader,
  RecordSplitter,
  type TextFormat,
} from "../../core/records/index.ts";

const NEWLINE = 0x0a;
/** Chunks of a job on two dozen workers. */
const CHUNKS = 32;

type Take<T> = (record: T) => void;

/** Blocks as Node gives them unasked, 64 KiB: what workers hand to their threads, too. */
const blocksOf = (path: string): AsyncIterable<Buffer> => createReadStream(path);

/** The time that Node needs to read the file and do nothing. @returns its bytes */
export async function bareRead(path: string): Promise<number> {
  let bytes = 0;
  for await (const block of blocksOf(path)) bytes += block.length;
  return bytes;
}

/** The least that finding lines can cost. */
export async function bareLines(path: string): Promise<number> {
  let lines = 0;
  for await (const block of blocksOf(path)) {
    for (let at = block.indexOf(NEWLINE); at >= 0; at = block.indexOf(NEWLINE, at + 1)) lines++;
  }
  return lines;
}

/** Finds every record, its offset and its bytes. @returns how many there are */
export async function scan(path: string, format: TextFormat): Promise<number> {
  const splitter = new RecordSplitter({ format });
  let records = 0;
  const sink = () => {
    records++;
  };
  for await (const block of blocksOf(path)) splitter.scan(block, sink);
  splitter.finish(sink);
  return records;
}

/** Partition's chunks of a CSV file, whose quotes it follows. */
export async function exactChunks(path: string, size: number): Promise<ByteChunk[]> {
  const chunker = new ExactChunker({ plan: planCuts({ size, config: { chunks: CHUNKS } }) });
  const chunks: ByteChunk[] = [];
  for await (const block of blocksOf(path)) chunks.push(...chunker.push(block));
  return [...chunks, ...chunker.end()];
}

/** A worker's cutting of its stream into the chunks of lines, whose edges it finds itself. @returns [from, to) of each */
export async function cutChunks(path: string, size: number): Promise<ByteChunk[]> {
  const chunks = [...nominalChunks(planCuts({ size, config: { chunks: CHUNKS } }))];
  const cutter = new ChunkCutter({ format: "lines", chunks, size });
  const found: ByteChunk[] = [];
  const keep = (events: ReturnType<ChunkCutter["push"]>) => {
    for (const event of events) if (event.type === "end") found.push({ from: event.start, to: event.end, exact: true });
  };
  for await (const block of blocksOf(path)) keep(cutter.push(block));
  keep(cutter.end());
  return found;
}

async function read<T>(path: string, reader: RecordReader<T>, take: Take<T>): Promise<void> {
  for await (const block of blocksOf(path)) for (const { value } of reader.push(block)) take(value);
  for (const { value } of reader.end()) take(value);
}

export const readLines = (path: string, take: Take<string>): Promise<void> => read(path, lineReader(), take);
export const readNdjson = (path: string, take: Take<unknown>): Promise<void> => read(path, ndjsonReader(), take);
export const readCsv = (path: string, take: Take<readonly string[]>): Promise<void> => read(path, csvReader(), take);

/** The plainest way: all of the file as one text. */
export async function plainLines(path: string, take: Take<string>): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) take(line);
}

export const plainNdjson = (path: string, take: Take<unknown>): Promise<void> =>
  plainLines(path, (line) => take(JSON.parse(line)));

/** csv-parse 7 with all of the file in memory: faster than its stream. */
export async function csvParse(path: string, take: Take<readonly string[]>): Promise<void> {
  const rows: string[][] = parse(await readFile(path));
  for (const row of rows) take(row);
}

export async function csvParseStream(path: string, take: Take<readonly string[]>): Promise<void> {
  const rows: AsyncIterable<string[]> = createReadStream(path).pipe(parseStream());
  for await (const row of rows) take(row);
}
