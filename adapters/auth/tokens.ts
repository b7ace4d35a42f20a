import { errors, jwtVerify, SignJWT } from "jose";
import type { Token, Tokens } from "../../core/auth/ports.ts";
import { ApiError } from "../../core/contracts/api/errors.ts";
import { JobJobError } from "../../core/errors.ts";

const ISSUER = "jobjob";
const ALGORITHM = "HS256";
/** As long as the hash. Source: RFC 7518, 3.2. */
const MIN_KEY_BYTES = 32;

/** Access tokens as JWTs, signed with one secret of the deployment (HS256: the same functions sign and verify). */
export class JoseTokens implements Tokens {
  readonly #secret: () => Promise<string>;

  /** @param secret ≥ 32 characters; asked for at every call (adapters/secrets keeps it) */
  constructor(secret: () => Promise<string>) {
    this.#secret = secret;
  }

  async sign(token: Token): Promise<string> {
    return new SignJWT({ kid: token.keyId })
      .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
      .setIssuer(ISSUER)
      .setSubject(token.owner)
      .setJti(token.id)
      .setExpirationTime(Math.floor(token.expiresAt / 1_000))
      .sign(await this.#key());
  }

  async #key(): Promise<Uint8Array> {
    const key = new TextEncoder().encode(await this.#secret());
    if (key.length >= MIN_KEY_BYTES) return key;
    throw new JobJobError({
      code: "SECRET_INVALID",
      message: `The secret that signs access tokens has ${key.length} bytes and needs ${MIN_KEY_BYTES}; put a longer one in its place.`,
    });
  }

  async verify(text: string, now: number): Promise<Token> {
    const key = await this.#key();
    try {
      const { payload } = await jwtVerify(text, key, {
        algorithms: [ALGORITHM],
        issuer: ISSUER,
        currentDate: new Date(now),
      });
      const { sub, jti, exp, kid } = payload;
      if (!sub || !jti || exp === undefined || typeof kid !== "string") throw malformed();
      return { id: jti, owner: sub, keyId: kid, expiresAt: exp * 1_000 };
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        throw new ApiError(
          "unauthenticated",
          "TOKEN_EXPIRED",
          "The access token has expired; get a new one from POST /v1/auth/access_token.",
          [],
          error,
        );
      }
      throw error instanceof ApiError ? error : malformed(error);
    }
  }
}

const malformed = (cause?: unknown): ApiError =>
  new ApiError(
    "unauthenticated",
    "TOKEN_INVALID",
    "The access token is malformed or wasn't made by this deployment; get one from POST /v1/auth/access_token.",
    [],
    cause,
  );
