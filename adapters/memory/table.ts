import type { Clock, Item, Key, QueryInput, QueryPage, Table, Write } from "../../core/ports/index.ts";
import { INDEXES, RefusedError } from "../../core/ports/index.ts";
import {
  checkKey,
  checkQuery,
  checkTransaction,
  checkWrite,
  keyOf,
  keyText,
  queryNames,
  readQueryCursor,
  tableRequestInvalid,
  writeQueryCursor,
} from "../shared/table-rules.ts";
import { copyOf, storable } from "../shared/table-values.ts";
import { holds } from "./condition.ts";
import { changed, checkItem, itemBytes } from "./item.ts";
import { compareEntries, type Entry, PartitionedIndex } from "./table-index.ts";

export interface MemoryTableOptions {
  /** For the ten minutes of a transaction's token. @default one that stands still */
  readonly clock?: Clock;
  /** Bytes read for one page of a query. @default 1 MiB, as DynamoDB */
  readonly pageBytes?: number;
  /**
   * Whether what is read is the reader's own. False hands out the stored items themselves, half as dear: for the simulation,
   * whose readers parse what they get and change none of it. @default true
   */
  readonly copies?: boolean;
  /**
   * Whether DynamoDB's rules for requests and the sizes of items are checked, which a correct caller never breaks; without
   * it, no write units are counted by size either. False for most schedules of the simulation. @default true
   */
  readonly strict?: boolean;
  /** Sees every item that is stored or removed, just behind it: for checks of every single write. It must not change them. */
  readonly onStore?: (before: Item | undefined, after: Item | undefined) => void;
}

/** What the calls would have cost. Units as DynamoDB bills them on demand. */
export interface TableStats {
  /** Calls by the port's method; a refused or repeated one counts too. */
  readonly calls: Record<"get" | "batchGet" | "query" | "write" | "transact", number>;
  /** 4 KB each, half when eventually consistent. */
  readUnits: number;
  /** 1 KB each, twice in a transaction, and one or two for each index entry that changed. */
  writeUnits: number;
  /** Items looked at by get, batchGet and query. */
  itemsRead: number;
}

const TOKEN_LIFE_MS = 10 * 60_000;
const MAX_TRANSACTION_BYTES = 4 * 1_024 * 1_024;

/**
 * DynamoDB in memory, for tests: the same conditions, changes, refusals, limits, order and paging. Each call takes
 * effect at once and as a whole, so conflicts, throttles and lost answers come only from `withFaults` around it.
 */
export class MemoryTable implements Table {
  readonly #items = new Map<string, Item>();
  readonly #partitions = new PartitionedIndex();
  readonly #indexes = Object.entries(INDEXES).map(([name, keys]) => ({ name, keys, index: new PartitionedIndex() }));
  readonly #tokens = new Map<string, { readonly content: string; readonly until: number }>();
  readonly #clock: Clock;
  readonly #pageBytes: number;
  readonly #give: (item: Item) => Item;
  readonly #onStore: MemoryTableOptions["onStore"];
  readonly #isStrict: boolean;
  stats: TableStats = emptyStats();

  constructor(options: MemoryTableOptions = {}) {
    this.#clock = options.clock ?? { now: () => 0 };
    this.#pageBytes = options.pageBytes ?? 1_024 * 1_024;
    this.#give = (options.copies ?? true) ? copyOf : (item) => item;
    this.#onStore = options.onStore;
    this.#isStrict = options.strict ?? true;
  }

  async get(key: Key, options: { readonly consistent?: boolean } = {}): Promise<Item | undefined> {
    this.stats.calls.get++;
    return this.#read(key, options.consistent ?? false);
  }

