/** From an API key to an access token, and from a token to the owner who calls. */
import { ApiError } from "../contracts/api/errors.ts";
import { signOutKey } from "../keys/item-keys.ts";
import { RefusedError } from "../ports/index.ts";
import { findKeyByHash, isUsable, type KeyItem, keyWrites, loadKey } from "./keys.ts";
import { ownerWrites } from "./owners.ts";
import { ADMIN, type AuthContext, type Token } from "./ports.ts";

/** @throws ApiError 401 API_KEY_INVALID; the same for a key that is unknown, revoked or expired */
export async function signIn(ctx: AuthContext, apiKey: string): Promise<{ token: string; expiresIn: number }> {
  const now = ctx.clock.now();
  const key = (await findKeyByHash(ctx, ctx.sha256(apiKey))) ?? (await importAdminKey(ctx, apiKey));
  if (!isUsable(key, now)) {
    throw new ApiError(
      "unauthenticated",
      "API_KEY_INVALID",
      "The API key is unknown, expired or revoked; ask the admin for a new one.",
    );
  }
  const expiresAt = Math.min(now + ctx.tokenSeconds * 1_000, key.expiresAt ?? Number.POSITIVE_INFINITY);
  const token = await ctx.tokens.sign({ id: ctx.ids.ulid(), owner: key.owner, keyId: key.id, expiresAt });
  return { token, expiresIn: Math.floor((expiresAt - now) / 1_000) };
}

/** The first key is a generated secret of the deployment: it comes into the table when it is first used, and is a key like others then. */
async function importAdminKey(ctx: AuthContext, apiKey: string): Promise<KeyItem | undefined> {
  const secret = await ctx.adminKey();
  // Hashes are compared, so that the time tells nothing of the secret.
  if (secret === null || ctx.sha256(secret) !== ctx.sha256(apiKey)) return undefined;
  try {
    await ctx.table.transact(ownerWrites(ctx, ADMIN));
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error; // the owner is there: this secret replaces an earlier one
  }
  try {
    await ctx.table.transact(keyWrites(ctx, apiKey, { owner: ADMIN, name: "first key of the deployment" }));
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error; // another call imported it at the same time
  }
  return findKeyByHash(ctx, ctx.sha256(apiKey));
}

/**
 * Who calls. Two items are read: the key may have been revoked, and the token signed out, since it was made.
 * @param header the Authorization header: the token, raw or with `Bearer `
 * @throws ApiError 401 TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED
 */
export async function authenticate(
  ctx: Pick<AuthContext, "table" | "clock" | "tokens">,
  header: string | undefined,
): Promise<Token> {
  const text = (header ?? "").replace(/^\s*bearer\s+/i, "").trim();
  if (text === "")
    throw new ApiError(
      "unauthenticated",
      "TOKEN_MISSING",
      "The Authorization header is missing; get a token from POST /v1/auth/access_token.",
    );
  const now = ctx.clock.now();
  const token = await ctx.tokens.verify(text, now);
  const [key, signedOut] = await Promise.all([
    loadKey(ctx, token.owner, token.keyId),
    ctx.table.get(signOutKey(token.owner, token.id), { consistent: true }),
  ]);
  if (!isUsable(key, now) || signedOut) {
    throw new ApiError(
      "unauthenticated",
      "TOKEN_REVOKED",
      "The token was signed out, or its API key revoked; sign in again.",
    );
  }
  return token;
}

/** The token is refused from now on; the mark goes when it would have expired anyway. */
export async function signOut(
  ctx: Pick<AuthContext, "table">,
  token: Pick<Token, "id" | "owner" | "expiresAt">,
): Promise<void> {
  await ctx.table.write({
    put: { ...signOutKey(token.owner, token.id), expires: Math.ceil(token.expiresAt / 1_000) + 60 },
  });
}
