import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, it } from "vitest";
import { JoseTokens } from "../../../adapters/auth/tokens.ts";
import { redact } from "../../../adapters/system/index.ts";

const SECRET = "a secret of forty-eight characters, as generated";
const NOW = Date.parse("2026-01-01T00:00:00Z");
const TOKEN = { id: "T1", owner: "alice", keyId: "K1", expiresAt: NOW + 60_000 };
const tokens = new JoseTokens(async () => SECRET);
const bytes = (text: string) => new TextEncoder().encode(text);
const claims = () =>
  new SignJWT({ kid: "K1" })
    .setIssuer("jobjob")
    .setSubject("admin")
    .setJti("T")
    .setExpirationTime(NOW / 1_000 + 60);

describe("an access token", () => {
  it("says again who it was made for", async () => {
    expect(await tokens.verify(await tokens.sign(TOKEN), NOW)).toEqual(TOKEN);
  });

  it.each<[string, () => Promise<string> | string]>([
    [
      "without a signature (alg none)",
      () =>
        new UnsecuredJWT({ kid: "K1" })
          .setIssuer("jobjob")
          .setSubject("admin")
          .setJti("T")
          .setExpirationTime(NOW / 1_000 + 60)
          .encode(),
    ],
    [
      "of another algorithm with the right secret",
      () => claims().setProtectedHeader({ alg: "HS384" }).sign(bytes(SECRET)),
    ],
    [
      "of another secret",
      () =>
        claims()
          .setProtectedHeader({ alg: "HS256" })
          .sign(bytes(`${SECRET}!`)),
    ],
    ["of another issuer", () => claims().setIssuer("else").setProtectedHeader({ alg: "HS256" }).sign(bytes(SECRET))],
    [
      "that never expires",
      () =>
        new SignJWT({ kid: "K1" })
          .setIssuer("jobjob")
          .setSubject("admin")
          .setJti("T")
          .setProtectedHeader({ alg: "HS256" })
          .sign(bytes(SECRET)),
    ],
    [
      "with another owner put in",
      async () => {
        const [head, , signature] = (await tokens.sign(TOKEN)).split(".");
        const body = Buffer.from(
          JSON.stringify({ kid: "K1", iss: "jobjob", sub: "admin", jti: "T1", exp: NOW / 1_000 + 60 }),
        );
        return `${head}.${body.toString("base64url")}.${signature}`;
      },
    ],
  ])("%s is refused", async (_what, make) => {
    await expect(tokens.verify(await make(), NOW)).rejects.toMatchObject({
      kind: "unauthenticated",
      code: "TOKEN_INVALID",
    });
  });

  it("is refused from the moment it expires", async () => {
    const token = await tokens.sign(TOKEN);
    await expect(tokens.verify(token, TOKEN.expiresAt)).rejects.toMatchObject({ code: "TOKEN_EXPIRED" });
  });

  it.each(["", "short", "x".repeat(31)])(
    "is never signed or believed with a key that can be guessed: %j",
    async (secret) => {
      const weak = new JoseTokens(async () => secret);
      await expect(weak.sign(TOKEN)).rejects.toMatchObject({ code: "SECRET_INVALID" });
      await expect(weak.verify(await tokens.sign(TOKEN), NOW)).rejects.toMatchObject({ code: "SECRET_INVALID" });
    },
  );
});

describe("logs", () => {
  it("hide API keys, tokens and links' signatures wherever they stand", async () => {
    const key = `jj_${"aB3-_".repeat(9)}`;
    const token = await tokens.sign(TOKEN);
    const link = "https://b.s3.amazonaws.com/k?X-Amz-Credential=AKIA&X-Amz-Signature=0a1b&X-Amz-Security-Token=tok";
    const error = new Error(`The body is no JSON: "${key}" at ${link}`, {
      cause: { body: { value: `sent ${key}, ${token}` } },
    });

    const line = JSON.stringify(redact({ error, list: [key, { text: link }], deep: { note: `Bearer ${token}` } }));

    for (const secret of [key, token, "0a1b", "=tok"]) expect(line).not.toContain(secret);
  });
});
