/** API Gateway's REST proxy event as a Request, and a Response as its answer. */
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from "aws-lambda";
import type { Bindings, Caller } from "./context.ts";

/**
 * Paths arrive without the stage. AWS passes them percent-encoded; what an engine has decoded is encoded again, so that
 * neither an id's `@` nor a stray `?` changes the route.
 */
export function requestOf(event: APIGatewayProxyEvent): Request {
  const path = event.path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, encoded);
  const url = new URL(`https://api.invalid${path.startsWith("/") ? "" : "/"}${path}`);
  for (const [name, values] of Object.entries(queryOf(event)))
    for (const value of values) url.searchParams.append(name, value);
  const headers = new Headers();
  for (const [name, value] of Object.entries(event.headers ?? {}))
    if (value !== undefined) setHeader(headers, name, value);
  const method = event.httpMethod.toUpperCase();
  // A body on GET is ignored; Request would refuse it.
  const body = method === "GET" || method === "HEAD" || !event.body ? null : bodyOf(event.body, event.isBase64Encoded);
  return new Request(url, { method, headers, body });
}

/** encodeURIComponent throws on half a character; a Buffer replaces it. */
const encoded = (character: string): string => encodeURIComponent(Buffer.from(character, "utf8").toString("utf8"));

function queryOf(event: APIGatewayProxyEvent): Record<string, readonly string[]> {
  const query: Record<string, readonly string[]> = {};
  for (const [name, value] of Object.entries(event.queryStringParameters ?? {}))
    if (value !== undefined) query[name] = [value];
  for (const [name, values] of Object.entries(event.multiValueQueryStringParameters ?? {}))
    if (values) query[name] = values;
  return query;
}

/** A header that HTTP doesn't allow is left out: nothing here reads it. */
function setHeader(headers: Headers, name: string, value: string): void {
  if (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)) headers.set(name, value);
}

const bodyOf = (body: string, isBase64: boolean): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(Buffer.from(body, isBase64 ? "base64" : "utf8"));

/** What the authorizer found out; a call through an open route has none. */
export function bindingsOf(event: APIGatewayProxyEvent): Bindings {
  const { requestId, authorizer } = event.requestContext;
  const caller = callerOf(authorizer);
  return { requestId, ...(caller ? { caller } : {}) };
}

/** Engines pass the context's numbers as text. */
function callerOf(context: Record<string, unknown> | null | undefined): Caller | undefined {
  const { owner, keyId, tokenId, expiresAt } = context ?? {};
  if (typeof owner !== "string" || typeof keyId !== "string" || typeof tokenId !== "string") return undefined;
  return { id: tokenId, owner, keyId, expiresAt: Number(expiresAt) };
}

/** Browsers may call from anywhere: rights come from the token alone. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "x-request-id, retry-after, x-next-cursor",
};

export async function resultOf(response: Response): Promise<APIGatewayProxyResult> {
  return {
    statusCode: response.status,
    headers: { ...Object.fromEntries(response.headers), "cache-control": "no-store", ...CORS },
    body: await response.text(),
    isBase64Encoded: false,
  };
}
