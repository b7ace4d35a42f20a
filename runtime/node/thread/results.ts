import type { InputFormat } from "../../../core/contracts/parts.ts";
import type { ResultFormat } from "../../../core/contracts/worker.ts";
import { PermanentError, RecordSet, type Results } from "../contract.ts";
import { RecordEncoder, type RecordEncoding, toJson } from "../encode.ts";
import { eachRecord } from "../records.ts";

/** Takes the pieces of result files; waits while too much is on its way. */
export type Emit = (result: number, name: string, bytes: Uint8Array<ArrayBuffer>, last: boolean) => Promise<void>;

/** Text is gathered to about this size before it is sent; bytes are cut to it. */
const PIECE_BYTES = 128 * 1024;
/** S3 keys hold 1,024 bytes; what stands in front of a name is the destination's affair. */
const MAX_NAME_BYTES = 1_000;

/** Normalises what an app writes or returns, as the job's result format says, and sends it on in pieces. */
export class TaskResults implements Results {
  readonly #format: ResultFormat;
  readonly #input: InputFormat;
  readonly #emit: Emit;
  readonly #names = new Set<string>();
  #header: string | null = null;

  constructor(options: { readonly format: ResultFormat; readonly input: InputFormat; readonly emit: Emit }) {
    this.#format = options.format;
    this.#input = options.input;
    this.#emit = options.emit;
  }

  /** The header line of the csv records written so far. */
  get header(): string | null {
    return this.#header;
  }

  write(name: string, data: unknown): Promise<void> {
    checkName(name);
    return this.#write(name, data);
  }

  /** What `run` returned becomes `result.<extension>`; undefined is no result. */
  async writeReturned(value: unknown): Promise<void> {
    if (value !== undefined) await this.#write(null, value);
  }

  /** A reducer's accumulator. */
  async writeAccumulator(json: string): Promise<void> {
    const out = this.#open("accumulator.json");
    await out.text(json);
    await out.end();
  }

  async #write(name: string | null, data: unknown): Promise<void> {
    if (this.#format === "accumulator") {
      throw new PermanentError(
        "The assembler reduce takes what a reducer returns; use defineReducer, or another assembler.",
        {
          code: "RESULT_FORMAT",
        },
      );
    }
    if (data instanceof RecordSet) return this.#writeRows(name, data);
    const raw = asBytes(data);
    if (raw !== null) {
      const isText = typeof data === "string";
      if (this.#format !== "bytes") {
        if (isText && this.#format !== "csv") return this.#writeRecords(name, [data]);
        throw this.#needsRecords(isText ? "text" : "bytes");
      }
      const out = this.#open(name ?? (isText ? "result.txt" : "result.bin"));
      await out.bytes(raw);
      return out.end();
    }
    if (isIterable(data) && !(Array.isArray(data) && this.#format === "bytes")) return this.#writeStream(name, data);
    if (this.#format !== "bytes") return this.#writeRecords(name, [data]);
    const out = this.#open(name ?? "result.json");
    await out.text(`${toJson(data)}\n`);
    return out.end();
  }

  /** Blocks of bytes or text, or records: the first item tells. */
  async #writeStream(name: string | null, data: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    if (this.#format !== "bytes") return this.#writeRecords(name, data);
    let out: ResultOut | undefined;
    for await (const item of rest(data)) {
      if (out === undefined && asBytes(item.value) === null) return this.#writeRecords(name, item.all());
      out ??= this.#open(name ?? (typeof item.value === "string" ? "result.txt" : "result.bin"));
      const bytes = asBytes(item.value);
      if (bytes === null)
        throw new PermanentError("A result stream began with bytes or text and then gave a record; give one kind.");
      await out.bytes(bytes);
    }
    await (out ?? this.#open(name ?? "result.bin")).end();
  }

  async #writeRecords(name: string | null, data: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    const encoder = new RecordEncoder(this.#encoding, { delimiter: this.#delimiter });
    const out = this.#open(name ?? this.#recordsName);
    await eachRecord(data, (record) => {
      if (record instanceof Uint8Array) throw this.#needsRecords("bytes");
      return out.add(encoder.record(record));
    });
    await this.#close(out, encoder);
  }

  async #writeRows(name: string | null, set: RecordSet): Promise<void> {
    const encoder = new RecordEncoder(this.#encoding, { columns: set.columns, delimiter: this.#delimiter });
    const out = this.#open(name ?? this.#recordsName);
    await eachRecord(set.rows, (row) => out.add(encoder.row(row)));
    await this.#close(out, encoder);
  }

  async #close(out: ResultOut, encoder: RecordEncoder): Promise<void> {
    await out.text(encoder.end());
    const { header } = encoder;
    if (this.#format === "csv" && header !== null) {
      if (this.#header !== null && this.#header !== header) {
        throw new PermanentError(
          `Two results of this task have different CSV headers, ${this.#header.trimEnd()} and ${header.trimEnd()}; give all records the same fields.`,
          { code: "HEADER_DIFFERS" },
        );
      }
      this.#header = header;
    }
    await out.end();
  }

  /** Where results aren't merged by record, each file is complete and like the input. */
  get #encoding(): RecordEncoding {
    if (this.#format === "csv" || this.#format === "json") return this.#format;
    return this.#format === "bytes" && this.#input.format === "csv" ? "csv-file" : "ndjson";
  }
  get #delimiter(): string | undefined {
    return this.#encoding === "csv-file" ? this.#input.delimiter : undefined;
  }
  get #recordsName(): string {
    const encoding = this.#encoding;
    return `result.${encoding === "csv-file" ? "csv" : encoding}`;
  }

  #needsRecords(what: string): PermanentError {
    return new PermanentError(
      `The app gave ${what}, and the job's assembler takes records (${this.#format}); return records, or choose the assembler concat, zip or passthrough.`,
      { code: "RESULT_FORMAT" },
    );
  }

  #open(name: string): ResultOut {
    if (this.#names.has(name)) {
      throw new PermanentError(`The result "${name}" was written twice by one task; give each result its own name.`, {
        code: "RESULT_NAME",
      });
    }
    this.#names.add(name);
    return new ResultOut(this.#names.size - 1, name, this.#emit);
  }
}

