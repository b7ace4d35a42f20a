/** How job and specification come to be items, and the token that makes a repeated create the same job. */
import * as z from "zod";
import type { JobItem, SpecItem } from "../contracts/job-items.ts";
import { tokenKey } from "../keys/item-keys.ts";
import type { Item, Key, Table, Value, Write } from "../ports/index.ts";
import { parseItem } from "./load.ts";

/** What is undefined is left out, at any depth: the table keeps no such thing. */
export function asItem(record: JobItem | SpecItem): Item {
  return plain(record) as Item;
}
export const asValue = (record: unknown): Value => plain(record) as Value;
const plain = (record: unknown): unknown => JSON.parse(JSON.stringify(record));

/** An Idempotency-Key is remembered for a week. */
export const TOKEN_SECONDS = 7 * 86_400;

const tokenItem = z.object({
  jobId: z.string(),
  /** SHA-256 of the request's body, its keys sorted. */
  fingerprint: z.string(),
  /** The job was deleted: the key never makes another. */
  deleted: z.boolean().optional(),
  /** Seconds since the epoch. */
  expires: z.int(),
});
export type TokenItem = z.infer<typeof tokenItem>;

export async function loadToken(table: Table, owner: string, key: string): Promise<TokenItem | undefined> {
  const item = await table.get(tokenKey(owner, key), { consistent: true });
  return item && parseItem(tokenItem, item);
}

/** Remembers what an Idempotency-Key made. Refused when another request was faster; an expired one is replaced. */
export function tokenWrite(
  owner: string,
  { key, fingerprint }: { readonly key: string; readonly fingerprint: string },
  jobId: string,
  now: number,
): Write {
  const seconds = Math.floor(now / 1_000);
  return {
    put: tokenRow(owner, key, { jobId, fingerprint, expires: seconds + TOKEN_SECONDS }),
    if: { any: [{ missing: "pk" }, { le: ["expires", seconds] }] },
  };
}

export const tokenRow = (owner: string, key: string, token: TokenItem): Key & Item => ({
  ...tokenKey(owner, key),
  ...(asValue(token) as Record<string, Value>),
});
