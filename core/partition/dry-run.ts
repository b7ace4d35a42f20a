import { ObjectGrouper, relativeKey } from "../chunks/index.ts";
import type { ChunkLine } from "../contracts/chunk-index.ts";
import type { SpecItem } from "../contracts/job-items.ts";
import { InvalidInputError } from "../errors.ts";
import type { Clock, ObjectInfo } from "../ports/index.ts";
import { packedText, plainText } from "./dry-run-text.ts";
import { methodOf, needsSource, type PartitionMethod } from "./method.ts";
import { byteLine, generated } from "./partitioning.ts";
import type { TextHead } from "./probe.ts";
import { inSource } from "./read-source.ts";
import { resolveSource, type SourceContext, sourceObjects } from "./source.ts";
import { SourceCutter } from "./source-cutter.ts";
import { acceptor, holdsFirstChunk, preparedRow, probeObjects } from "./source-table.ts";

export interface DryRunContext extends SourceContext {
  readonly clock: Clock;
}

export interface DryRunSpec extends Pick<SpecItem, "owner" | "dataSource" | "params" | "config" | "blocks"> {
  readonly jobId: string;
}

/** A chunk that would be made, as the index would hold it. */
export interface DryRunChunk {
  readonly index: number;
  /** The object's key relative to the source's root; null for generators. Of a set: the first one's. */
  readonly source: string | null;
  /** Bytes [from, to) of it; nominal where records are cut without a scan: workers move the edges to the next record. */
  readonly from?: number;
  readonly to?: number;
  /** Objects of a set. */
  readonly objects?: number;
  /** Spans of numbers, inclusive. */
  readonly numbers?: readonly (readonly number[])[];
  readonly replica?: number;
}

export interface DryRun {
  /** Chunks in all. */
  readonly tasks: number;
  /** False: an estimate (the input is over 1 GiB and would have to be read, or the time ran out). */
  readonly exact: boolean;
  /** Bytes that lie in chunks, as far as they are known. */
  readonly bytes: number;
  readonly sources: number;
  /** The first ones, exact. */
  readonly chunks: readonly DryRunChunk[];
}

/** Bytes of input that are read at most: at 78 MB/s about 14 s. */
const READ_LIMIT = 1024 ** 3;
/** An API call has 29 s. */
const BUDGET_MS = 20_000;

/**
 * The chunks that a job would be cut into. Nothing is written and nothing started.
 * @throws JobJobError what prepare and partition would throw
 */
export async function dryRunPartition(
  ctx: DryRunContext,
  spec: DryRunSpec,
  options: { readonly limit?: number; readonly budgetMs?: number } = {},
): Promise<DryRun> {
  const method = methodOf(spec);
  const run = new Rehearsal(ctx, spec, method, {
    limit: options.limit ?? 1_000,
    deadline: ctx.clock.now() + (options.budgetMs ?? BUDGET_MS),
  });
  const source =
    needsSource(method) === "none" ? { kind: "none" as const } : await resolveSource(ctx, spec, spec.dataSource);
  if (source.kind !== "none") return run.objects(source);
  if (needsSource(method) === "required") {
    throw new InvalidInputError("dataSource", `the partitioner ${spec.blocks.partitioner} cuts a source; name one`);
  }
  return run.generator();
}

class Rehearsal {
  readonly #ctx: DryRunContext;
  readonly #spec: DryRunSpec;
  readonly #method: PartitionMethod;
  readonly #limit: number;
  readonly #deadline: number;
  readonly #chunks: DryRunChunk[] = [];
  #tasks = 0;
  #bytes = 0;
  #sources = 0;
  #read = 0;
  #exact = true;

  constructor(
    ctx: DryRunContext,
    spec: DryRunSpec,
    method: PartitionMethod,
    bounds: { readonly limit: number; readonly deadline: number },
  ) {
    this.#ctx = ctx;
    this.#spec = spec;
    this.#method = method;
    this.#limit = bounds.limit;
    this.#deadline = bounds.deadline;
  }

