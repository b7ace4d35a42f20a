import * as z from "zod";
import {
  type ByteChunk,
  type CutPlan,
  cutAt,
  ExactChunker,
  type ExactChunkerState,
  planCuts,
  type SizingConfig,
} from "../chunks/index.ts";
import type { InputFormat } from "../contracts/parts.ts";
import type { PartitionMethod } from "./method.ts";

export type ByteMethod = Extract<PartitionMethod, { readonly kind: "whole" | "bytes" | "records" }>;

/** Where the cutting of one source stands: the next nominal chunk, or the scan's state. Plain JSON. */
export const cutterState = z.object({
  k: z.int().min(0),
  scan: z
    .object({
      position: z.int(),
      mode: z.custom<ExactChunkerState["mode"]>((value) => Number.isInteger(value)),
      recordStart: z.int(),
      chunkStart: z.int(),
      cut: z.int(),
      finished: z.boolean(),
    })
    .optional(),
});
export type CutterState = z.infer<typeof cutterState>;

/** Nominal chunks handed out at once: between two handfuls the budget is looked at. */
const HANDFUL = 1_000;

/**
 * The chunks of one source, a handful at a time, so that a source of 10 million chunks never stands in memory. After each
 * handful `state()` says where another claim may go on. An empty source, or one without a record, has no chunk.
 */
export class SourceCutter {
  readonly #plan: CutPlan;
  readonly #exact: boolean;
  readonly #scan: ExactChunker | undefined;
  #k: number;

  /** @param source its size, and where its records begin */
  constructor(
    method: ByteMethod,
    source: { readonly size: number; readonly start: number },
    options: { readonly firstOnly: boolean; readonly state?: CutterState | undefined },
  ) {
    const { size, start } = source;
    this.#plan = planCuts({ size, start, config: sizingOf(method, size), fixed: method.kind === "bytes" });
    this.#exact = method.kind !== "records";
    this.#k = options.state?.k ?? 0;
    if (method.kind === "records" && isScanned(method.input)) {
      const { delimiter, maxRecordBytes } = method.input;
      const how = { plan: this.#plan, delimiter, maxRecordBytes, firstOnly: options.firstOnly };
      const state = options.state?.scan;
      this.#scan = state ? ExactChunker.resume(state, how) : new ExactChunker(how);
    }
  }

  /** Chunks there will be: exactly, or at most where records decide. */
  get expected(): number {
    return this.#plan.count;
  }

  /** Whether it reads the source to find its chunks. */
  get scans(): boolean {
    return this.#scan !== undefined;
  }

  state(): CutterState {
    return { k: this.#k, ...(this.#scan ? { scan: this.#scan.state() } : {}) };
  }

  /** @param read the source's bytes from an offset on; only a scan reads */
  async *chunks(read: (from: number) => AsyncIterable<Uint8Array>): AsyncGenerator<readonly ByteChunk[]> {
    if (this.#scan) {
      yield* this.#scanned(this.#scan, read);
      return;
    }
    while (this.#k < this.#plan.count) {
      const chunks: ByteChunk[] = [];
      const to = Math.min(this.#plan.count, this.#k + HANDFUL);
      for (let k = this.#k; k < to; k++) {
        chunks.push({ from: cutAt(this.#plan, k), to: cutAt(this.#plan, k + 1), exact: this.#exact });
      }
      this.#k = to;
      yield chunks;
    }
  }

  async *#scanned(scan: ExactChunker, read: (from: number) => AsyncIterable<Uint8Array>) {
    if (scan.done) return;
    if (scan.position < this.#plan.size) {
      for await (const block of read(scan.position)) {
        yield scan.push(block);
        if (scan.done) return;
      }
    }
    yield scan.end();
  }
}

function sizingOf(method: ByteMethod, size: number): SizingConfig {
  return method.kind === "whole" ? { chunks: 1, minChunkSize: size, maxChunkSize: size } : method.sizing;
}

/** A CSV source may hide newlines in quotes: unless it's said not to, it is read once to find the edges. */
const isScanned = (input: InputFormat): boolean => input.format === "csv" && input.quotedNewlines !== "never";
