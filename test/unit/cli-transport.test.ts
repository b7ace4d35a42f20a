import { describe, expect, it } from "vitest";
import { ApiFailure, JobJobClient, NotAnApiError, UnreachableError } from "../../client/index.ts";
import { delayMs, eachOf, retryAfterMs } from "../../client/retry.ts";
import { type Asked, SIGN_IN, serve, type Told, token } from "../helpers/api-server.ts";

const KEY = "key";
const refusal = (status: number, reason: string): Told => ({
  status,
  body: {
    code: 9,
    reason,
    message: `because ${reason}`,
    requestId: "r-1",
    details: [{ "@type": "t", path: "a.b", problem: "is bad" }],
  },
});

/** A server that signs in, and answers every other call by `answers`, one after the other; the last one stays. */
async function scripted(answers: readonly (Told | null)[], options: { readonly expiresIn?: string } = {}) {
  let calls = 0;
  let tokens = 0;
  const server = await serve(({ path }) => {
    if (path === SIGN_IN) return token(`T${++tokens}`, options.expiresIn);
    return answers[Math.min(calls++, answers.length - 1)] ?? null;
  });
  const slept: number[] = [];
  const sleep = async (ms: number) => void slept.push(ms);
  const client = (more: { readonly now?: () => number } = {}) =>
    new JobJobClient({ url: server.url, apiKey: KEY, sleep, random: () => 0, ...more });
  const count = (path: string) => server.asked.filter((one: Asked) => one.path === path).length;
  return { server, slept, client, count, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
const USER: Told = { body: { user: { id: "alice" } } };
const PATH = "/v1/auth/user";

describe("tokens", () => {
  it("asks once for all calls, also for those that come at the same time", async () => {
    await using world = await scripted([USER]);
    const client = world.client();

    await Promise.all([client.user(), client.user(), client.user()]);
    await client.user();

    expect(world.count(SIGN_IN)).toBe(1);
    expect(world.server.asked.filter(({ path }) => path === PATH).map(({ headers }) => headers.authorization)).toEqual(
      Array(4).fill("T1"),
    );
  });

  it("renews one a minute before its end", async () => {
    await using world = await scripted([USER], { expiresIn: "600" });
    let now = 1_000_000;
    const client = world.client({ now: () => now });

    await client.user();
    now += 539_000;
    await client.user();
    const before = world.count(SIGN_IN);
    now += 2_000;
    await client.user();

    expect([before, world.count(SIGN_IN)]).toEqual([1, 2]);
  });

  it("gets a new one when a call is refused with 401, once", async () => {
    await using world = await scripted([refusal(401, "TOKEN_REVOKED"), USER]);
    await world.client().user();
    expect(world.server.asked.at(-1)?.headers.authorization).toBe("T2");

    await using refusing = await scripted([refusal(401, "TOKEN_REVOKED")]);
    await expect(refusing.client().user()).rejects.toMatchObject({ code: "TOKEN_REVOKED", status: 401 });
    expect(refusing.count(PATH)).toBe(2);
  });
});

describe("retries", () => {
  it("calls again after 503 and 429, no sooner than Retry-After says", async () => {
    const busy = { ...refusal(429, "TOO_MANY"), headers: { "retry-after": "7" } };
    await using world = await scripted([refusal(503, "UNAVAILABLE"), busy, USER]);

    await world.client().user();

    expect(world.slept).toEqual([125, 7_000]);
  });

  it("gives up after six attempts, with the last refusal", async () => {
    await using world = await scripted([refusal(503, "UNAVAILABLE")]);
    await expect(world.client().user()).rejects.toMatchObject({ code: "UNAVAILABLE", retryable: true });
    expect(world.count(PATH)).toBe(6);
  });

  it("repeats a create after a lost answer under the same Idempotency-Key, and a new owner not at all", async () => {
    await using world = await scripted([null, { body: { job: { id: "J" }, templateInfo: null } }]);
    await world.client().create({ templateId: "x" });
    const keys = world.server.asked
      .filter(({ path }) => path !== SIGN_IN)
      .map(({ headers }) => headers["idempotency-key"]);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBeTruthy();
    expect(keys[1]).toBe(keys[0]);

    await using cut = await scripted([null]);
    await expect(cut.client().createOwner("bob")).rejects.toThrow(UnreachableError);
    expect(cut.count("/v1/admin/owners")).toBe(1);
  });

  it("doesn't repeat what was refused", async () => {
    await using world = await scripted([refusal(422, "INVALID_PARAMS")]);
    const failure = await world
      .client()
      .user()
      .catch((error: unknown) => error);
    expect(world.count(PATH)).toBe(1);
    expect(failure).toBeInstanceOf(ApiFailure);
    expect(failure).toMatchObject({
      code: "INVALID_PARAMS",
      grpcCode: 9,
      requestId: "r-1",
      message: "because INVALID_PARAMS",
      problems: [{ path: "a.b", problem: "is bad" }],
      retryable: false,
    });
  });

  it("grows its waits up to the most, and reads Retry-After as seconds or a date", () => {
    const policy = { attempts: 9, firstMs: 100, mostMs: 1_000 };
    expect([1, 2, 3, 4, 5, 6].map((failed) => delayMs(policy, failed, () => 1))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ]);
    expect(delayMs(policy, 1, () => 0)).toBe(50);
    expect(delayMs(policy, 1, () => 0, 99_000_000)).toBe(30_000);
    expect(retryAfterMs("3", 0)).toBe(3_000);
    expect(retryAfterMs("Thu, 01 Jan 1970 00:00:09 GMT", 4_000)).toBe(5_000);
    expect([retryAfterMs(null, 0), retryAfterMs("soon", 0)]).toEqual([0, 0]);
  });

  it("runs at most so many at a time and tells the first failure", async () => {
    let under = 0;
    let most = 0;
    const done: number[] = [];
    const work = eachOf([0, 1, 2, 3, 4, 5], 2, async (n) => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setTimeout(resolve, 1));
      under--;
      if (n === 3) throw new Error("three");
      done.push(n);
    });
    await expect(work).rejects.toThrow("three");
    expect(most).toBe(2);
    expect(done).not.toContain(5);
  });
});

