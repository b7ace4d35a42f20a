/** An HTTP server for the client and the CLI: a handler of the test's own, or the whole API in memory. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { MemoryObjectStore } from "../../adapters/memory/index.ts";
import type { ObjectStore } from "../../core/ports/index.ts";
import { authorize } from "../../lambdas/authorizer/authorize.ts";
import { ApiWorld } from "./api-world.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}
export interface Told {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text or bytes go out as they are, anything else as JSON. */
  readonly body?: unknown;
}

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
}

/** Throwing or answering null cuts the connection. */
export async function serve(handler: (asked: Asked) => Told | null | Promise<Told | null>): Promise<TestServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://test");
    const one = {
      method: request.method ?? "GET",
      path: pathname,
      query: searchParams,
      headers: request.headers,
      body: await buffer(request),
    };
    asked.push(one);
    const told = await handler(one);
    if (told === null) {
      request.socket.destroy();
      return;
    }
    const raw = typeof told.body === "string" || told.body instanceof Uint8Array;
    response.writeHead(told.status ?? 200, told.headers ?? {});
    response.end(raw ? told.body : JSON.stringify(told.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const SIGN_IN = "/v1/auth/access_token";
export const token = (value = "T1", expiresIn = "3600"): Told => ({ body: { token: value, expiresIn, scope: "" } });

/** The real API on its in-memory twins, behind its real authorizer; links lead back to this server. */
export async function serveApi(): Promise<TestServer & { readonly world: ApiWorld; readonly apiKey: string }> {
  let base = "";
  const leadBack = (objects: MemoryObjectStore): ObjectStore =>
    new Proxy(objects, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        if (!String(name).startsWith("presign")) return value.bind(target);
        return async (...args: unknown[]) => `${base}/link?to=${encodeURIComponent(await value.apply(target, args))}`;
      },
    });
  const twins = new ApiWorld();
  const world = new ApiWorld({ table: () => twins.store, ports: { objects: leadBack(twins.objects) } });
  const server = await serve(async (one) => {
    if (one.path === "/link") return openLink(twins.objects, one);
    const { app, ports } = world;
    const open = one.path === SIGN_IN || one.path === "/v1/health";
    const context = open ? undefined : await callerFrom(ports.auth, one).catch(() => null);
    if (context === null) return { status: 401, body: { message: "Unauthorized" } };
    const body = one.body.length === 0 ? null : new Uint8Array(one.body);
    const headers = Object.fromEntries(Object.entries(one.headers).map(([key, value]) => [key, String(value)]));
    const init = { method: one.method, body: one.method === "GET" ? null : body, headers };
    const answer = await app.request(`${one.path}?${one.query}`, init, { requestId: "req-1", ...context });
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
  });
  base = server.url;
  return { ...server, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](), world, apiKey: "the-first-key" };
}

async function callerFrom(auth: Parameters<typeof authorize>[0], { headers }: Asked) {
  const methodArn = "arn:aws:execute-api:eu-north-1:123456789012:abcdef/prod/GET/v1/customer/jobs";
  const { context } = await authorize(auth, { methodArn, headers: { authorization: headers.authorization ?? "" } });
  const owner = String(context.owner);
  return { caller: { id: "T", owner, keyId: "K", expiresAt: Number.MAX_SAFE_INTEGER } };
}

async function openLink(objects: MemoryObjectStore, { query, method, body, headers }: Asked): Promise<Told> {
  const answer = await objects.fetchLink(query.get("to") ?? "", {
    method: method === "PUT" ? "PUT" : "GET",
    body: new Uint8Array(body),
  });
  const [, from] = /^bytes=(\d+)-$/.exec(headers.range ?? "") ?? [];
  if (from !== undefined && answer.status === 200) {
    const rest = Buffer.from(answer.body ?? "").subarray(Number(from));
    return rest.length === 0 ? { status: 416 } : { status: 206, body: rest };
  }
  return { status: answer.status, body: answer.body, headers: { ...answer.headers } };
}
