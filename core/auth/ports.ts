import type { Clock, Ids, Table } from "../ports/index.ts";

/** What an access token says. Times are milliseconds since the epoch. */
export interface Token {
  /** Unique; a sign-out names it. */
  readonly id: string;
  readonly owner: string;
  /** The API key it was given for. */
  readonly keyId: string;
  readonly expiresAt: number;
}

/** Signing and verifying of tokens: adapters/auth. */
export interface Tokens {
  sign(token: Token): Promise<string>;
  /** @throws ApiError 401 TOKEN_EXPIRED, TOKEN_INVALID */
  verify(text: string, now: number): Promise<Token>;
}

export interface AuthContext {
  readonly table: Table;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly tokens: Tokens;
  /** Seconds an access token lives. */
  readonly tokenSeconds: number;
  /** SHA-256, hexadecimal. */
  sha256(text: string): string;
  /** Cryptographically random, base64url. */
  randomText(bytes: number): string;
  /** The deployment's generated first key; null when there is none. */
  adminKey(): Promise<string | null>;
}

/** The owner that the deployment's first key belongs to. */
export const ADMIN = "admin";
