import { crc32 } from "node:zlib";
import type { TaskResult } from "../../../core/contracts/worker.ts";
import { bigResultKey, type JobPlace, packKey } from "../../../core/keys/object-keys.ts";
import type { ObjectStore, Place } from "../../../core/ports/index.ts";
import { free } from "./free.ts";
import type { Meter } from "./meter.ts";
import { ObjectWriter } from "./object-writer.ts";

export interface ResultWriterOptions {
  readonly objects: ObjectStore;
  readonly bucket: string;
  readonly job: JobPlace;
  readonly generation: number;
  readonly batch: number;
  readonly claim: number;
  readonly meter: Meter;
  /** Results over this size get an object of their own, bytes. */
  readonly packLimit: number;
  /** Bytes of a part of an upload. */
  readonly partBytes: number;
}

interface OpenResult {
  readonly name: string;
  crc: number;
  size: number;
  /** Until it's known to be large. */
  held: Uint8Array[];
  own: ObjectWriter | null;
}

interface OpenTask {
  readonly ordinal: number;
  readonly open: Map<number, OpenResult>;
  /** Whole small results that aren't in the pack yet, and their bytes. */
  waiting: { result: OpenResult; number: number }[];
  waitingBytes: number;
  readonly done: Map<number, TaskResult>;
  size: number;
}

/**
 * Writes the results of one claim: small ones one behind the other into one pack, in the order of the tasks; large ones
 * into objects of their own as they come. A task's small results reach the pack when it ends well, unless they are too
 * many to wait; then a task that fails leaves a gap in the pack, which nothing points to.
 */
export class ResultWriter {
  readonly #options: ResultWriterOptions;
  readonly #pack: ObjectWriter;
  #packed = 0;
  #task: OpenTask | null = null;

  constructor(options: ResultWriterOptions) {
    this.#options = options;
    const { job, generation, batch, claim } = options;
    this.#pack = this.#writer(packKey(job, generation, batch, claim));
  }

  /** A piece of a result of the task in hand; pieces of several results may be mixed. The bytes are the writer's from then on. */
  async data(ordinal: number, number: number, name: string, bytes: Uint8Array, last: boolean): Promise<void> {
    const task = this.#open(ordinal);
    const result = task.open.get(number) ?? { name, crc: 0, size: 0, held: [], own: null };
    task.open.set(number, result);
    result.crc = crc32(bytes, result.crc);
    result.size += bytes.length;
    task.size += bytes.length;
    if (result.own) {
      await result.own.write(bytes);
      free(bytes);
    } else {
      if (bytes.length > 0) result.held.push(bytes);
      if (result.size > this.#options.packLimit) await this.#makeOwn(ordinal, number, result);
    }
    if (last) await this.#close(task, number, result);
  }

  /** The task ended well: its results, in the order they were begun, and their bytes. */
  async commit(ordinal: number): Promise<{ readonly results: TaskResult[]; readonly size: number }> {
    const task = this.#open(ordinal);
    await this.#flush(task);
    this.#task = null;
    const results = [...task.done].sort(([a], [b]) => a - b).map(([, result]) => result);
    return { results, size: task.size };
  }

  /** The task failed: nothing will point to what it wrote. */
  async discard(): Promise<void> {
    const task = this.#task;
    this.#task = null;
    for (const { own } of task?.open.values() ?? []) await own?.abort();
  }

  /** The pack, or null when nothing is in it. */
  async finish(): Promise<{ readonly k: string; readonly e: string; readonly z: number } | null> {
    if (this.#packed === 0) return null;
    const { key, etag } = await this.#pack.finish();
    return { k: key, e: etag, z: this.#packed };
  }

  /** Something broke: no upload is left behind. */
  async abort(): Promise<void> {
    await this.discard();
    await this.#pack.abort();
  }

  #open(ordinal: number): OpenTask {
    if (this.#task?.ordinal !== ordinal) {
      this.#task = { ordinal, open: new Map(), waiting: [], waitingBytes: 0, done: new Map(), size: 0 };
    }
    return this.#task;
  }

  async #makeOwn(ordinal: number, number: number, result: OpenResult): Promise<void> {
    const { job, generation, batch, claim } = this.#options;
    result.own = this.#writer(bigResultKey(job, generation, batch, claim, ordinal, number));
    const { held } = result;
    result.held = [];
    for (const bytes of held) {
      await result.own.write(bytes);
      free(bytes);
    }
  }

  async #close(task: OpenTask, number: number, result: OpenResult): Promise<void> {
    if (result.own) {
      const { key, etag } = await result.own.finish();
      task.open.delete(number);
      task.done.set(number, { n: result.name, f: 0, t: result.size, c: result.crc, k: key, e: etag });
      return;
    }
    task.open.delete(number);
    task.waiting.push({ result, number });
    task.waitingBytes += result.size;
    if (task.waitingBytes > this.#options.packLimit) await this.#flush(task);
  }

  async #flush(task: OpenTask): Promise<void> {
    for (const { result, number } of task.waiting.sort((a, b) => a.number - b.number)) {
      const from = this.#packed;
      for (const bytes of result.held) {
        await this.#pack.write(bytes);
        free(bytes);
      }
      this.#packed += result.size;
      task.done.set(number, { n: result.name, f: from, t: this.#packed, c: result.crc });
    }
    task.waiting = [];
    task.waitingBytes = 0;
  }

  #writer(key: string): ObjectWriter {
    const { objects, bucket, partBytes, meter } = this.#options;
    const place: Place = { bucket, key };
    return new ObjectWriter({ objects, place, partBytes, meter });
  }
}