describe("what is no JobJob", () => {
  it("is told apart from a server that isn't there", async () => {
    await using page = await serve(() => ({ body: "<html>hello</html>" }));
    await using missing = await serve(() => ({ status: 404, body: "nothing" }));
    const gone = await serve(() => null);
    await gone[Symbol.asyncDispose]();
    const ask = (url: string) => new JobJobClient({ url, apiKey: KEY, sleep: async () => {} }).user();

    await expect(ask(page.url)).rejects.toThrow(NotAnApiError);
    await expect(ask(missing.url)).rejects.toThrow(/status 404.*check the URL/);
    await expect(ask(gone.url)).rejects.toThrow(/nothing listens there/);
  });

  it("takes the URL with or without /v1 and slashes", async () => {
    await using world = await scripted([USER]);
    for (const tail of ["", "/", "/v1", "/v1/"]) {
      const client = new JobJobClient({ url: world.server.url + tail, apiKey: KEY });
      expect(await client.user()).toEqual({ id: "alice" });
    }
  });
});

describe("pages", () => {
  it("follow the cursor, else the offset", async () => {
    const page = (data: number[], cursor: string | null, hasNext: boolean): Told => ({
      body: { data: data.map((id) => ({ id })), pagination: { hasNext, cursor } },
    });
    await using world = await scripted([page([1, 2], "c1", true), page([3], null, true), page([4], null, false)]);
    const ids: unknown[] = [];
    for await (const { id } of world.client().list({ state: "FAILED" })) ids.push(id);

    expect(ids).toEqual([1, 2, 3, 4]);
    const queries = world.server.asked.filter(({ path }) => path !== SIGN_IN).map(({ query }) => String(query));
    expect(queries).toEqual([
      "state=FAILED&compat=jobjob&limit=100",
      "state=FAILED&compat=jobjob&limit=100&cursor=c1",
      "state=FAILED&compat=jobjob&limit=100&offset=3",
    ]);
  });
});
