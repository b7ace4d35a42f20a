import { InvalidInputError } from "../errors.ts";
import { globMatcher } from "./glob.ts";

export interface ObjectInfo {
  readonly key: string;
  /** Bytes. */
  readonly size: number;
}

/** Neighbouring objects: ordinals among the accepted ones, which are the rows of the table of sources. */
export interface ObjectSet {
  readonly first: number;
  readonly count: number;
  readonly bytes: number;
}

export interface ObjectGrouping {
  /** What was listed; globs see the key relative to it. @default "" */
  readonly prefix?: string | undefined;
  /** Globs, at least one of which must match (`**` crosses folders, `*` doesn't). None: everything. */
  readonly include?: readonly string[] | undefined;
  /** Globs, none of which may match. */
  readonly exclude?: readonly string[] | undefined;
  /** Objects a set, at most; 0 = no limit. Neither limit: one object a set. */
  readonly objectsPerChunk?: number | undefined;
  /** Bytes a set, at most, unless a single object is larger; 0 = no limit. */
  readonly bytesPerChunk?: number | undefined;
}

/** Plain JSON: where a resumable listing stands. */
export interface ObjectGrouperState {
  readonly accepted: number;
  readonly count: number;
  readonly bytes: number;
}

export interface Added {
  /** Whether the object is part of the job: its row belongs into the table of sources. */
  readonly accepted: boolean;
  /** The set that this object didn't fit into any more. */
  readonly closed: ObjectSet | null;
}

const MAX_GLOBS = 100;
const MAX_GLOB_LENGTH = 1_000;

/** Groups a listing, object by object, into sets; whichever limit is reached first closes a set. */
export class ObjectGrouper {
  readonly #prefix: string;
  readonly #included: (key: string) => boolean;
  readonly #excluded: (key: string) => boolean;
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #accepted: number;
  #count: number;
  #bytes: number;

  /** @throws InvalidInputError INVALID_PARAMS naming the field under `path` */
  constructor(grouping: ObjectGrouping, path = "params.partitioner", state?: ObjectGrouperState) {
    const count = checkLimit(grouping.objectsPerChunk, `${path}.objectsPerChunk`);
    const bytes = checkLimit(grouping.bytesPerChunk, `${path}.bytesPerChunk`);
    this.#prefix = grouping.prefix ?? "";
    this.#included = matcher(grouping.include, `${path}.include`, true);
    this.#excluded = matcher(grouping.exclude, `${path}.exclude`, false);
    this.#maxCount = count || (bytes ? Number.POSITIVE_INFINITY : 1);
    this.#maxBytes = bytes || Number.POSITIVE_INFINITY;
    this.#accepted = state?.accepted ?? 0;
    this.#count = state?.count ?? 0;
    this.#bytes = state?.bytes ?? 0;
  }

  /** Objects must come in the listing's order. Folder markers (a key that ends in "/" without bytes) are never accepted. */
  add(object: ObjectInfo): Added {
    const { key, size } = object;
    if (size === 0 && key.endsWith("/")) return { accepted: false, closed: null };
    const name = relativeKey(this.#prefix, key);
    if (!this.#included(name) || this.#excluded(name)) return { accepted: false, closed: null };
    const fits = this.#count === 0 || (this.#count < this.#maxCount && this.#bytes + size <= this.#maxBytes);
    const closed = fits ? null : this.#take();
    this.#accepted++;
    this.#count++;
    this.#bytes += size;
    return { accepted: true, closed };
  }

  /** The last set, or null when nothing is left. */
  end(): ObjectSet | null {
    return this.#count === 0 ? null : this.#take();
  }

  state(): ObjectGrouperState {
    return { accepted: this.#accepted, count: this.#count, bytes: this.#bytes };
  }

  #take(): ObjectSet {
    const set = { first: this.#accepted - this.#count, count: this.#count, bytes: this.#bytes };
    this.#count = 0;
    this.#bytes = 0;
    return set;
  }
}

/**
 * A key as seen from the folder that was listed: below "data/" or "data", "data/a/b.csv" is "a/b.csv"; below "data/2024-",
 * which is no folder, "data/2024-01.csv" is "2024-01.csv".
 */
export function relativeKey(prefix: string, key: string): string {
  if (!key.startsWith(prefix)) return key;
  if (prefix !== "" && !prefix.endsWith("/") && key[prefix.length] === "/") return key.slice(prefix.length + 1);
  return key.slice(prefix.lastIndexOf("/") + 1);
}

function checkLimit(value: number | undefined, path: string): number {
  if (value === undefined) return 0;
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidInputError(path, `must be a whole number, 0 (no limit) or more; got ${String(value)}`);
  }
  return value;
}

function matcher(globs: readonly string[] | undefined, path: string, whenNone: boolean): (key: string) => boolean {
  if (globs === undefined || globs.length === 0) return () => whenNone;
  if (globs.length > MAX_GLOBS)
    throw new InvalidInputError(path, `has ${globs.length} globs; ${MAX_GLOBS} is the limit`);
  for (const [index, glob] of globs.entries()) {
    if (typeof glob !== "string" || glob === "" || glob.length > MAX_GLOB_LENGTH) {
      throw new InvalidInputError(
        `${path}[${index}]`,
        `must be a glob of 1 to ${MAX_GLOB_LENGTH} characters, like "**/*.csv"`,
      );
    }
  }
  return globMatcher(globs);
}
