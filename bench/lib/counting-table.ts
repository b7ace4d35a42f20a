import type { Item, Key, QueryInput, QueryPage, Table, Write } from "../../core/ports/index.ts";

/** Counts the items that reads ask for: what DynamoDB bills, found or not. */
export class CountingTable implements Table {
  itemReads = 0;
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  get(key: Key, options?: { readonly consistent?: boolean }): Promise<Item | undefined> {
    this.itemReads++;
    return this.#table.get(key, options);
  }

  batchGet(keys: readonly Key[], options?: { readonly consistent?: boolean }): Promise<readonly Item[]> {
    this.itemReads += keys.length;
    return this.#table.batchGet(keys, options);
  }

  async query(input: QueryInput): Promise<QueryPage> {
    const page = await this.#table.query(input);
    this.itemReads += page.items.length;
    return page;
  }

  write(write: Write): Promise<void> {
    return this.#table.write(write);
  }

  transact(writes: readonly Write[], token?: string): Promise<void> {
    return this.#table.transact(writes, token);
  }
}
