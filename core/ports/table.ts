/**
 * The port on DynamoDB: one table, items with `pk` and `sk`. Conditions and changes are data, so that the rules of the
 * protocol stand in core/ and both twins (adapters/dynamodb, adapters/memory) obey the very same ones.
 */
export type Scalar = string | number | boolean | null;
export type Value = Scalar | readonly Value[] | { readonly [name: string]: Value };
export interface Key {
  readonly pk: string;
  readonly sk: string;
}
export type Item = Key & { readonly [attribute: string]: Value | undefined };

/** An attribute's path: `epoch` or `stamps.NEW` (a dot steps into a map; names hold no dots themselves). */
export type Path = string;
export type Condition =
  | { readonly exists: Path }
  | { readonly missing: Path }
  | { readonly eq: readonly [Path, Scalar] }
  | { readonly ne: readonly [Path, Scalar] }
  | { readonly lt: readonly [Path, Scalar] }
  | { readonly le: readonly [Path, Scalar] }
  | { readonly gt: readonly [Path, Scalar] }
  | { readonly ge: readonly [Path, Scalar] }
  | { readonly in: readonly [Path, readonly Scalar[]] }
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

export interface Changes {
  readonly set?: Readonly<Record<Path, Value>>;
  /** Adds to a number; a missing one counts as 0, but the map it stands in must be there. Not idempotent: only within a transaction that a condition fences. */
  readonly add?: Readonly<Record<Path, number>>;
  readonly setIfMissing?: Readonly<Record<Path, Value>>;
  readonly remove?: readonly Path[];
}

export type Write =
  | { readonly put: Item; readonly if?: Condition }
  | { readonly update: Key; readonly changes: Changes; readonly if?: Condition }
  | { readonly delete: Key; readonly if?: Condition }
  | { readonly check: Key; readonly if: Condition };

export interface QueryInput {
  readonly pk: string;
  /** Sort keys that begin with this. */
  readonly prefix?: string;
  /** Inclusive bounds of the sort key; exclusive of `prefix`. */
  readonly between?: readonly [string, string];
  /** The table itself when absent. Index items hold keys only (pk, sk and the index's own keys). */
  readonly index?: IndexName;
  /** @default false */
  readonly reverse?: boolean;
  /** At most this many items; one page of ≤ 1 MB. */
  readonly limit?: number;
  readonly cursor?: string;
  /** Not possible on an index. @default false */
  readonly consistent?: boolean;
}
export interface QueryPage {
  readonly items: readonly Item[];
  /** Opaque; absent on the last page. A page that ends exactly with `limit` has one, though the next may be empty. */
  readonly cursor?: string;
}

/** Keys-only indexes: jobs of an owner by creation, of an owner by state, jobs by the time they need a look. */
export const INDEXES = {
  byOwner: { pk: "ownerPk", sk: "ownerSk" },
  byState: { pk: "statePk", sk: "stateSk" },
  byDue: { pk: "duePk", sk: "dueSk" },
} as const;
export type IndexName = keyof typeof INDEXES;

/**
 * A refused write or transaction. `reasons` has one entry per write of the transaction, in order; a plain write has one.
 * A conflict with another transaction is retried inside the port (with jitter) and shows only when that didn't help.
 */
export type RefusalReason = "none" | "condition" | "conflict";

export interface Table {
  /**
   * @throws JobJobError TABLE_UNAVAILABLE (retryable) after the port's own retries, and TABLE_REQUEST_INVALID for what no
   * retry can mend (an item over 400 KB, a path into a map that isn't there, …); so do all methods.
   */
  get(key: Key, options?: { readonly consistent?: boolean }): Promise<Item | undefined>;
  /** Any number of keys; missing items are left out; the order is that of `keys`. */
  batchGet(keys: readonly Key[], options?: { readonly consistent?: boolean }): Promise<readonly Item[]>;
  /** In the order of the sort keys' UTF-8 bytes. @throws InvalidInputError CURSOR_INVALID */
  query(input: QueryInput): Promise<QueryPage>;
  /**
   * @throws RefusedError when its condition does not hold. The SDK repeats a call whose answer was lost, so a refusal may
   * be due to one's own first attempt: read again before concluding that another was faster.
   */
  write(write: Write): Promise<void>;
  /**
   * All or nothing, at most 100 writes on distinct items. `token` (≤ 36 characters) makes a repeated call with the same
   * content within 10 minutes a no-op.
   * @throws RefusedError with the reasons.
   */
  transact(writes: readonly Write[], token?: string): Promise<void>;
}
