/**
 * Splitting: planning chunks and reading records, from files, beside a bare read of the same file by Node and the plainest
 * code that does the same; and what a worker's memory comes to. Before anything is timed, both sides must hash to the same.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { bundle } from "../../cdk/bundle.ts";
import { ROOT } from "../../scripts/lib/paths.ts";
import { bundled } from "../lib/bundled.ts";
import { csvData, type Data, linesData, ndjsonData, plainCsvData } from "../lib/data.ts";
import { atLeastTimes, atMost, atMostTimes, type Bar, type Figure, type Suite } from "../lib/figure.ts";
import { type Timing, timeSideBySide } from "../lib/timer.ts";
import type { FileWork } from "../measured/file-worker.ts";

type Measured = typeof import("../measured/splitting.ts");
type Say = (line: string) => void;

const MIB = 1024 * 1024;
const LINES_BYTES = 64 * MIB;
const NDJSON_BYTES = 32 * MIB;
const CSV_BYTES = 16 * MIB;
const SMALL_MIB = 10;
const LARGE_MIB = Number(process.env.BENCH_MEMORY_MIB ?? 1_024);

const run = promisify(execFile);

export const splitting: Suite = {
  name: "splitting",
  what: "planning chunks and reading records from files, beside the plainest code that does the same",
  async run(say) {
    const code = (await import(pathToFileURL(await bundled("splitting")).href)) as Measured;
    const folder = await mkdtemp(join(tmpdir(), "jobjob-splitting-"));
    const put = (name: string, data: Data) => writeData(join(folder, name), data);
    try {
      return [
        ...(await lineFigures(code, await put("lines", linesData(LINES_BYTES)))),
        ...(await ndjsonFigures(code, await put("ndjson", ndjsonData(NDJSON_BYTES)))),
        ...(await csvFigures(code, "CSV without quotes", await put("ascii", plainCsvData(CSV_BYTES, "ascii")), 3)),
        ...(await csvFigures(
          code,
          "CSV without quotes, multi-byte",
          await put("foreign", plainCsvData(CSV_BYTES, "foreign")),
          3,
        )),
        ...(await csvFigures(code, "CSV with quotes", await put("quoted", csvData(CSV_BYTES)), 1)),
        ...(await memoryFigures(folder, say)),
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface DataFile {
  readonly path: string;
  readonly bytes: number;
}

/** @param times how often the data is repeated */
async function writeData(path: string, data: Data, times = 1): Promise<DataFile> {
  const stream = createWriteStream(path);
  for (let n = 0; n < times; n++) {
    for (const block of data.blocks()) if (!stream.write(block)) await once(stream, "drain");
  }
  stream.end();
  await finished(stream);
  return { path, bytes: (await stat(path)).size };
}

async function lineFigures(code: Measured, { path, bytes }: DataFile): Promise<Figure[]> {
  await checkSame(
    "lines",
    (take) => code.readLines(path, take),
    (take) => code.plainLines(path, take),
  );
  checkEqual("lines", await code.scan(path, "lines"), await code.bareLines(path), await countLines(path));
  checkChunks("lines", await code.cutChunks(path, bytes), bytes);
  const time = await timeSideBySide({
    read: () => code.bareRead(path),
    indexOf: () => code.bareLines(path),
    wc: () => countLines(path),
    cut: () => code.cutChunks(path, bytes),
    scan: () => code.scan(path, "lines"),
  });
  // Apart: what these leave to the garbage collector would be paid for by the bare read.
  const texts = await timeSideBySide({
    lines: () => code.readLines(path, look),
    plain: () => code.plainLines(path, look),
  });
  const rates = ratesOf("lines", bytes);
  return [
    ...rates("finding a worker's chunks", time.cut, "a bare read", time.read),
    ...rates("finding every line", time.scan, "a bare read", time.read, { slower: 2.5 }),
    ...rates("a Buffer.indexOf loop, for comparison", time.indexOf, "a bare read", time.read),
    ...rates("finding every line", time.scan, "wc -l", time.wc),
    ...rates("each line as a string", texts.lines, "split of the whole text", texts.plain),
  ];
}

async function ndjsonFigures(code: Measured, { path, bytes }: DataFile): Promise<Figure[]> {
  await checkSame(
    "NDJSON",
    (take) => code.readNdjson(path, take),
    (take) => code.plainNdjson(path, take),
  );
  checkEqual("NDJSON", await code.scan(path, "ndjson"), await countLines(path));
  const time = await timeSideBySide({
    read: () => code.bareRead(path),
    wc: () => countLines(path),
    scan: () => code.scan(path, "ndjson"),
  });
  const texts = await timeSideBySide({
    values: () => code.readNdjson(path, look),
    plain: () => code.plainNdjson(path, look),
  });
  const rates = ratesOf("NDJSON", bytes);
  return [
    ...rates("finding every record", time.scan, "a bare read", time.read),
    ...rates("finding every record", time.scan, "wc -l", time.wc),
    ...rates("each record as a value", texts.values, "split and JSON.parse", texts.plain),
  ];
}

