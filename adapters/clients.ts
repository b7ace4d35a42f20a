import { NodeHttpHandler } from "@smithy/node-http-handler";

/** Milliseconds. */
export interface Timeouts {
  /** @default 5,000: a TLS handshake within a region takes tens of milliseconds */
  readonly connection?: number;
  /** Until the answer begins. @default 15,000 */
  readonly request?: number;
  /** A connection on which nothing moves, a stream's too. @default 15,000 */
  readonly idle?: number;
}

/**
 * What every SDK client is made with. Emulators are reached by AWS_ENDPOINT_URL alone, which the SDK reads itself.
 * Four attempts with the SDK's backoff (100 ms, 200 ms, 400 ms at most, jittered): with the timeouts above a call ends
 * within a minute and a half even when nothing answers, well before a function's own timeout.
 * Clients are made by the adapters' own folders, so that a bundle holds only the SDKs it uses.
 */
export function clientDefaults(timeouts: Timeouts = {}) {
  return {
    maxAttempts: 4,
    requestHandler: new NodeHttpHandler({
      connectionTimeout: timeouts.connection ?? 5_000,
      requestTimeout: timeouts.request ?? 15_000,
      throwOnRequestTimeout: true,
      socketTimeout: timeouts.idle ?? 15_000,
      httpAgent: { keepAlive: true, maxSockets: 64 },
      httpsAgent: { keepAlive: true, maxSockets: 64 },
    }),
  };
}

/** One per process, made when it is first asked for. */
export function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
