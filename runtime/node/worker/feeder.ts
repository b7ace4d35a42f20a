import { ChunkCutter, type CutEvent } from "../../../core/chunks/index.ts";
import type { InputFormat } from "../../../core/contracts/parts.ts";
import type { ErrorData, JobJobError } from "../../../core/errors.ts";
import { toErrorData } from "../../../core/errors.ts";
import type { ObjectStore } from "../../../core/ports/index.ts";
import { CHUNK, type TaskOutcome } from "../messages.ts";
import type { HandTask } from "./hand-plan.ts";
import type { Meter } from "./meter.ts";
import type { Submission, Supervisor } from "./supervisor.ts";
import { type PinnedObject, WindowReader } from "./window-reader.ts";

/** What the feeder reports of a task whose input it read: where it ends up in the claim's index. */
export interface FeedResults {
  /** Before a task is begun: false means that no further one may be taken. */
  mayTake(): boolean;
  /** Handlers for a task that goes to the thread. */
  eventsFor(task: HandTask, facts: InputFacts): Submission["events"];
  /** Nothing to do. */
  skipped(task: HandTask, facts: InputFacts): void;
  /** It can't be begun. */
  refused(task: HandTask, error: ErrorData): void;
}
/** Known of a task's input while or after it is read. */
export interface InputFacts {
  bytes: number;
  /** Real edges of an inexact chunk of CSV whose newlines were promised to be unquoted. */
  edges?: readonly [number, number];
  /** Overrides whatever the app makes of it. */
  error?: ErrorData;
}

export interface FeederOptions {
  readonly objects: ObjectStore;
  readonly supervisor: Supervisor;
  readonly meter: Meter;
  readonly input: InputFormat;
  readonly windowBytes: number;
  readonly results: FeedResults;
  /** One task after the other. */
  readonly sequential: boolean;
}

/** Inputs up to this size travel with their task; larger ones are streamed. */
const INLINE_BYTES = 256 * 1024;
/** A gap between two chunks of one source that is cheaper to read over than to ask again. */
const GAP_BYTES = 64 * 1024;
const READERS_AHEAD = 8;

/** Reads the inputs of the tasks in hand, in order, and hands the tasks to the supervisor. */
export class Feeder {
  readonly #options: FeederOptions;
  constructor(options: FeederOptions) {
    this.#options = options;
  }

  /** Ends when all are submitted, or no further may be taken. Outcomes come by the events. */
  async run(tasks: readonly HandTask[]): Promise<void> {
    const units = this.#units(tasks);
    for (let i = 0; i < units.length; i++) {
      const prime = () => this.#prime(units, i + 1);
      const unit = units[i];
      if (unit?.isSmall) prime();
      if (!unit || !(await unit.run(prime))) return;
    }
  }

