/** API keys: shown once, kept as a hash; an item under the owner, and one to find it by its hash. */
import * as z from "zod";
import { ApiError } from "../contracts/api/errors.ts";
import type { ApiKeyRecord } from "../contracts/api/records.ts";
import { parseItem } from "../job/load.ts";
import { API_KEY_PREFIX, apiKeyHashKey, apiKeyKey, ownerPk } from "../keys/item-keys.ts";
import { RefusedError, type Write } from "../ports/index.ts";
import type { AuthContext } from "./ports.ts";

const keyItem = z.object({
  id: z.string(),
  owner: z.string(),
  name: z.string(),
  hash: z.string(),
  issuedAt: z.int(),
  expiresAt: z.int().optional(),
  revokedAt: z.int().optional(),
});
export type KeyItem = z.infer<typeof keyItem>;

const hashItem = z.object({ owner: z.string(), id: z.string() });

/** 256 random bits need no slow hash: nobody guesses them. */
const KEY_BYTES = 32;
export const newKey = (ctx: AuthContext): string => `jj_${ctx.randomText(KEY_BYTES)}`;

/** The two items of a key; part of a transaction, refused when a key of this hash exists. */
export function keyWrites(
  ctx: AuthContext,
  key: string,
  of: { owner: string; name: string; expiresAt?: number },
): Write[] {
  const hash = ctx.sha256(key);
  const id = ctx.ids.ulid();
  const { owner, name, expiresAt } = of;
  const item = { id, owner, name, hash, issuedAt: ctx.clock.now(), ...(expiresAt === undefined ? {} : { expiresAt }) };
  return [
    { put: { ...apiKeyHashKey(hash), owner, id }, if: { missing: "pk" } },
    { put: { ...apiKeyKey(owner, id), ...item }, if: { missing: "pk" } },
  ];
}

/** @returns the key itself, the only time it is seen. */
export async function issueKey(
  ctx: AuthContext,
  of: { owner: string; name: string; expiresAt?: number },
): Promise<string> {
  const key = newKey(ctx);
  await ctx.table.transact(keyWrites(ctx, key, of));
  return key;
}

export async function findKeyByHash(ctx: AuthContext, hash: string): Promise<KeyItem | undefined> {
  const item = await ctx.table.get(apiKeyHashKey(hash), { consistent: true });
  if (!item) return undefined;
  const { owner, id } = parseItem(hashItem, item);
  return loadKey(ctx, owner, id);
}

export async function loadKey(
  ctx: Pick<AuthContext, "table">,
  owner: string,
  id: string,
): Promise<KeyItem | undefined> {
  const item = await ctx.table.get(apiKeyKey(owner, id), { consistent: true });
  return item && parseItem(keyItem, item);
}

export const isUsable = (key: KeyItem | undefined, now: number): key is KeyItem =>
  key !== undefined && key.revokedAt === undefined && (key.expiresAt === undefined || key.expiresAt > now);

export async function listKeys(ctx: Pick<AuthContext, "table">, owner: string): Promise<readonly ApiKeyRecord[]> {
  const keys: ApiKeyRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await ctx.table.query({
      pk: ownerPk(owner),
      prefix: API_KEY_PREFIX,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const item of page.items) keys.push(keyOut(parseItem(keyItem, item)));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return keys;
}

/** Ours are ULIDs; nothing else is made a key of the table. */
const KEY_ID = /^[0-9A-Z]{26}$/;

/** Its tokens are refused from the next call on. Called again: fine. @throws ApiError 404 */
export async function revokeKey(ctx: Pick<AuthContext, "table" | "clock">, owner: string, id: string): Promise<void> {
  if (!KEY_ID.test(id)) throw keyNotFound();
  try {
    await ctx.table.write({
      update: apiKeyKey(owner, id),
      changes: { setIfMissing: { revokedAt: ctx.clock.now() } },
      if: { exists: "pk" },
    });
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw keyNotFound();
  }
}

const keyNotFound = (): ApiError =>
  new ApiError("notFound", "API_KEY_NOT_FOUND", "There is no such API key; GET /v1/auth/api_keys lists yours.");

const keyOut = (key: KeyItem): ApiKeyRecord => ({
  id: key.id,
  name: key.name,
  issuedAt: new Date(key.issuedAt).toISOString(),
  expiresAt: key.expiresAt === undefined ? null : new Date(key.expiresAt).toISOString(),
  userId: key.owner,
  revoked: key.revokedAt !== undefined,
  fingerprint: key.hash.slice(0, 16),
});
