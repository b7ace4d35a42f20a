/** Owners: who API keys, jobs and data belong to. */
import * as z from "zod";
import { ApiError, conflict } from "../contracts/api/errors.ts";
import type { OwnerRecord, UserRecord } from "../contracts/api/records.ts";
import { BUILT_IN_OWNER } from "../job/catalog.ts";
import { parseItem } from "../job/load.ts";
import { OWNERS_PK, ownerKey, ownerListKey } from "../keys/item-keys.ts";
import { RefusedError, type Table, type Write } from "../ports/index.ts";
import { keyWrites, newKey } from "./keys.ts";
import { ADMIN, type AuthContext } from "./ports.ts";

const ownerItem = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string().optional(),
  createdAt: z.int(),
});

/** An owner's items: its own, with the counter of its jobs, and its line in the admin's list. */
export function ownerWrites(ctx: Pick<AuthContext, "clock">, id: string): Write[] {
  const createdAt = ctx.clock.now();
  return [
    { put: { ...ownerKey(id), id, name: id, createdAt, jobs: 0 }, if: { missing: "pk" } },
    { put: { ...ownerListKey(id), id, name: id, createdAt }, if: { missing: "pk" } },
  ];
}

/** @throws ApiError 403, 409 OWNER_EXISTS */
export async function createOwner(
  ctx: AuthContext,
  caller: string,
  id: string,
): Promise<{ owner: OwnerRecord; apiKey: string }> {
  demandAdmin(caller);
  if (id === BUILT_IN_OWNER) throw taken(id);
  const apiKey = newKey(ctx);
  try {
    await ctx.table.transact([...ownerWrites(ctx, id), ...keyWrites(ctx, apiKey, { owner: id, name: "first" })]);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    throw taken(id);
  }
  return { owner: { id, name: id, createdAt: new Date(ctx.clock.now()).toISOString() }, apiKey };
}

const taken = (id: string): ApiError =>
  conflict("OWNER_EXISTS", `There is an owner ${id} already; choose another name.`);

/** @throws ApiError 403 */
export async function listOwners(ctx: Pick<AuthContext, "table">, caller: string): Promise<readonly OwnerRecord[]> {
  demandAdmin(caller);
  const owners: OwnerRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await ctx.table.query({ pk: OWNERS_PK, ...(cursor === undefined ? {} : { cursor }) });
    for (const item of page.items) {
      const { id, name, createdAt } = parseItem(ownerItem, item);
      owners.push({ id, name, createdAt: new Date(createdAt).toISOString() });
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return owners;
}

function demandAdmin(caller: string): void {
  if (caller !== ADMIN)
    throw new ApiError(
      "forbidden",
      "ADMIN_ONLY",
      "Only the owner admin may do that; sign in with the deployment's first key.",
    );
}

export async function getUser(table: Table, owner: string): Promise<UserRecord> {
  const item = await table.get(ownerKey(owner), { consistent: true });
  if (!item) throw new ApiError("notFound", "USER_NOT_FOUND", "This owner no longer exists.");
  const { id, name, email, createdAt } = parseItem(ownerItem, item);
  return { id, name, email: email ?? null, isAdmin: id === ADMIN, createdAt: new Date(createdAt).toISOString() };
}

export async function editUser(
  table: Table,
  owner: string,
  changes: { name?: string | undefined; email?: string | undefined },
): Promise<UserRecord> {
  const set = Object.fromEntries(
    Object.entries(changes).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  if (Object.keys(set).length > 0)
    await table.write({ update: ownerKey(owner), changes: { set }, if: { exists: "pk" } });
  return getUser(table, owner);
}