  /** Asks early for what comes next, as long as it is little: small objects would else cost a round trip each. */
  #prime(units: readonly Unit[], from: number): void {
    for (let i = from; i < Math.min(units.length, from + READERS_AHEAD); i++) {
      const unit = units[i];
      unit?.prime();
      if (!unit?.isSmall) return;
    }
  }

  #units(tasks: readonly HandTask[]): Unit[] {
    const units: Unit[] = [];
    let run: ByteTask[] = [];
    const close = () => {
      if (run.length > 0) units.push(new RunUnit(this.#options, run));
      run = [];
    };
    for (const task of tasks) {
      const { input } = task;
      if (input.kind !== "bytes") {
        close();
        units.push(new WholeUnit(this.#options, task, input.kind === "objects" ? input.sources : []));
        continue;
      }
      const last = run.at(-1)?.input;
      const isNeighbour =
        last?.source.key === input.source.key &&
        last.source.bucket === input.source.bucket &&
        input.chunk.from >= last.chunk.to &&
        input.chunk.from - last.chunk.to <= GAP_BYTES;
      if (!isNeighbour) close();
      run.push({ ...task, input });
    }
    close();
    return units;
  }
}

type ByteTask = HandTask & { readonly input: Extract<HandTask["input"], { kind: "bytes" }> };

interface Unit {
  readonly isSmall: boolean;
  prime(): void;
  /** @returns false when nothing more may be taken */
  run(lastAsked: () => void): Promise<boolean>;
}

/** Tasks whose input is not cut: sets of objects, and generators. */
class WholeUnit implements Unit {
  readonly isSmall: boolean;
  readonly #options: FeederOptions;
  readonly #task: HandTask;
  readonly #sources: readonly PinnedObject[];
  #early: Promise<readonly Uint8Array[]> | null = null;

  constructor(options: FeederOptions, task: HandTask, sources: readonly PinnedObject[]) {
    this.#options = options;
    this.#task = task;
    this.#sources = sources;
    this.isSmall = task.spec.size <= INLINE_BYTES && sources.length <= 64;
  }

  prime(): void {
    if (!this.isSmall || this.#early || this.#sources.length === 0) return;
    this.#early = Promise.all(this.#sources.map((source) => this.#readSmall(source)));
    this.#early.catch(() => undefined);
  }

  async run(lastAsked: () => void): Promise<boolean> {
    const { supervisor, results, sequential } = this.#options;
    const task = this.#task;
    const facts: InputFacts = { bytes: task.spec.size };
    if (task.input.kind === "objects" && this.#sources.length === 0) {
      if (!results.mayTake()) return false;
      results.skipped(task, facts);
      return true;
    }
    let inline: Submission["inline"] = [];
    if (!this.isSmall) {
      inline = null;
      facts.bytes = 0;
    } else if (this.#sources.length > 0) {
      this.prime();
      try {
        const contents = (await this.#early) ?? [];
        inline = contents.map((bytes, object) => ({ object, offset: 0, bytes }));
      } catch (error) {
        if (!results.mayTake()) return false;
        const data = toErrorData(error);
        results.refused(task, data);
        return !data.retryable;
      }
    }
    await supervisor.room();
    if (!results.mayTake()) return false;
    const events = results.eventsFor(task, facts);
    const opened = (object: number): void => void this.#serve(id, object, facts);
    const id = supervisor.submit({ spec: task.spec, inline, events: { ...events, opened } });
    if (sequential || inline === null) await supervisor.drained();
    lastAsked();
    return true;
  }

  async #readSmall(source: PinnedObject): Promise<Uint8Array> {
    if (source.size === 0) return new Uint8Array(0);
    const { objects, meter } = this.#options;
    const reader = new WindowReader({ objects, source, meter, windowBytes: INLINE_BYTES }, 0, source.size);
    return (await reader.next()) ?? new Uint8Array(0);
  }

  /** Streams one object that the app opened. */
  async #serve(id: number, object: number, facts: InputFacts): Promise<void> {
    const { supervisor, objects, meter, windowBytes } = this.#options;
    const source = this.#sources[object];
    let error: ErrorData | undefined;
    if (source) {
      const reader = new WindowReader({ objects, source, meter, windowBytes }, 0, source.size);
      try {
        let offset = 0;
        for (let window = await reader.next(); window; window = await reader.next()) {
          if (!(await supervisor.feed(id, object, offset, window))) return;
          offset += window.length;
          facts.bytes += window.length;
        }
      } catch (cause) {
        error = toErrorData(cause);
        facts.error = error;
      }
    }
    supervisor.endInput(id, object, error);
  }
}

/** A chunk that is being read. */
interface OpenChunk {
  readonly facts: InputFacts;
  held: { readonly offset: number; readonly bytes: Uint8Array }[];
  /** Of the streamed task; null while the bytes are held. */
  id: number | null;
}

/** Neighbouring chunks of one source: read once, from the first to the last. */
class RunUnit implements Unit {
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
          this.#options.supervisor.endInput(open.id, CHUNK, data);
        } else if (open?.id === undefined || open.id === null) {
          const task = this.#tasks[at];
          if (task && !results.mayTake()) return false;
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
        for (const event of events) {
          current = this.#base + event.chunk;
          const task = this.#tasks[current];
          if (!task) continue;
          if (event.type === "piece") {
            if (!(await this.#piece(task, event.offset, event.bytes))) return "stop";
          } else {
            if (!(await this.#end(task, event.start, event.end, event.error))) return "stop";
            current++;
          }
        }
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
      if (!results.mayTake()) return false;
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
      supervisor.endInput(open.id, CHUNK, facts.error);
      if (sequential) await fatal(supervisor.drained());
      return true;
    }
    if (error || start === end) {
      if (!results.mayTake()) return false;
      if (error) results.refused(task, error.toData());
      else results.skipped(task, facts);
      return true;
    }
    await fatal(supervisor.room());
    if (!results.mayTake()) return false;
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

export type { TaskOutcome };
