import {
  type ByteChunk,
  ChunkCutter,
  ExactChunker,
  nominalChunks,
  planCuts,
  type SizingConfig,
} from "../../core/chunks/index.ts";
import type { InputFormat } from "../../core/contracts/parts.ts";
import { fromErrorData } from "../../core/errors.ts";
import { readCsvHeader } from "../../core/records/index.ts";
import type { AppDefinition, ReducerDefinition } from "./contract.ts";
import { tableText } from "./encode.ts";
import { CHUNK, type HandConfig, type Rejection, type TaskOutcome, type TaskSpec } from "./messages.ts";
import { bindReducer } from "./reducer.ts";
import type { Block } from "./thread/content.ts";
import { TaskRunner } from "./thread/task-runner.ts";

export interface LocalOptions {
  readonly input: string | Uint8Array;
  readonly params?: unknown;
  /** How the input's records are told apart. @default lines */
  readonly format?: InputFormat["format"];
  /** csv. @default "," */
  readonly delimiter?: string;
  /** csv: the first record names the columns. @default true */
  readonly header?: boolean;
  /** @default one chunk per 64 MiB */
  readonly sizing?: SizingConfig;
  /** How records are written and joined. @default csv for a reducer, else bytes */
  readonly output?: "bytes" | "csv" | "ndjson" | "json";
  /** Name of the source as the app sees it. @default "input" */
  readonly source?: string;
}

export interface LocalResult {
  /** The joined output. */
  readonly output: Buffer;
  /** Each task's result files, in order. */
  readonly results: readonly { readonly ordinal: number; readonly name: string; readonly bytes: Buffer }[];
  /** Items that apps left out, by task. */
  readonly rejections: readonly (Rejection & { readonly ordinal: number })[];
  readonly chunks: number;
}

/**
 * Runs partition → app → assemble on a small input, in this process, without cloud or thread: what a unit test of an app
 * wants. A task that fails throws its error.
 *
 * @example
 * const { output } = await runLocally(app, { input: "a,b\n1,2\n", format: "csv", params: {} });
 * @throws JobJobError of the first task that failed, or of an input that can't be cut
 */
export async function runLocally<P, A, R>(
  app: AppDefinition<P> | ReducerDefinition<P, A, R>,
  options: LocalOptions,
): Promise<LocalResult> {
  const bytes = typeof options.input === "string" ? Buffer.from(options.input) : Buffer.from(options.input);
  const { format = "lines", delimiter = ",", header = true } = options;
  const input: InputFormat = format === "csv" ? { format, delimiter, header, quotedNewlines: "auto" } : { format };
  const head = format === "csv" && header ? readCsvHeader(bytes, { atEnd: true, delimiter }) : null;
  const found = head === "more" ? null : head;
  const chunks = cut(bytes, input, found?.end ?? 0, options.sizing ?? {});
  const outputFormat = options.output ?? (app.kind === "reducer" ? "csv" : "bytes");
  const config: HandConfig = {
    jobId: "local",
    app: "local",
    params: options.params ?? {},
    input,
    resultFormat: app.kind === "reducer" ? "accumulator" : outputFormat,
    taskCount: chunks.length,
    taskTimeoutMs: 840_000,
  };
  const runner = new TaskRunner(app, config);
  const results: { ordinal: number; name: string; bytes: Buffer }[] = [];
  const rejections: (Rejection & { ordinal: number })[] = [];
  let headerLine: string | null = null;
  for (const [ordinal, chunk] of chunks.entries()) {
    if (chunk.from === chunk.to) continue;
    const spec: TaskSpec = {
      ordinal,
      attempt: 1,
      size: chunk.to - chunk.from,
      source: options.source ?? "input",
      header: found ? bytes.toString("utf8", found.start, found.end).replace(/\r?\n$/, "") : null,
      headerInside: false,
      objects: [],
      ranges: [],
      replica: null,
    };
    const outcome = await runTask(runner, spec, bytes, chunk, results);
    if (outcome.error) throw fromErrorData(outcome.error);
    rejections.push(...outcome.rejections.map((rejection) => ({ ...rejection, ordinal })));
    headerLine ??= outcome.header;
  }
  const output =
    app.kind === "reducer" ? reduce(app, config, results, outputFormat) : join(results, outputFormat, headerLine);
  return { output, results, rejections, chunks: chunks.length };
}

async function runTask(
  runner: TaskRunner,
  spec: TaskSpec,
  bytes: Buffer,
  chunk: ByteChunk,
  results: { ordinal: number; name: string; bytes: Buffer }[],
): Promise<TaskOutcome> {
  async function* blocks(): AsyncGenerator<Block> {
    yield { bytes: bytes.subarray(chunk.from, chunk.to), offset: chunk.from, release: () => undefined };
  }
  const pieces = new Map<number, { name: string; parts: Uint8Array[] }>();
  const ignore = () => undefined;
  const outcome = await runner.run(spec, {
    blocks: (object) => (object === CHUNK ? blocks() : none()),
    log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    emit: async (result, name, part) => {
      const file = pieces.get(result) ?? { name, parts: [] };
      file.parts.push(part);
      pieces.set(result, file);
    },
  });
  for (const [, { name, parts }] of [...pieces].sort(([a], [b]) => a - b)) {
    results.push({ ordinal: spec.ordinal, name, bytes: Buffer.concat(parts) });
  }
  return outcome;
}

async function* none(): AsyncGenerator<Block> {}

/** The chunks that the deployment's partitioners make. */
function cut(bytes: Buffer, input: InputFormat, start: number, config: SizingConfig): ByteChunk[] {
  const plan = planCuts({ size: bytes.length, start, config });
  if (plan.count === 0) return [];
  if (input.format === "csv") {
    const chunker = new ExactChunker({ plan, delimiter: input.delimiter });
    return [...chunker.push(bytes.subarray(start)), ...chunker.end()];
  }
  const nominal = [...nominalChunks(plan)];
  const cutter = new ChunkCutter({ format: input.format, chunks: nominal, size: bytes.length });
  const events = [...cutter.push(bytes.subarray(cutter.readFrom)), ...cutter.end()];
  return events.flatMap((event) => (event.type === "end" ? [{ from: event.start, to: event.end, exact: true }] : []));
}

function join(results: LocalResult["results"], format: string, header: string | null): Buffer {
  const bytes = Buffer.concat(results.map((result) => result.bytes));
  if (format === "csv") return Buffer.concat([Buffer.from(header ?? ""), bytes]);
  if (format !== "json") return bytes;
  return Buffer.concat([Buffer.from("["), bytes.subarray(1), Buffer.from(bytes.length > 0 ? "\n]\n" : "]\n")]);
}

function reduce<P, A, R>(
  app: ReducerDefinition<P, A, R>,
  config: HandConfig,
  results: LocalResult["results"],
  format: string,
): Buffer {
  const reducer = bindReducer(app, config.params);
  let merged = reducer.init();
  for (const { bytes } of results) merged = reducer.merge(merged, reducer.parse(bytes.toString()));
  const table = tableText(reducer.finish(merged), format === "ndjson" || format === "json" ? format : "csv");
  return Buffer.from([...table].join(""));
}
