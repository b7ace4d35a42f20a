/**
 * A worker as app λ has it (its windows, its thread, its writers) with a file in the place of S3: one task that reads all of
 * a CSV file and writes its records again. To be run as a process of its own:
 *
 *     node file-worker.mjs FILE THREAD
 *
 * THREAD is the deployed bundle of app λ's thread. Prints `FileWork` as JSON.
 */
import { type FileHandle, open } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { CapturedLog, MemoryObjectStore } from "../../adapters/memory/index.ts";
import { claimIndex, type WorkSpec } from "../../core/contracts/worker.ts";
import { childInput, workerResult } from "../../core/contracts/workflow.ts";
import type { ByteRange, Place, UploadedPart } from "../../core/ports/index.ts";
import { NodeWorker } from "../../runtime/node/worker/node-worker.ts";

export interface FileWork {
  /** Highest resident memory of the process, bytes. */
  readonly maxRss: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

const BUCKET = "bench";
const INPUT = "input.csv";
const HEAD_BYTES = 4 * 1024;
const LAMBDA_MIB = 1_769;

/** Gives the file as an object, and drops the parts of what is written. */
class FileStore extends MemoryObjectStore {
  readonly #file: FileHandle;
  bytesWritten = 0;

  constructor(file: FileHandle) {
    super({ buckets: [BUCKET] });
    this.#file = file;
  }

  override async get(place: Place, options: { readonly range?: ByteRange; readonly ifMatch?: string } = {}) {
    if (place.key !== INPUT || !options.range) return super.get(place, options);
    const { from, to } = options.range;
    const bytes = new Uint8Array(to - from);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await this.#file.read(bytes, at, bytes.length - at, from + at);
      if (bytesRead === 0) throw new Error(`The file ends before byte ${to}.`);
      at += bytesRead;
    }
    return bytes;
  }

  override async uploadPart(_: Place, __: string, partNumber: number, body: Uint8Array): Promise<UploadedPart> {
    this.bytesWritten += body.length;
    return { partNumber, etag: '"part"' };
  }

  override async completeUpload(): Promise<{ readonly etag: string }> {
    return { etag: '"whole"' };
  }
}

async function run(path: string, thread: string): Promise<FileWork> {
  const file = await open(path);
  const { size } = await file.stat();
  const head = Buffer.alloc(HEAD_BYTES);
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0);
  const start = head.subarray(0, bytesRead).indexOf("\n") + 1;
  const objects = new FileStore(file);
  const header = head.toString("utf8", 0, start - 1);
  const sources = await putLine(objects, "sources", { b: BUCKET, k: INPUT, e: '"file"', z: size, h: header });
  const index = await putLine(objects, "index", { s: 0, f: start, t: size, x: 1 });
  const block = (name: string) => ({ name, version: "1.0", revision: 1 });
  const spec: WorkSpec = {
    ...{ v: 1, jobId: "bench", owner: "bench", run: 1, round: 1, generation: 0, bucket: BUCKET },
    app: block("select"),
    assembler: block("csv"),
    params: { app: {}, assembler: {} },
    input: { format: "csv", delimiter: ",", header: true, quotedNewlines: "auto" },
    resultFormat: "csv",
    ...{ sources: "sources", index: "index", sourceRoot: "", taskCount: 1, taskTimeoutMs: 800_000, hint: "hint" },
  };
  await objects.put({ bucket: BUCKET, key: "work" }, JSON.stringify(spec));
  const worker = new NodeWorker({
    ...{ objects, clock: { now: Date.now }, log: new CapturedLog(), bucket: BUCKET, workerId: "bench" },
    ...{ thread: pathToFileURL(thread), memoryMiB: LAMBDA_MIB },
  });
  const policy = { attempts: 1, initialMs: 0, rate: 1, maxMs: 0, failFast: false, tolerated: 0, total: 1, gates: 1 };
  const input = childInput.parse({
    ...{ jobId: "bench", owner: "bench", run: 1, round: 1, work: "work", generation: 0, policy },
    b: { n: 0, first: 0, count: 1, index: [0, index], sources: [0, 0, sources] },
    hand: { next: "again", claim: 1, tasks: "0", attempts: [], cautious: false, rounds: 0 },
  });
  const answer = await worker.run(input, { requestId: "bench", remaining: () => 900_000 });
  await worker.close();
  await file.close();
  const { indexKey, maxRss } = workerResult.parse(answer);
  const report = claimIndex.parse(JSON.parse(objects.text({ bucket: BUCKET, key: indexKey }) ?? ""));
  const [task] = report.tasks;
  if (task?.x !== "C") throw new Error(`The task ended as ${task?.x}: ${task?.e?.message}`);
  return { maxRss, bytesRead: report.stats.downloadBytes, bytesWritten: objects.bytesWritten };
}

async function putLine(objects: MemoryObjectStore, key: string, line: object): Promise<number> {
  const text = `${JSON.stringify(line)}\n`;
  await objects.put({ bucket: BUCKET, key }, text);
  return Buffer.byteLength(text);
}

const [path = "", thread = ""] = process.argv.slice(2);
console.log(JSON.stringify(await run(path, thread)));