/** One result file on its way: gathers small writes, holds one piece back so that the last one can say so. */
class ResultOut {
  readonly #number: number;
  readonly #name: string;
  readonly #emit: Emit;
  #text = "";
  #held: Uint8Array<ArrayBuffer> | null = null;

  constructor(number: number, name: string, emit: Emit) {
    this.#number = number;
    this.#name = name;
    this.#emit = emit;
  }

  /** Adds text; a promise only when a piece was sent: records come by the million. */
  add(text: string): Promise<void> | undefined {
    this.#text += text;
    return this.#text.length >= PIECE_BYTES ? this.#flush() : undefined;
  }
  async text(text: string): Promise<void> {
    await this.add(text);
  }
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.#flush();
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      // A copy: what is transferred is gone for the app.
      await this.#send(new Uint8Array(bytes.subarray(at, at + PIECE_BYTES)));
    }
  }
  async end(): Promise<void> {
    await this.#flush();
    await this.#emit(this.#number, this.#name, this.#held ?? new Uint8Array(0), true);
  }

  async #flush(): Promise<void> {
    if (this.#text === "") return;
    const text = this.#text;
    this.#text = "";
    await this.#send(utf8(text));
  }
  async #send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const held = this.#held;
    this.#held = bytes;
    if (held) await this.#emit(this.#number, this.#name, held, false);
  }
}

const encoder = new TextEncoder();
/** In a buffer of its own, since it will be transferred. */
function utf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text);
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

function asBytes(data: unknown): Uint8Array | null {
  if (typeof data === "string") return utf8(data);
  if (data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : null;
}

function isIterable(data: unknown): data is Iterable<unknown> | AsyncIterable<unknown> {
  return typeof data === "object" && data !== null && (Symbol.asyncIterator in data || Symbol.iterator in data);
}

interface Item {
  readonly value: unknown;
  /** This item and all that follow, for a consumer that takes over. */
  all(): AsyncIterable<unknown>;
}
async function* rest(data: Iterable<unknown> | AsyncIterable<unknown>): AsyncGenerator<Item> {
  const iterator = Symbol.asyncIterator in data ? data[Symbol.asyncIterator]() : data[Symbol.iterator]();
  for (;;) {
    const next = await iterator.next();
    if (next.done) return;
    yield {
      value: next.value,
      async *all() {
        yield next.value;
        for (let item = await iterator.next(); !item.done; item = await iterator.next()) yield item.value;
      },
    };
  }
}

function checkName(name: unknown): asserts name is string {
  const fits =
    typeof name === "string" &&
    name !== "" &&
    encoder.encode(name).length <= MAX_NAME_BYTES &&
    !/\p{Cc}/u.test(name) &&
    name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  if (!fits) {
    throw new PermanentError(
      `${JSON.stringify(name)} can't name a result: give 1 to ${MAX_NAME_BYTES} bytes of text, folders divided by "/", without control characters, empty, "." or ".." parts.`,
      { code: "RESULT_NAME" },
    );
  }
}
