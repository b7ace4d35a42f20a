import { ChunkCutter, type CutEvent } from "../../../core/chunks/index.ts";
import { type ErrorData, type JobJobError, toErrorData } from "../../../core/errors.ts";
import { CHUNK } from "../messages.ts";
import { type ByteTask, type FeederOptions, INLINE_BYTES, type InputFacts, type Unit } from "./feed-unit.ts";
import { free } from "./free.ts";
import { WindowReader } from "./window-reader.ts";

/** A chunk that is being read. */
interface OpenChunk {
  readonly facts: InputFacts;
  held: { readonly offset: number; readonly bytes: Uint8Array }[];
  /** Of the streamed task; null while the bytes are held. */
  id: number | null;
}

/** Neighbouring chunks of one source: read once, from the first to the last. */
export class RunUnit implements Unit {
  readonly isSmall: boolean;
  readonly #options: FeederOptions;
  readonly #tasks: readonly ByteTask[];
  #cutter: ChunkCutter | null = null;
  #reader: WindowReader | null = null;
  /** The first task of the cutter's chunks. */
  #base = 0;
  #open: OpenChunk | null = null;

  constructor(options: FeederOptions, tasks: readonly ByteTask[]) {
    this.#options = options;
    this.#tasks = tasks;
    this.isSmall = (tasks.at(-1)?.input.chunk.to ?? 0) - (tasks[0]?.input.chunk.from ?? 0) <= INLINE_BYTES;
  }

  prime(): void {
    try {
      this.#begin(this.#base).reader.prime();
    } catch (error) {
      // A broken run of chunks: `run` meets the same error again and charges it to the tasks.
      if (!(error instanceof Error)) throw error;
    }
  }

  async run(lastAsked: () => void): Promise<boolean> {
    const { results } = this.#options;
    for (;;) {
      try {
        const next = await this.#read(lastAsked);
        if (next === "stop") return false;
        if (next === "done") return true;
        this.#restart(next);
      } catch (error) {
        if (!(error instanceof ReadError)) throw error;
        const { data, at } = error;
        const open = this.#open;
        if (open && open.id !== null && this.#options.supervisor.isOpen(open.id)) {
          open.facts.error = data;
          await this.#options.supervisor.endInput(open.id, CHUNK, data);
        } else if (open?.id === undefined || open.id === null) {
          const task = this.#tasks[at];
          if (task && !results.mayTake(task)) return false;
          if (task) results.refused(task, data);
        }
        if (data.retryable) return false;
        for (const task of this.#tasks.slice(at + 1)) results.refused(task, data);
        return true;
      }
    }
  }

  #restart(at: number): void {
    this.#cutter = null;
    this.#reader = null;
    this.#base = at;
  }

