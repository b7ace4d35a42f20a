import type * as z from "zod";
import { type ListHead, type ListState, listHead, PAGE_ENTRIES } from "../contracts/output-list.ts";
import { readJson, writeJson } from "../objects/json.ts";
import type { ObjectStore, Place } from "../ports/index.ts";

/** Writes a paged list. Resumable: its state goes into the step's cursor; a page written twice has the same bytes. */
export class ListWriter<T extends { readonly z: number }> {
  readonly #objects: ObjectStore;
  readonly #bucket: string;
  readonly #prefix: string;
  #state: ListState;

  /** @param prefix of the keys of what it writes: the scratch of this very claim, ends in "/". */
  constructor(objects: ObjectStore, bucket: string, prefix: string, state?: ListState) {
    this.#objects = objects;
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#state = state ?? { pages: [], count: 0, bytes: 0, pending: [] };
  }

  get state(): ListState {
    return this.#state;
  }

  async add(entry: T): Promise<void> {
    const { count, bytes, pending } = this.#state;
    pending.push(entry);
    this.#state = { ...this.#state, count: count + 1, bytes: bytes + entry.z };
    if (pending.length === PAGE_ENTRIES) await this.#flush();
  }

  /** Writes what is left and the head. @returns the head's key */
  async end(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    if (this.#state.pending.length > 0) await this.#flush();
    const { pages, count, bytes } = this.#state;
    const head: ListHead = { v: 1, count, bytes, pages };
    const key = `${this.#prefix}head.json`;
    await writeJson(this.#objects, { bucket: this.#bucket, key }, { ...head, ...more });
    return key;
  }

  async #flush(): Promise<void> {
    const { pages, pending } = this.#state;
    const key = `${this.#prefix}page-${pages.length}.json`;
    await writeJson(this.#objects, { bucket: this.#bucket, key }, pending);
    this.#state = { ...this.#state, pages: [...pages, key], pending: [] };
  }
}

export const readHead = (objects: ObjectStore, place: Place): Promise<ListHead> => readJson(objects, place, listHead);

/** Page `page` of a list, parsed with the entry's schema; empty behind the last. */
export async function readPage<T>(
  objects: ObjectStore,
  bucket: string,
  head: ListHead,
  page: number,
  entry: z.ZodType<T>,
): Promise<readonly T[]> {
  const key = head.pages[page];
  return key === undefined ? [] : readJson(objects, { bucket, key }, entry.array());
}