/** @param faster how many times as fast as csv-parse it must be */
async function csvFigures(code: Measured, name: string, { path, bytes }: DataFile, faster: number): Promise<Figure[]> {
  await checkSame(
    name,
    (take) => code.readCsv(path, take),
    (take) => code.csvParse(path, take),
  );
  checkChunks(name, await code.exactChunks(path, bytes), bytes);
  const time = await timeSideBySide({
    read: () => code.bareRead(path),
    wc: () => countLines(path),
    chunks: () => code.exactChunks(path, bytes),
    scan: () => code.scan(path, "csv"),
  });
  const texts = await timeSideBySide({
    fields: () => code.readCsv(path, lookAtFields),
    parse: () => code.csvParse(path, lookAtFields),
    stream: () => code.csvParseStream(path, lookAtFields),
  });
  const rates = ratesOf(name, bytes);
  return [
    ...rates("planning exact chunks", time.chunks, "a bare read", time.read),
    ...rates("planning exact chunks", time.chunks, "wc -l", time.wc),
    ...rates("finding every record", time.scan, "a bare read", time.read),
    ...rates("each field as a string", texts.fields, "csv-parse", texts.parse, { faster }),
    ...rates("each field as a string", texts.fields, "csv-parse's stream", texts.stream),
  ];
}

/** Each record must be looked at, or an engine may leave it out. */
const seen = { size: 0 };
const look = (record: unknown): void => {
  seen.size += typeof record === "string" ? record.length : 1;
};
const lookAtFields = (fields: readonly string[]): void => {
  for (const field of fields) seen.size += field.length;
};

type Read<T> = (take: (record: T) => void) => Promise<void>;

/** Both ways of reading must give the same records, each field as text. */
async function checkSame<T>(what: string, ours: Read<T>, theirs: Read<T>): Promise<void> {
  checkEqual(what, await hashOf(ours), await hashOf(theirs));
}

async function hashOf<T>(read: Read<T>): Promise<string> {
  const hash = createHash("sha256");
  let records = 0;
  await read((record) => {
    hash.update(`${JSON.stringify(record)}\n`);
    records++;
  });
  return `${records} records ${hash.digest("hex")}`;
}

function checkEqual(what: string, ...found: readonly (string | number)[]): void {
  if (new Set(found).size > 1) throw new Error(`${what}: ${found.join(" and ")} differ; the sides don't do the same.`);
}

function checkChunks(
  what: string,
  chunks: readonly { readonly from: number; readonly to: number }[],
  size: number,
): void {
  let at = 0;
  for (const { from, to } of chunks) {
    if (from !== at || to <= from) throw new Error(`${what}: a chunk from ${from} to ${to} doesn't follow on ${at}.`);
    at = to;
  }
  if (at !== size || chunks.length < 2)
    throw new Error(`${what}: ${chunks.length} chunks end at ${at} of ${size} bytes.`);
}

async function countLines(path: string): Promise<number> {
  const { stdout } = await run("wc", ["-l", path]);
  return Number.parseInt(stdout, 10);
}

/** The rate beside another's, and where there is a bar, the times that it speaks of. */
function ratesOf(format: string, bytes: number) {
  return (
    name: string,
    ours: Timing,
    other: string,
    theirs: Timing,
    limit: { readonly slower?: number; readonly faster?: number } = {},
  ): Figure[] => {
    const rate = ({ median, spread }: Timing) => ({ value: bytes / 1_000 / median, spread });
    const bar: { bar?: Bar } = limit.faster === undefined ? {} : { bar: atLeastTimes(limit.faster) };
    const figures: Figure[] = [
      {
        name: `${format}: ${name}`,
        ...rate(ours),
        unit: "MB/s",
        baseline: { name: `MB/s by ${other}`, ...rate(theirs) },
        ...bar,
      },
    ];
    if (limit.slower !== undefined) {
      figures.push({
        name: `${format}: ${name}, time`,
        value: ours.median,
        spread: ours.spread,
        unit: "ms",
        baseline: { name: `ms for ${other}`, value: theirs.median, spread: theirs.spread },
        bar: atMostTimes(limit.slower),
      });
    }
    return figures;
  };
}

const SMALL_RUNS = 3;

/** The highest resident memory of a worker's process, with a little input and with much. */
async function memoryFigures(folder: string, say: Say): Promise<Figure[]> {
  const worker = await bundled("file-worker");
  const outdir = join(folder, "lambdas");
  await bundle(ROOT, { outdir, names: ["app"] });
  const measure = async (file: DataFile): Promise<number> => {
    const began = performance.now();
    const { stdout } = await run(process.execPath, [worker, file.path, join(outdir, "app", "thread.mjs")]);
    const work = JSON.parse(stdout) as FileWork;
    const seconds = (performance.now() - began) / 1_000;
    say(
      `memory: ${mib(file.bytes)} MiB take ${mib(work.maxRss)} MiB, ${(file.bytes / MIB / seconds).toFixed(0)} MiB/s`,
    );
    // The header isn't in the chunk; a field is quoted by need, as it was in the input.
    const header = "id,state,note,amount\n".length;
    if (work.bytesRead + header !== file.bytes || work.bytesWritten !== work.bytesRead)
      throw new Error(`The worker read ${work.bytesRead} and wrote ${work.bytesWritten} of ${file.bytes} bytes.`);
    return work.maxRss / MIB;
  };
  const small = await writeData(join(folder, "small.csv"), csvData(SMALL_MIB * MIB));
  const low: number[] = [];
  for (let n = 0; n < SMALL_RUNS; n++) low.push(await measure(small));
  const large = await writeData(join(folder, "large.csv"), csvData(LARGE_MIB * MIB));
  const high = await measure(large);
  const least = Math.min(...low);
  return [
    {
      name: `memory of a worker that reads and writes ${LARGE_MIB} MiB of CSV`,
      value: high,
      unit: "MiB",
      baseline: { name: `MiB for ${SMALL_MIB} MiB, the least of ${SMALL_RUNS} runs`, value: least },
      bar: atMostTimes(1.2),
    },
    { name: "the same, in all", value: high, unit: "MiB", bar: atMost(256) },
  ];
}

const mib = (bytes: number): string => (bytes / MIB).toFixed(0);
