/** One HTTP call to the API: token, timeouts, retries, errors. */
import { setTimeout as sleep } from "node:timers/promises";
import { ApiFailure, isPassing, NotAnApiError, UnreachableError } from "./errors.ts";
import { CALL_RETRIES, delayMs, type RetryPolicy, retryAfterMs } from "./retry.ts";

export interface TransportOptions {
  /** The deployment's URL, with or without `/v1` at its end. */
  readonly url: string;
  readonly apiKey: string;
  /** @default the global fetch */
  readonly fetch?: typeof fetch;
  /** @default CALL_RETRIES */
  readonly retries?: RetryPolicy;
  /** Milliseconds until an attempt is given up. @default 35,000: the gateway itself ends a call at 29 s */
  readonly timeoutMs?: number;
  readonly sleep?: (ms: number) => Promise<unknown>;
  readonly now?: () => number;
  readonly random?: () => number;
}

export interface Call {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether a second call does no harm when the first one's answer was lost. @default true */
  readonly repeatable?: boolean;
  /** False for the calls that need no token. @default true */
  readonly signed?: boolean;
}

/** A server that isn't there won't be in a second; a connection that was cut is tried a few times. */
const NETWORK_ATTEMPTS = 3;
/** A token is renewed before it ends, so that a call under way doesn't outlive it. */
const RENEW_BEFORE_MS = 60_000;

export class Transport {
  readonly url: string;
  readonly #options: Required<Omit<TransportOptions, "url" | "fetch">> & { readonly fetch: typeof fetch };
  #token: { readonly value: Promise<string>; endsAt: number } | undefined;

  constructor(options: TransportOptions) {
    this.url = options.url.replace(/\/+$/, "").replace(/\/v1$/, "");
    this.#options = {
      apiKey: options.apiKey,
      fetch: options.fetch ?? fetch,
      retries: options.retries ?? CALL_RETRIES,
      timeoutMs: options.timeoutMs ?? 35_000,
      sleep: options.sleep ?? ((ms) => sleep(ms)),
      now: options.now ?? Date.now,
      random: options.random ?? Math.random,
    };
  }

  /**
   * @returns the answer's body, an object
   * @throws ApiFailure the API's refusal; UnreachableError; NotAnApiError
   */
  async call(method: string, path: string, call: Call = {}): Promise<Record<string, unknown>> {
    return this.#object(await this.send(method, path, call));
  }

  /** The answer itself, for a body that is no object; it is there as a whole. @throws as `call` */
  async send(method: string, path: string, call: Call = {}): Promise<Response> {
    if (call.signed === false) return this.#attempts(method, path, call, undefined);
    const token = await this.token();
    try {
      return await this.#attempts(method, path, call, token);
    } catch (error) {
      if (!(error instanceof ApiFailure && error.status === 401)) throw error;
      // Revoked or ended early (another clock than ours): one new token, one more try.
      if ((await this.#token?.value.catch(() => undefined)) === token) this.#token = undefined;
      return this.#attempts(method, path, call, await this.token());
    }
  }

  /** A token for the API key; kept until a minute before its end. @throws ApiFailure 401 for a wrong key */
  async token(): Promise<string> {
    if (this.#token && this.#token.endsAt > this.#options.now()) return this.#token.value;
    const kept = { value: this.#signIn(), endsAt: Number.POSITIVE_INFINITY };
    this.#token = kept;
    try {
      return await kept.value;
    } catch (error) {
      if (this.#token === kept) this.#token = undefined;
      throw error;
    }
  }

  async #signIn(): Promise<string> {
    const asked = this.#options.now();
    const body = { apiKey: this.#options.apiKey };
    const answer = await this.#object(await this.#attempts("POST", "/v1/auth/access_token", { body }, undefined));
    const seconds = Number(answer.expiresIn);
    if (typeof answer.token !== "string" || !Number.isFinite(seconds)) {
      throw new NotAnApiError(this.url, "no token in the answer to a sign-in");
    }
    if (this.#token) this.#token.endsAt = asked + seconds * 1_000 - Math.min(RENEW_BEFORE_MS, seconds * 500);
    return answer.token;
  }

  async #attempts(method: string, path: string, call: Call, token: string | undefined): Promise<Response> {
    const { retries, random, now, sleep: pause } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#once(method, path, call, token);
      if (answer instanceof UnreachableError) {
        if (call.repeatable === false || attempt >= Math.min(NETWORK_ATTEMPTS, retries.attempts)) throw answer;
        await pause(delayMs(retries, attempt, random));
        continue;
      }
      if (answer.ok) return answer;
      const failure = await this.#failure(answer);
      const again = isPassing(answer.status) && (call.repeatable !== false || answer.status === 429);
      if (!again || attempt >= retries.attempts) throw failure;
      await pause(delayMs(retries, attempt, random, retryAfterMs(answer.headers.get("retry-after"), now())));
    }
  }

  async #once(method: string, path: string, call: Call, token: string | undefined) {
    const url = new URL(this.url + path);
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, String(value));
    }
    try {
      const answer = await this.#options.fetch(url, {
        method,
        headers: {
          accept: "application/json",
          ...(call.body === undefined ? {} : { "content-type": "application/json" }),
          ...(token === undefined ? {} : { authorization: token }),
          ...call.headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      });
      // The body belongs to the attempt: a connection that is cut in it counts as no answer.
      return new Response(await answer.text(), { status: answer.status, headers: answer.headers });
    } catch (error) {
      return new UnreachableError(this.url, error);
    }
  }

  async #object(answer: Response): Promise<Record<string, unknown>> {
    const value = readJson(await answer.text());
    if (!isObject(value)) throw new NotAnApiError(this.url, "the answer is no JSON object");
    return value;
  }

  async #failure(answer: Response): Promise<Error> {
    const value = readJson(await answer.text());
    if (isObject(value) && typeof value.reason === "string") return new ApiFailure(answer.status, value);
    if (isPassing(answer.status)) return new ApiFailure(answer.status, {});
    // The gateway's own refusal of a token may carry a body of its own.
    if (answer.status === 401 || answer.status === 403) {
      return new ApiFailure(401, { reason: "UNAUTHENTICATED", message: "The token was refused; sign in again." });
    }
    return new NotAnApiError(this.url, `status ${answer.status}`);
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the caller says what that means
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
