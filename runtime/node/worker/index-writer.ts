import type { ClaimIndex, TaskEntry } from "../../../core/contracts/worker.ts";
import { SupersededError, toErrorData } from "../../../core/errors.ts";
import type { ObjectStore, Place, PutOptions } from "../../../core/ports/index.ts";
import { maxRss } from "./max-rss.ts";
import type { Meter } from "./meter.ts";

export interface IndexWriterOptions {
  readonly objects: ObjectStore;
  readonly clock: { now(): number };
  readonly place: Place;
  readonly about: Pick<ClaimIndex, "batch" | "claim" | "run" | "worker" | "requestId">;
  readonly meter: Meter;
}

/**
 * The claim's index object. A cautious worker writes it before each task too, as an announcement: what has ended so far and
 * which task begins now. Each write demands that the object is as the one before left it: when commit λ has sealed it, for it
 * holds this worker for dead, nothing more is added.
 */
export class IndexWriter {
  readonly #options: IndexWriterOptions;
  readonly #startedAt: number;
  readonly #entries = new Map<number, TaskEntry>();
  /** Of the latest announcement. */
  #etag: string | undefined;
  /** The header record that all csv results of the claim have. */
  header: string | null = null;

  constructor(options: IndexWriterOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  get size(): number {
    return this.#entries.size;
  }

  has(ordinal: number): boolean {
    return this.#entries.has(ordinal);
  }

  add(entry: TaskEntry): void {
    if (!this.#entries.has(entry.o)) this.#entries.set(entry.o, entry);
  }

  /** @throws JobJobError SUPERSEDED when the claim isn't this worker's any more */
  async announce(ordinal: number): Promise<void> {
    const announcement: ClaimIndex = { ...this.#index(null), begun: [ordinal, this.#options.clock.now()] };
    const condition: PutOptions = this.#etag === undefined ? { ifNoneMatch: "*" } : { ifMatch: this.#etag };
    this.#etag = await this.#put(JSON.stringify(announcement), condition);
  }

  /** The last word. @throws JobJobError SUPERSEDED as above */
  async finish(pack: ClaimIndex["pack"]): Promise<{ readonly etag: string; readonly maxRss: number }> {
    const index = this.#index(pack);
    const condition: PutOptions = this.#etag === undefined ? {} : { ifMatch: this.#etag };
    return { etag: await this.#put(JSON.stringify(index), condition), maxRss: index.maxRss };
  }

  async #put(text: string, condition: PutOptions): Promise<string> {
    const { objects, place, about } = this.#options;
    try {
      return (await objects.put(place, text, { contentType: "application/json", ...condition })).etag;
    } catch (error) {
      if (toErrorData(error).code !== "PRECONDITION_FAILED") throw error;
      // A write whose answer was lost is sent again by the SDK, and then refused for its own sake.
      const { etag } = await objects.head(place);
      const found = await objects.get(place);
      if (new TextDecoder().decode(found) === text) return etag;
      throw new SupersededError(`Claim ${about.claim} of batch ${about.batch}`);
    }
  }

  #index(pack: ClaimIndex["pack"]): ClaimIndex {
    const { about, clock, meter } = this.#options;
    const { downloadBytes, uploadBytes, downloadMs, processMs, uploadMs } = meter;
    return {
      v: 1,
      ...about,
      startedAt: this.#startedAt,
      endedAt: clock.now(),
      pack,
      header: this.header,
      stats: {
        downloadBytes,
        uploadBytes,
        downloadMs: Math.round(downloadMs),
        processMs: Math.round(processMs),
        uploadMs: Math.round(uploadMs),
      },
      maxRss: maxRss(),
      tasks: [...this.#entries.values()].sort((a, b) => a.o - b.o),
    };
  }
}