  async batchGet(keys: readonly Key[], options: { readonly consistent?: boolean } = {}): Promise<readonly Item[]> {
    this.stats.calls.batchGet++;
    const found = new Map<string, Item | undefined>();
    for (const key of keys) {
      const text = keyText(key);
      if (!found.has(text)) found.set(text, this.#read(key, options.consistent ?? false));
    }
    return keys.flatMap((key) => found.get(keyText(key)) ?? []);
  }

  async query(input: QueryInput): Promise<QueryPage> {
    this.stats.calls.query++;
    checkQuery(input);
    const entries = this.#entries(input);
    const items: Item[] = [];
    let bytes = 0;
    let more = false;
    for (const entry of entries) {
      // Like DynamoDB: a page that ends with the limit names its last item, also when nothing comes behind it.
      if (items.length === (input.limit ?? Number.POSITIVE_INFINITY) || bytes >= this.#pageBytes) {
        more = true;
        break;
      }
      const item = this.#items.get(keyText(entry));
      if (!item) continue;
      const seen = input.index === undefined ? item : keysOnly(item, input.index);
      if (this.#isStrict) bytes += itemBytes(seen);
      items.push(this.#give(seen));
    }
    if (items.length === input.limit) more = true;
    this.stats.itemsRead += items.length;
    this.stats.readUnits += readUnits(bytes, input.consistent ?? false);
    const last = items.at(-1);
    return more && last ? { items, cursor: writeQueryCursor(last, input.index) } : { items };
  }

  async write(write: Write): Promise<void> {
    this.stats.calls.write++;
    if (this.#isStrict) checkWrite(write);
    this.#apply([write], 1);
  }

  async transact(writes: readonly Write[], token?: string): Promise<void> {
    this.stats.calls.transact++;
    if (this.#isStrict) checkTransaction(writes, token);
    const content = token === undefined ? "" : JSON.stringify(writes);
    const now = this.#clock.now();
    const known = token === undefined ? undefined : this.#tokens.get(token);
    if (known && known.until > now) {
      if (known.content !== content) throw tableRequestInvalid("the token was used for another transaction.");
      return;
    }
    this.#apply(writes, 2);
    if (token !== undefined) this.#tokens.set(token, { content, until: now + TOKEN_LIFE_MS });
  }

  /** Every item, in order; for assertions, not part of the port and not counted. */
  dump(): readonly Item[] {
    const items = [...this.#items.values()].map((item) => ({ item, order: item.pk, pk: item.pk, sk: item.sk }));
    return items.sort(compareEntries).map(({ item }) => copyOf(item));
  }

  get size(): number {
    return this.#items.size;
  }

  resetStats(): void {
    this.stats = emptyStats();
  }

  #read(key: Key, consistent: boolean): Item | undefined {
    const item = this.#items.get(keyText(key));
    this.stats.itemsRead++;
    if (this.#isStrict) {
      checkKey(key);
      this.stats.readUnits += readUnits(item ? itemBytes(item) : 0, consistent);
    }
    return item && this.#give(item);
  }

  #entries(input: QueryInput): readonly Entry[] {
    const index = this.#indexes.find(({ name }) => name === input.index)?.index ?? this.#partitions;
    const [low, high] = input.between ?? [];
    let entries = index.sorted(input.pk).filter(({ order }) => {
      if (input.prefix !== undefined) return order.startsWith(input.prefix);
      if (low === undefined || high === undefined) return true;
      return compareKeys(order, low) >= 0 && compareKeys(order, high) <= 0;
    });
    if (input.reverse) entries = entries.toReversed();
    if (input.cursor === undefined) return entries;
    const position = readQueryCursor({ ...input, cursor: input.cursor });
    const { pk = "", sk = "" } = position;
    const from: Entry = { order: position[queryNames(input.index).sk] ?? "", pk, sk };
    return entries.filter((entry) =>
      input.reverse ? compareEntries(entry, from) < 0 : compareEntries(entry, from) > 0,
    );
  }

  /** All or nothing: judges every condition, prepares every item, then stores. */
  #apply(writes: readonly Write[], unitsPerKilobyte: 1 | 2): void {
    const judged = writes.map((write) => {
      const key = keyOf(write);
      const before = this.#items.get(keyText(key));
      return { write, key, before, passed: !write.if || holds(write.if, before) };
    });
    const refused = judged.some(({ passed }) => !passed);
    const prepared = judged.map(({ write, key, before, passed }) => {
      const after = refused || !passed ? before : outcome(write, key, before);
      if (!this.#isStrict) return { key, before, after, bytes: 0 };
      if (after && after !== before) checkItem(after);
      const bytes = Math.max(before ? itemBytes(before) : 0, after ? itemBytes(after) : 0);
      this.stats.writeUnits += Math.max(1, Math.ceil(bytes / 1_024)) * unitsPerKilobyte;
      return { key, before, after, bytes };
    });
    if (refused) throw new RefusedError(judged.map(({ passed }) => (passed ? "none" : "condition")));
    if (prepared.reduce((sum, { bytes }) => sum + bytes, 0) > MAX_TRANSACTION_BYTES && writes.length > 1) {
      throw tableRequestInvalid("a transaction has at most 4 MB.");
    }
    for (const { key, before, after } of prepared) if (after !== before) this.#store(key, before, after);
  }

  #store(key: Key, before: Item | undefined, after: Item | undefined): void {
    const id = keyText(key);
    if (after) {
      this.#items.set(id, after);
      this.#partitions.add(key.pk, id, { order: key.sk, ...key });
    } else {
      this.#items.delete(id);
      this.#partitions.remove(key.pk, id);
    }
    for (const { keys, index } of this.#indexes) {
      const old = position(before, keys);
      const fresh = position(after, keys);
      if (old?.partition === fresh?.partition && old?.order === fresh?.order) continue;
      if (old) index.remove(old.partition, id);
      if (fresh) index.add(fresh.partition, id, { order: fresh.order, ...key });
      this.stats.writeUnits += (old ? 1 : 0) + (fresh ? 1 : 0);
    }
    this.#onStore?.(before, after);
  }
}

function outcome(write: Write, key: Key, before: Item | undefined): Item | undefined {
  if ("delete" in write) return undefined;
  if ("check" in write) return before;
  return "put" in write ? storable(write.put) : changed(before, key, write.changes);
}

function position(item: Item | undefined, keys: { readonly pk: string; readonly sk: string }) {
  const partition = item?.[keys.pk];
  const order = item?.[keys.sk];
  return typeof partition === "string" && typeof order === "string" ? { partition, order } : undefined;
}

function keysOnly(item: Item, index: keyof typeof INDEXES): Item {
  const { pk, sk } = INDEXES[index];
  return { pk: item.pk, sk: item.sk, [pk]: item[pk], [sk]: item[sk] };
}

const compareKeys = (a: string, b: string): number =>
  compareEntries({ order: a, pk: "", sk: "" }, { order: b, pk: "", sk: "" });

const readUnits = (bytes: number, consistent: boolean): number =>
  Math.max(1, Math.ceil(bytes / 4_096)) * (consistent ? 1 : 0.5);

const emptyStats = (): TableStats => ({
  calls: { get: 0, batchGet: 0, query: 0, write: 0, transact: 0 },
  readUnits: 0,
  writeUnits: 0,
  itemsRead: 0,
});
