import { JobJobError } from "../../../core/errors.ts";
import type { ObjectStore } from "../../../core/ports/index.ts";
import type { Meter } from "./meter.ts";

/** The object that is read, as the table of sources pins it. */
export interface PinnedObject {
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly size: number;
}

export interface WindowOptions {
  readonly objects: ObjectStore;
  readonly source: PinnedObject;
  readonly meter: Meter;
  /** Bytes of a GET at most. */
  readonly windowBytes: number;
}

/** Reads [from, to) of an object in windows, one ahead of the reader; what is ahead may be asked for early. */
export class WindowReader {
  readonly #options: WindowOptions;
  #next: number;
  #to: number;
  #ahead: Promise<Uint8Array> | null = null;

  constructor(options: WindowOptions, from: number, to: number) {
    this.#options = options;
    this.#next = from;
    this.#to = to;
  }

  /** Every window has been asked for. */
  get allAsked(): boolean {
    return this.#next >= this.#to;
  }

  /** Asks for the first window now. */
  prime(): void {
    this.#ahead ??= this.#ask();
  }

  /** Reads on up to there. */
  extend(to: number): void {
    this.#to = Math.max(this.#to, to);
  }

  /** The next window; null when everything up to the end was given. @throws JobJobError INPUT_CHANGED, or the store's */
  async next(): Promise<Uint8Array | null> {
    const asked = this.#ahead ?? this.#ask();
    this.#ahead = this.#ask();
    return asked;
  }

  #ask(): Promise<Uint8Array> | null {
    if (this.allAsked) return null;
    const { objects, source, meter, windowBytes } = this.#options;
    const range = { from: this.#next, to: Math.min(this.#to, this.#next + windowBytes) };
    this.#next = range.to;
    const got = readPinned(() => meter.download(() => objects.get(source, { range, ifMatch: source.etag })), source);
    // It may never be awaited, when the task that wanted it has ended.
    got.catch(() => undefined);
    return got;
  }
}

async function readPinned(get: () => Promise<Uint8Array>, source: PinnedObject): Promise<Uint8Array> {
  try {
    return await get();
  } catch (error) {
    const gone =
      error instanceof JobJobError && ["PRECONDITION_FAILED", "OBJECT_MISSING", "RANGE_INVALID"].includes(error.code);
    if (!gone) throw error;
    throw new JobJobError({
      code: "INPUT_CHANGED",
      message: `s3://${source.bucket}/${source.key} is no longer what the chunks were made from: it was overwritten or deleted since. Requeue with repartition to work on what is there now.`,
      details: { bucket: source.bucket, key: source.key, etag: source.etag },
      cause: error,
    });
  }
}
