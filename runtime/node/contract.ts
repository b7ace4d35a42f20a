/**
 * The Node contract of building blocks: what an app's or a reducer's code gets and gives back. The same for the built-in
 * blocks and for a user's.
 */

import type { NumberSpan } from "../../core/chunks/index.ts";

/** A cell or a JSON value. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Anything with zod's `safeParse`, or a JSON Schema object. */
export interface ParamsParser<P> {
  safeParse(value: unknown):
    | { readonly success: true; readonly data: P }
    | {
        readonly success: false;
        readonly error: {
          readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
        };
      };
}
export type ParamsSchema<P> = ParamsParser<P> | { readonly [keyword: string]: unknown };

/** What can be read of a chunk or of one object of it. A content can be read once; `text` and `file` may be called again. */
export interface Content {
  /** The bytes as a stream of blocks; a block may be kept. */
  bytes(): AsyncIterable<Uint8Array>;
  /** All of it, strict UTF-8. @throws PermanentError INVALID_UTF8 */
  text(): Promise<string>;
  /** Lines without their terminator ("\n" or "\r\n"). */
  lines(): AsyncIterable<string>;
  /**
   * CSV: objects by column name, values are strings; a record with another number of fields is rejected (the task becomes
   * PARTIAL). NDJSON: the parsed values; a line that is no JSON is rejected. `lines`: `{line}`.
   */
  records(): AsyncIterable<Record<string, unknown>>;
  /** CSV: the fields of each record, in the order of `columns`; records that don't fit the header are rejected. */
  rows(): AsyncIterable<readonly string[]>;
  /** Path of a temporary file with the content; it is gone when the task ends. */
  file(): Promise<string>;
}

/** One object of an `objects` chunk. */
export interface ChunkObject extends Content {
  /** Relative to the root of the source. */
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

export interface Chunk extends Content {
  /** Ordinal of the task, from 0. */
  readonly index: number;
  /** Bytes; of a chunk whose edges are only found while it is read, the planned size. */
  readonly size: number;
  /** CSV with a header: the names of the columns. Else null. */
  readonly columns: readonly string[] | null;
  /** CSV: what stands between two fields. */
  readonly delimiter: string;
  /** How records are told apart. */
  readonly format: "bytes" | "lines" | "ndjson" | "csv";
  /** Key of the object the bytes come from, relative to the root of the source; null for generators and sets of objects. */
  readonly source: string | null;
  /** The objects of an `objects` chunk; else empty. */
  readonly objects: readonly ChunkObject[];
  /** Whole numbers of a `range` chunk, both ends included; else empty. Its content is the numbers, one a line. */
  readonly ranges: readonly NumberSpan[];
  /** The numbers of `ranges`, or of a replica its own. */
  numbers(): Iterable<number>;
}

/** What an app may write or return: bytes, text, a stream of either, records, or a JSON value. */
export type ResultData = unknown;

export interface Results {
  /** A result file; names are unique within the task and may hold "/". */
  write(name: string, data: ResultData): Promise<void>;
}

export interface TaskInfo {
  readonly jobId: string;
  /** From 0. */
  readonly ordinal: number;
  /** From 1. */
  readonly attempt: number;
  /** Tasks of the job. */
  readonly count: number;
}

export interface TaskLog {
  debug(message: string, data?: Readonly<Record<string, unknown>>): void;
  info(message: string, data?: Readonly<Record<string, unknown>>): void;
  warn(message: string, data?: Readonly<Record<string, unknown>>): void;
  error(message: string, data?: Readonly<Record<string, unknown>>): void;
}

export interface Context<P> {
  readonly params: P;
  readonly log: TaskLog;
  /** Aborted shortly before the task's time is up. */
  readonly signal: AbortSignal;
  readonly results: Results;
  /** Leaves one item out, with its reason; the task ends as PARTIAL. */
  reject(item: unknown, reason: string): void;
  readonly task: TaskInfo;
}

/** Fails the task without another attempt. */
export class PermanentError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;
  constructor(
    message: string,
    options: { readonly code?: string; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message);
    this.name = "PermanentError";
    this.code = options.code ?? "APP_ERROR";
    this.details = options.details;
  }
}

export interface AppDefinition<P = Record<string, unknown>> {
  readonly kind: "app";
  readonly params?: ParamsSchema<P>;
  /** Returns nothing, or what becomes the task's result (see `ResultData`). */
  run(chunk: Chunk, context: Context<P>): unknown;
}

/** Records with named columns: the CSV header is known even when there are none. */
export class RecordSet {
  readonly columns: readonly string[];
  /** Rows of cells in the order of `columns`. */
  readonly rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>;
  constructor(columns: readonly string[], rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>) {
    this.columns = columns;
    this.rows = rows;
  }
}

/** One JSON value as text: numbers keep every digit. */
export class RawJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The outcome of a reduction: a table whose cells are text; `number` cells hold a JSON number's text or "" (null). */
export interface ReduceTable {
  readonly columns: readonly string[];
  readonly types: readonly ("text" | "number")[];
  readonly rows: Iterable<readonly string[]>;
}

/**
 * An app and an assembler in one. Accumulators are merged as a tree fixed by the ordinals; `merge` must be associative and
 * may change and return its first argument. Without `toJson`/`fromJson` the accumulator itself must be a JSON value.
 */
export interface ReducerDefinition<P, A, R> {
  readonly kind: "reducer";
  readonly params?: ParamsSchema<P>;
  /** What is added: `chunk.records()` unless given. */
  read?(chunk: Chunk, context: Context<P>): AsyncIterable<R> | Iterable<R>;
  init(params: P): A;
  /** Adds one record; returns the accumulator, or nothing when it changed the given one. */
  add(accumulator: A, record: R, context: Context<P>): A | undefined;
  merge(first: A, second: A, params: P): A;
  finish(accumulator: A, params: P): ReduceTable;
  toJson?(accumulator: A): JsonValue;
  fromJson?(value: unknown): A;
}

/** A reducer with its params bound, as the `reduce` assembler uses it. Accumulators are opaque. */
export interface Reducer {
  init(): unknown;
  /** @throws JobJobError ACCUMULATOR_INVALID */
  parse(text: string): unknown;
  /** One JSON document; the same accumulator gives the same bytes. */
  serialise(accumulator: unknown): string;
  merge(first: unknown, second: unknown): unknown;
  finish(accumulator: unknown): ReduceTable;
}

// biome-ignore lint/suspicious/noExplicitAny: the registry holds blocks of every param and accumulator type
export type AnyBlock = AppDefinition<any> | ReducerDefinition<any, any, any>;

export function defineApp<P = Record<string, unknown>>(definition: Omit<AppDefinition<P>, "kind">): AppDefinition<P> {
  return { kind: "app", ...definition };
}

export function defineReducer<P, A, R = Record<string, unknown>>(
  definition: Omit<ReducerDefinition<P, A, R>, "kind">,
): ReducerDefinition<P, A, R> {
  return { kind: "reducer", ...definition };
}