  #begin(at: number): { cutter: ChunkCutter; reader: WindowReader } {
    if (this.#cutter && this.#reader) return { cutter: this.#cutter, reader: this.#reader };
    const { objects, meter, windowBytes, input } = this.#options;
    const tasks = this.#tasks.slice(at);
    const source = tasks[0]?.input.source;
    if (!source) throw new RangeError("a run has at least one chunk");
    const chunks = tasks.map((task) => task.input.chunk);
    const { format, delimiter } = input;
    this.#cutter = new ChunkCutter({ format, chunks, size: source.size, delimiter });
    const { readFrom, readTo } = this.#cutter;
    this.#reader = new WindowReader({ objects, source, meter, windowBytes }, readFrom, readTo);
    return { cutter: this.#cutter, reader: this.#reader };
  }

  /** @returns the task to begin anew at, when the rest of a chunk needn't be read */
  async #read(lastAsked: () => void): Promise<"done" | "stop" | number> {
    let current = this.#base;
    try {
      const { cutter, reader } = this.#begin(this.#base);
      const size = this.#tasks[0]?.input.source.size ?? 0;
      while (!cutter.done) {
        const window = await reader.next();
        if (reader.allAsked) lastAsked();
        let events: CutEvent[];
        if (window) events = cutter.push(window);
        else if (cutter.position >= size) events = cutter.end();
        else {
          reader.extend(cutter.moreTo());
          continue;
        }
        let isKept = false;
        for (const event of events) {
          current = this.#base + event.chunk;
          const task = this.#tasks[current];
          if (!task) continue;
          if (event.type === "piece") {
            if (!(await this.#piece(task, event.offset, event.bytes))) return "stop";
            isKept ||= !this.#isStreaming;
          } else {
            isKept ||= !this.#isStreaming;
            if (!(await this.#end(task, event.start, event.end, event.error))) return "stop";
            current++;
          }
        }
        // All of it has been copied to the thread.
        if (window && !isKept) free(window);
        const skip = this.#skippable(current, cutter.position);
        if (skip) return current + 1 < this.#tasks.length ? current + 1 : "done";
      }
      return "done";
    } catch (error) {
      if (error instanceof FatalError) throw error.cause;
      throw new ReadError(toErrorData(error), current);
    }
  }

  /** The app is through with a chunk of which much is still unread, and nobody needs its edge. */
  #skippable(at: number, position: number): boolean {
    const open = this.#open;
    const task = this.#tasks[at];
    if (!task || !open || open.id === null || this.#options.supervisor.isOpen(open.id)) return false;
    const isFar = task.input.chunk.to - position > this.#options.windowBytes;
    if (isFar && !this.#wantsEdges(task)) {
      this.#open = null;
      return true;
    }
    return false;
  }

  /** The chunk in hand goes to the thread as it comes; else its bytes are held. */
  get #isStreaming(): boolean {
    return this.#open !== null && this.#open.id !== null;
  }

  #wantsEdges(task: ByteTask): boolean {
    const { format, quotedNewlines } = this.#options.input;
    return format === "csv" && quotedNewlines === "never" && !task.input.chunk.exact;
  }

  async #piece(task: ByteTask, offset: number, bytes: Uint8Array): Promise<boolean> {
    const { supervisor, results } = this.#options;
    this.#open ??= { facts: { bytes: 0 }, held: [], id: null };
    const open = this.#open;
    open.facts.bytes += bytes.length;
    if (open.id === null) {
      open.held.push({ offset, bytes });
      if (Math.max(open.facts.bytes, task.input.chunk.to - task.input.chunk.from) <= INLINE_BYTES) return true;
      await fatal(supervisor.drained());
      if (!(await fatal(results.begin(task)))) return false;
      const events = results.eventsFor(task, open.facts);
      open.id = supervisor.submit({ spec: task.spec, inline: null, events });
      const held = open.held;
      open.held = [];
      for (const piece of held) await fatal(supervisor.feed(open.id, CHUNK, piece.offset, piece.bytes));
    } else await fatal(supervisor.feed(open.id, CHUNK, offset, bytes));
    return true;
  }

  async #end(task: ByteTask, start: number, end: number, error: JobJobError | undefined): Promise<boolean> {
    const { supervisor, results, sequential } = this.#options;
    const open: OpenChunk = this.#open ?? { facts: { bytes: 0 }, held: [], id: null };
    this.#open = null;
    const { facts } = open;
    if (this.#wantsEdges(task)) facts.edges = [start, end];
    if (error) facts.error = error.toData();
    if (open.id !== null) {
      await fatal(supervisor.endInput(open.id, CHUNK, facts.error));
      if (sequential) await fatal(supervisor.drained());
      return true;
    }
    if (error || start === end) {
      if (!results.mayTake(task)) return false;
      if (error) results.refused(task, error.toData());
      else results.skipped(task, facts);
      return true;
    }
    await fatal(supervisor.room());
    if (!(await fatal(results.begin(task)))) return false;
    const [first] = open.held;
    const bytes = open.held.length === 1 && first ? first.bytes : Buffer.concat(open.held.map((piece) => piece.bytes));
    const spec = { ...task.spec, size: end - start };
    const inline = [{ object: CHUNK, offset: start, bytes }];
    supervisor.submit({ spec, inline, events: results.eventsFor(task, facts) });
    if (sequential) await fatal(supervisor.drained());
    return true;
  }
}

/** The input couldn't be read (or cut) for task number `at` of the run. */
class ReadError extends Error {
  readonly data: ErrorData;
  readonly at: number;
  constructor(data: ErrorData, at: number) {
    super(data.message);
    this.data = data;
    this.at = at;
  }
}
/** Not the input's fault: results can't be written, or the app's thread can't be started again. */
class FatalError extends Error {}

async function fatal<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new FatalError("the hand can't go on", { cause });
  }
}
