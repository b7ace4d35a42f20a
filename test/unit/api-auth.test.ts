import { describe, expect, it } from "vitest";
import { JoseTokens } from "../../adapters/auth/tokens.ts";
import { apiKeyRecord, type ErrorAnswer, errorAnswer, userRecord } from "../../core/contracts/api/records.ts";
import { authorize } from "../../lambdas/authorizer/authorize.ts";
import { ApiWorld } from "../helpers/api-world.ts";

const ARN = "arn:aws:execute-api:eu-north-1:123456789012:abcdef/prod/GET/v1/customer/jobs";
const signIn = (world: ApiWorld, apiKey: string) =>
  world.call<{ token: string; expiresIn: string; scope: string } & ErrorAnswer>(
    "POST",
    "/v1/auth/access_token",
    { apiKey },
    { owner: null },
  );
const authorized = (world: ApiWorld, header: string | undefined) =>
  authorize(world.ports.auth, { methodArn: ARN, headers: header === undefined ? {} : { authorization: header } });
const newOwner = (world: ApiWorld, name: string) =>
  world.call<{ owner: { id: string }; apiKey: string } & ErrorAnswer>(
    "POST",
    "/v1/admin/owners",
    { name },
    { owner: "admin" },
  );

describe("signing in", () => {
  it("imports the deployment's first key at its first use, as the owner admin", async () => {
    const world = new ApiWorld();

    const first = await signIn(world, "the-first-key");
    const second = await signIn(world, "the-first-key");
    const answer = await authorized(world, first.body.token);

    expect(first.body).toMatchObject({ expiresIn: "3600", scope: "" });
    expect(second.status).toBe(200);
    expect(answer.context.owner).toBe("admin");
    expect(JSON.stringify(world.store.dump())).not.toContain("the-first-key");
  });

  it("imports it once when two use it at the same time", async () => {
    const world = new ApiWorld();
    const answers = await Promise.all([signIn(world, "the-first-key"), signIn(world, "the-first-key")]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(world.store.dump().filter(({ pk }) => pk.startsWith("APIKEY#"))).toHaveLength(1);
  });

  it.each([
    ["wrong", 401],
    ["", 400],
  ])("refuses the key %j with %i", async (key, status) => {
    const answer = await signIn(new ApiWorld(), key);
    expect(answer.status).toBe(status);
    errorAnswer.parse(answer.body);
  });

  it("gives each new owner a key that is shown once and kept as a hash", async () => {
    const world = new ApiWorld();

    const made = await newOwner(world, "bob");
    const token = (await signIn(world, made.body.apiKey)).body.token;
    const again = await newOwner(world, "bob");
    const owners = await world.call<{ owners: { id: string }[] }>("GET", "/v1/admin/owners", undefined, {
      owner: "admin",
    });

    expect([made.status, made.body.owner.id, again.status, again.body.reason]).toEqual([
      200,
      "bob",
      409,
      "OWNER_EXISTS",
    ]);
    expect((await authorized(world, `Bearer ${token}`)).context.owner).toBe("bob");
    expect(JSON.stringify(world.store.dump())).not.toContain(made.body.apiKey);
    expect(owners.body.owners.map(({ id }) => id)).toEqual(["bob"]);
  });

  it.each(["Bob", "b", "a/b", "a#b", "../x", "a b", "-a"])("refuses the owner's name %j", async (name) => {
    expect((await newOwner(new ApiWorld(), name)).status).toBe(400);
  });

  it("lets only the admin make owners", async () => {
    const { status, body } = await new ApiWorld().call<ErrorAnswer>("POST", "/v1/admin/owners", { name: "eve" });
    expect([status, body.reason, body.code]).toEqual([403, "ADMIN_ONLY", 7]);
  });
});

describe("the authorizer", () => {
  it("allows the whole stage and passes on who calls", async () => {
    const world = new ApiWorld();
    const { token } = (await signIn(world, "the-first-key")).body;

    const raw = await authorized(world, token);
    const bearer = await authorized(world, `bearer  ${token}`);

    expect(raw.policyDocument.Statement).toEqual([
      {
        Action: "execute-api:Invoke",
        Effect: "Allow",
        Resource: "arn:aws:execute-api:eu-north-1:123456789012:abcdef/prod/*",
      },
    ]);
    expect(bearer.context).toEqual(raw.context);
  });

  it.each([undefined, "", "Bearer", "Bearer nonsense", "a.b.c"])("refuses %j", async (header) => {
    await expect(authorized(new ApiWorld(), header)).rejects.toThrow(/^Unauthorized$/);
  });

  it("refuses a token of another secret, of no signature, and one that has expired", async () => {
    const world = new ApiWorld();
    const { token } = (await signIn(world, "the-first-key")).body;
    const { context } = await authorized(world, token);
    const claims = { id: context.tokenId, owner: "admin", keyId: context.keyId, expiresAt: context.expiresAt };
    const forged = await new JoseTokens(async () => "another secret of the same length, or even longer").sign(claims);
    const unsigned = `${btoa('{"alg":"none"}')}.${token.split(".")[1]}.`;

    await expect(authorized(world, forged)).rejects.toThrow(/^Unauthorized$/);
    await expect(authorized(world, unsigned)).rejects.toThrow(/^Unauthorized$/);
    world.clock.advance(3_601_000);
    await expect(authorized(world, token)).rejects.toThrow(/^Unauthorized$/);
  });

  it("refuses a signed-out token, but no other of the same key", async () => {
    const world = new ApiWorld();
    const one = (await signIn(world, "the-first-key")).body.token;
    const other = (await signIn(world, "the-first-key")).body.token;
    const { context } = await authorized(world, one);
    const caller = { id: context.tokenId, owner: context.owner, keyId: context.keyId, expiresAt: context.expiresAt };

    const out = await world.app.request("/v1/auth/signout", { method: "POST" }, { caller });

    expect(out.status).toBe(200);
    await expect(authorized(world, one)).rejects.toThrow(/^Unauthorized$/);
    expect((await authorized(world, other)).context.owner).toBe("admin");
  });
});

describe("API keys", () => {
  it("are listed without the key, and refused with their tokens once revoked", async () => {
    const world = new ApiWorld();
    await world.owner("alice");
    const { apiKey } = (await world.call<{ apiKey: string }>("POST", "/v1/auth/api_keys", { name: "laptop" })).body;
    const { token } = (await signIn(world, apiKey)).body;

    const before = await authorized(world, token);
    const { apiKeys } = (await world.call<{ apiKeys: unknown[] }>("GET", "/v1/auth/api_keys")).body;
    const key = apiKeyRecord.parse(apiKeys[0]);
    const foreign = await world.call("POST", `/v1/auth/api_keys/${key.id}/revoke`, undefined, { owner: "mallory" });
    const revoked = await world.call("POST", `/v1/auth/api_keys/${key.id}/revoke`);

    expect([before.context.owner, key.name, key.revoked]).toEqual(["alice", "laptop", false]);
    expect([foreign.status, revoked.status]).toEqual([404, 200]);
    expect(JSON.stringify(apiKeys)).not.toContain(apiKey);
    await expect(authorized(world, token)).rejects.toThrow(/^Unauthorized$/);
    expect((await signIn(world, apiKey)).status).toBe(401);
  });

  it("end at their time, and so do their tokens", async () => {
    const world = new ApiWorld();
    await world.owner("alice");
    const expiresAt = new Date(world.clock.now() + 60_000).toISOString();
    const { apiKey } = (await world.call<{ apiKey: string }>("POST", "/v1/auth/api_keys", { name: "short", expiresAt }))
      .body;

    const { token, expiresIn } = (await signIn(world, apiKey)).body;
    world.clock.advance(61_000);

    expect(expiresIn).toBe("60");
    await expect(authorized(world, token)).rejects.toThrow(/^Unauthorized$/);
    expect((await signIn(world, apiKey)).status).toBe(401);
  });
});

describe("the user", () => {
  it("can be read and renamed", async () => {
    const world = new ApiWorld();
    await world.owner("alice");
    const edited = await world.call<{ user: unknown }>("PATCH", "/v1/auth/user", {
      name: "Alice",
      email: "a@example.org",
    });
    const read = await world.call<{ user: unknown }>("GET", "/v1/auth/user");
    expect(userRecord.parse(read.body.user)).toMatchObject({
      id: "alice",
      name: "Alice",
      email: "a@example.org",
      isAdmin: false,
    });
    expect(edited.body).toEqual(read.body);
  });
});

describe("without a caller", () => {
  it("only the open routes answer", async () => {
    const world = new ApiWorld();
    const statusOf = async (method: string, path: string) =>
      (await world.call(method, path, undefined, { owner: null })).status;

    for (const path of ["/v1/health", "/v1/auth/info", "/v1/customer/info", "/v1/dev/info"])
      expect(await statusOf("GET", path), path).toBe(200);
    const closed: [string, string][] = [
      ["GET", "/v1/customer/jobs"],
      ["POST", "/v1/customer/jobs"],
      ["GET", "/v1/customer/jobs/templates"],
      ["GET", "/v1/dev/templates"],
      ["GET", "/v1/auth/user"],
      ["GET", "/v1/auth/api_keys"],
      ["GET", "/v1/admin/owners"],
      ["POST", "/v1/auth/signout"],
      ["GET", "/v1/wallet/balance"],
      ["GET", "/v1/nowhere"],
    ];
    for (const [method, path] of closed) expect(await statusOf(method, path), path).toBe(401);
  });
});
