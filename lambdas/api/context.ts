import type { Context } from "hono";
import type { AuthContext, Token } from "../../core/auth/ports.ts";
import { ApiError, invalid } from "../../core/contracts/api/errors.ts";
import { parseJson } from "../../core/contracts/api/input.ts";
import type { JobContext } from "../../core/job/context.ts";
import type { Edit } from "../../core/job/edit.ts";
import type { Shape } from "../../core/job/wire.ts";
import { VIEWS } from "../../core/states/views.ts";
import { fingerprintOf } from "./fingerprint.ts";

/** Everything the API works with; tests give in-memory twins. */
export interface ApiPorts extends JobContext {
  readonly auth: AuthContext;
  readonly version: string;
  /** Every caller gets job states in ByteNite's words. */
  readonly bytenite: boolean;
}

/** Who calls, as the authorizer found out; nothing of it ever comes from a body. */
export type Caller = Pick<Token, "id" | "owner" | "keyId" | "expiresAt">;

/** What the gateway passes beside the request. */
export interface Bindings {
  readonly requestId?: string;
  readonly caller?: Caller;
}
export interface Env {
  Bindings: Bindings;
  Variables: { ports: ApiPorts; requestId: string; reason?: string };
}
export type Call = Context<Env>;

export function callerOf(c: Call): Caller {
  const { caller } = c.env;
  if (!caller)
    throw new ApiError(
      "unauthenticated",
      "TOKEN_MISSING",
      "The Authorization header is missing; get a token from POST /v1/auth/access_token.",
    );
  return caller;
}

/** The job that the path names, and whose it must be. */
export const editOf = (c: Call): Edit => ({ owner: callerOf(c).owner, id: c.req.param("id") ?? "" });

/** 1 MB, as API Gateway counts it. */
export const MAX_BODY = 1024 * 1024;

/** The body's text, whatever its Content-Type. @throws ApiError 413, 400 */
export async function readText(c: Call): Promise<string> {
  const bytes = new Uint8Array(await c.req.arrayBuffer());
  if (bytes.byteLength > MAX_BODY) {
    throw new ApiError(
      "tooLarge",
      "BODY_TOO_LARGE",
      `The body has ${bytes.byteLength} bytes, and 1 MB (${MAX_BODY}) is the limit; send data as an upload, not in a body.`,
    );
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new ApiError("invalid", "INVALID_JSON", "The body is no UTF-8 text.", [], cause);
  }
}

/** The body as JSON; an absent one counts as `{}`. */
export const readBody = async (c: Call): Promise<unknown> => parseJson(await readText(c));

/** Printable ASCII, as a header carries it. */
const TOKEN = /^[\x21-\x7e]{1,255}$/;

/**
 * The Idempotency-Key header with the hash of what came with it; undefined without one.
 * @param what tells calls apart whose bodies may be alike
 * @throws ApiError 400
 */
export function idempotencyOf(c: Call, body: unknown, what = ""): { key: string; fingerprint: string } | undefined {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!TOKEN.test(key)) throw invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters without spaces");
  return { key, fingerprint: c.get("ports").auth.sha256(what + fingerprintOf(body)) };
}

/** A whole number of the query, by the first of its names that is given. */
export function queryInt(c: Call, names: readonly string[], least: number, most: number): number | undefined {
  for (const name of names) {
    const text = c.req.query(name);
    if (text === undefined || text === "") continue;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least) throw invalid(name, `must be a whole number from ${least}`);
    return Math.min(value, most);
  }
  return undefined;
}

/** A text of the query; an empty one is none. */
export const queryText = (c: Call, name: string): string | undefined => c.req.query(name) || undefined;

/** `?view=` and `?compat=`. @throws ApiError 400 */
export function shapeOf(c: Call): Shape {
  const view = queryText(c, "view")?.toLowerCase();
  const known = VIEWS.find((name) => name === view);
  if (view !== undefined && !known) throw invalid("view", `must be one of ${VIEWS.join(", ")}`);
  const compat = queryText(c, "compat")?.toLowerCase();
  return { view: known, bytenite: compat === undefined ? c.get("ports").bytenite : compat === "bytenite" };
}

/** The generic answer G. */
export const answerOk = (c: Call): Response =>
  c.json({ ok: true, requestId: c.get("requestId"), message: "", error: null });