  generator(): DryRun {
    const method = this.#method;
    const count = method.kind === "range" ? method.plan.count : method.kind === "replicas" ? method.count : 1;
    for (const line of generated(method)) {
      this.#add(line, null, 0);
      if (this.#onlyFirst || this.#tasks >= this.#limit) break;
    }
    if (!this.#onlyFirst) this.#tasks = count;
    return this.#answer();
  }

  async objects(source: Exclude<Awaited<ReturnType<typeof resolveSource>>, { kind: "none" }>): Promise<DryRun> {
    const method = this.#method;
    const accepts = acceptor(method, source.root);
    const sets = method.kind === "objects" ? new ObjectSets(method.grouping) : undefined;
    const name = (key: string) => relativeKey(source.root, key);
    for await (const page of sourceObjects(this.#ctx.objects, source)) {
      for await (const { object, head } of probeObjects(this.#ctx.objects, method, page.filter(accepts))) {
        this.#sources++;
        if (sets) {
          const set = sets.add(object);
          if (set) this.#add({ s: set.first, n: set.count }, name(set.key), set.bytes);
        } else await this.#cut(object, head, name(object.key));
        const row = preparedRow(object, head === "gzip" ? null : head);
        if (this.#onlyFirst && (this.#tasks > 0 || holdsFirstChunk(method, row, this.#sources)))
          return this.#end(sets, name);
        if (!this.#late) continue;
        this.#exact = false; // the listing isn't at its end
        return this.#end(sets, name);
      }
    }
    return this.#end(sets, name);
  }

  get #onlyFirst(): boolean {
    return this.#spec.config.isTestJob;
  }

  get #late(): boolean {
    return this.#ctx.clock.now() >= this.#deadline;
  }

  #end(sets: ObjectSets | undefined, name: (key: string) => string): DryRun {
    const set = this.#onlyFirst && this.#tasks > 0 ? null : sets?.end();
    if (set) this.#add({ s: set.first, n: set.count }, name(set.key), set.bytes);
    return this.#answer();
  }

  #answer(): DryRun {
    const { tasks, bytes } = { tasks: this.#tasks, bytes: this.#bytes };
    return { tasks, exact: this.#exact, bytes, sources: this.#sources, chunks: this.#chunks };
  }

  #add(line: ChunkLine, source: string | null, bytes: number): void {
    this.#bytes += bytes;
    if (this.#chunks.length < this.#limit) this.#chunks.push(describe(this.#tasks, line, source));
    this.#tasks++;
  }

  async #cut(object: ObjectInfo, head: TextHead | "gzip" | null, name: string): Promise<void> {
    const method = this.#method;
    if (method.kind === "replicas") {
      const count = this.#onlyFirst ? 1 : method.count;
      const shown = Math.min(count, Math.max(0, this.#limit - this.#chunks.length));
      for (let i = 0; i < shown; i++) this.#add({ i, s: this.#sources - 1 }, name, object.size);
      this.#tasks += count - shown;
      this.#bytes += (count - shown) * object.size;
      return;
    }
    if (method.kind === "objects" || method.kind === "range") return;
    try {
      const reader = {
        objects: this.#ctx.objects,
        counted: (blocks: AsyncIterable<Uint8Array>) => this.#counted(blocks),
        mayReadOn: () => this.#mayReadOn(true),
      };
      const text = head === "gzip" ? await packedText(reader, object, method) : plainText(reader, object, head);
      const cutter = new SourceCutter(method, text.row, { firstOnly: this.#onlyFirst });
      let cut = 0;
      let reached = text.row.start;
      for await (const chunks of cutter.chunks(text.read)) {
        for (const chunk of chunks) {
          this.#add(byteLine(this.#sources - 1, chunk), name, chunk.to - chunk.from);
          reached = chunk.to;
          cut++;
          if (this.#onlyFirst) return;
        }
        if (!this.#mayReadOn(cutter.scans)) {
          // A scan may merge nominal chunks, never split one: what's left is estimated by the nominal ones.
          this.#tasks += Math.max(0, cutter.expected - cut);
          this.#bytes += text.row.size - reached;
          this.#exact &&= cutter.expected === cut;
          return;
        }
      }
      this.#exact &&= text.whole;
    } catch (error) {
      throw inSource(error, object);
    }
  }

  #mayReadOn(scans: boolean): boolean {
    return !this.#late && (!scans || this.#read < READ_LIMIT);
  }

  async *#counted(blocks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const block of blocks) {
      this.#read += block.length;
      yield block;
    }
  }
}

function describe(index: number, line: ChunkLine, source: string | null): DryRunChunk {
  if ("r" in line) return { index, source: null, numbers: line.r };
  if ("i" in line) return { index, source, replica: line.i };
  if ("n" in line) return { index, source, objects: line.n };
  return { index, source, from: line.f, to: line.t };
}

/** Sets of objects, each with the key of its first one. */
class ObjectSets {
  readonly #grouper: ObjectGrouper;
  #firstKey = "";
  #open = false;

  constructor(grouping: {
    readonly objectsPerChunk?: number | undefined;
    readonly bytesPerChunk?: number | undefined;
  }) {
    const { objectsPerChunk, bytesPerChunk } = grouping;
    this.#grouper = new ObjectGrouper({ objectsPerChunk, bytesPerChunk });
  }

  add(object: { readonly key: string; readonly size: number }) {
    const { closed } = this.#grouper.add(object);
    const set = closed && { ...closed, key: this.#firstKey };
    if (closed || !this.#open) this.#firstKey = object.key;
    this.#open = true;
    return set;
  }

  end() {
    const set = this.#grouper.end();
    return set && { ...set, key: this.#firstKey };
  }
}
